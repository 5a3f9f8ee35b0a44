/// The extraction problem as linear inequalities.
///
/// Variables: x_n, whether node n is chosen (0 .. nodes - 1), then y_c, whether class c is needed (nodes + c). Cycles have
/// inequalities without number, which are made where a solution breaks them. As what a node needs transitively (Needs) it needs
/// as surely as its children, all of them count for that too.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "compiler/dag/reduce.h"

namespace nntune::dag {

/// lower <= sum of value * variable <= upper.
struct Row {
  double lower = -std::numeric_limits<double>::infinity();
  double upper = std::numeric_limits<double>::infinity();
  std::vector<int> columns;
  std::vector<double> values;

  void add(std::size_t column, double value) {
    columns.push_back(static_cast<int>(column));
    values.push_back(value);
  }
};

class Cuts {
 public:
  /// `instance` comes from reduce() and outlives this object.
  explicit Cuts(const ExtractionInstance& instance);

  [[nodiscard]] std::size_t columns() const { return instance_.node_count() + instance_.class_count(); }
  /// Needed by all extractions: y is 1.
  [[nodiscard]] bool forced(std::uint32_t class_id) const { return forced_[class_id]; }

  /// What holds from the start: a needed class chooses one node; a chosen node needs its children; the capacity.
  [[nodiscard]] std::vector<Row> first_rows() const;

  /// Inequalities that `solution` (by column) breaks by more than `tolerance`:
  /// - what the nodes of a class need transitively is needed as often as these nodes are chosen together;
  /// - a cycle of classes c1 .. ck: the nodes of ci that need c(i+1) are chosen at most as often as the other classes are needed;
  /// - a set of classes U with c in it: where c is needed, some class of U chooses a node without a child in U (the loop formulas
  ///   of Lin and Zhao, "ASSAT", 2004);
  /// - landmarks (landmarks.h): one of their nodes is chosen.
  [[nodiscard]] std::vector<Row> broken_by(std::span<const double> solution, double tolerance);

 private:
  struct Arc {
    std::uint32_t to;
    double weight;  ///< how often nodes of the class that need `to` are chosen
  };

  [[nodiscard]] bool node_needs(std::uint32_t node, std::uint32_t class_id) const;
  [[nodiscard]] Row need_row(std::uint32_t class_id, std::uint32_t needed) const;
  void broken_needs(std::span<const double> solution, double tolerance, std::vector<Row>& rows) const;
  void broken_cycles(std::span<const double> solution, double tolerance, std::vector<Row>& rows) const;
  void broken_loops(std::span<const double> solution, double tolerance, std::vector<Row>& rows) const;
  [[nodiscard]] std::size_t column_of_class(std::size_t c) const { return instance_.node_count() + c; }

  const ExtractionInstance& instance_;
  Needs needs_;
  std::vector<bool> forced_;
  std::vector<std::uint32_t> component_;  ///< by class: strongly connected component of "has a node with the child"
  std::vector<bool> cyclic_;              ///< by component: more than one class
};

}  // namespace nntune::dag
