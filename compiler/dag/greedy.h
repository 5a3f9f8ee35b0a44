/// Greedy DAG extraction: each class takes the node whose whole derivation is cheapest, parts that its children share counted
/// once.
///
/// Each class keeps the set of classes below its choice, the idea of extraction-gym's faster-greedy-dag
/// (https://github.com/egraphs-good/extraction-gym). Instead of a worklist that runs until nothing improves, classes are
/// settled in the order of their costs (Knuth, "A generalization of Dijkstra's algorithm", 1977): a node costs at least what
/// each of its children costs, so a class is final when it is the cheapest one left, each node is looked at once, and no choice
/// can lead back to its own class.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "compiler/egraph/extraction_instance.h"

namespace nntune::dag {

using egraph::ExtractionInstance;

inline constexpr std::uint32_t kNone = 0xffffffff;

/// Node by class, kNone where there is none.
using Choice = std::vector<std::uint32_t>;

class Greedy {
 public:
  /// `instance` outlives this object.
  explicit Greedy(const ExtractionInstance& instance);

  enum class Sharing {
    tree,  ///< pay each use: the cheapest tree, and much faster
    dag,   ///< pay each class once
  };

  /// A choice for every class that has an acyclic derivation; the choices of all classes together are acyclic.
  /// \param price  by node, >= 0 (infinite: forbidden)
  /// \param fixed  empty, or by class: a node that is computed anyway and costs nothing, kNone elsewhere. Fixed choices are
  ///               acyclic, and need only fixed classes.
  [[nodiscard]] Choice run(std::span<const double> price, Sharing sharing, std::span<const std::uint32_t> fixed = {});

  /// Nodes that have the class as a child, each once.
  [[nodiscard]] std::span<const std::uint32_t> users(std::uint32_t class_id) const {
    return std::span(users_).subspan(user_begin_[class_id], user_begin_[class_id + 1] - user_begin_[class_id]);
  }
  [[nodiscard]] std::uint32_t class_of(std::uint32_t node) const { return class_of_[node]; }

  /// What the classes cost in the last run, infinite where there is no derivation.
  [[nodiscard]] const std::vector<double>& totals() const { return total_; }

 private:
  struct Entry {
    double total;
    std::uint32_t class_id;
    bool operator<(const Entry& other) const {  // for a heap with the least on top
      return total != other.total ? total > other.total : class_id > other.class_id;
    }
  };

  void settle(std::uint32_t class_id, std::uint32_t node, double node_price, Sharing sharing);
  /// Of a node whose children are all settled, exact if it is under `limit`.
  [[nodiscard]] double total_of(std::uint32_t node, double node_price, double limit);
  void push(double total, std::uint32_t class_id);

  const ExtractionInstance& instance_;
  std::vector<std::uint32_t> class_of_;    // by node
  std::vector<std::uint32_t> user_begin_;  // by class: nodes that have it as a child, each once
  std::vector<std::uint32_t> users_;
  std::vector<std::uint32_t> child_counts_;  // by node: distinct children

  // Of a run.
  std::vector<std::uint32_t> waiting_;  // by node: children that are not settled
  std::vector<double> total_;           // by class: of the best node so far
  std::vector<bool> settled_;
  std::vector<Entry> heap_;
  // The set of a settled class: bits by the rank in which classes were settled, in blocks of 64.
  std::vector<std::uint32_t> rank_;
  std::vector<double> price_of_rank_;
  std::vector<std::uint32_t> set_begin_, set_end_;  // by class, in the arrays below
  std::vector<std::uint32_t> set_block_;
  std::vector<std::uint64_t> set_bits_;
  std::vector<std::uint64_t> scratch_;  // by block, all zero between uses
  std::vector<std::uint32_t> touched_;
};

}  // namespace nntune::dag
