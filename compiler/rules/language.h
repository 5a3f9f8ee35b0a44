/// The tensor language as a client of the e-graph: symbols are canonical texts of graph::Op, facts are types and constness.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "compiler/egraph/egraph.h"
#include "compiler/graph/graph.h"

namespace nntune::rules {

/// What is known of a class of equal tensors.
struct Facts {
  static constexpr std::uint32_t kNoType = 0xffffffff;
  static constexpr std::uint32_t kAnySection = 0;
  static constexpr std::uint32_t kMixedSections = 0xffffffff;

  std::uint32_t type = kNoType;          ///< index of the interned type, the same for all nodes of a class
  bool constant = false;                 ///< some expression of weights alone gives it
  bool input = false;                    ///< an input or a state of a section, of which kernels read no part as a view
  std::uint32_t section = kAnySection;   ///< the section whose inputs it depends on, counted from 1
  std::uint32_t first_weight = kNoType;  ///< least and greatest weight name it depends on: ranks in Language::weights()
  std::uint32_t last_weight = kNoType;
};

/// Operands of a node with chains, by role.
struct Operands {
  egraph::ClassId x = 0;
  std::vector<egraph::ClassId> prologue;
  std::vector<egraph::ClassId> middle;  ///< matmul: w; attention: k, v; cache_append: the cache
  std::vector<egraph::ClassId> epilogue;

  [[nodiscard]] std::vector<egraph::ClassId> all() const;
};

/// Types, constness and sections of classes; operations and types by symbol. One for each e-graph.
class Language : public egraph::TypedAnalysis<Facts> {
 public:
  /// `weights` are the names of all weights that will appear, in any order.
  explicit Language(std::vector<std::string> weights = {});

  /// Adds the nodes of `graph` and gives the class of each. Its inputs "x" become "`section`.x", and its states likewise, which keeps
  /// those of different sections apart; weights keep their names and are shared.
  [[nodiscard]] Expected<std::vector<egraph::ClassId>> add(egraph::EGraph& e, const graph::Graph& graph,
                                                           const std::string& section);

  /// The class of op(children), nothing if the types do not fit.
  std::optional<egraph::ClassId> add(egraph::EGraph& e, const graph::Op& op, std::span<const egraph::ClassId> children);

  [[nodiscard]] const graph::Op& op(const egraph::EGraph& e, egraph::NodeId node) const;
  [[nodiscard]] const graph::TensorType& type(const egraph::EGraph& e, egraph::ClassId id) const {
    return types_[data(e.find(id)).type];
  }
  [[nodiscard]] bool constant(const egraph::EGraph& e, egraph::ClassId id) const { return data(e.find(id)).constant; }
  [[nodiscard]] Operands operands(const egraph::EGraph& e, egraph::NodeId node) const;

  [[nodiscard]] const std::vector<std::string>& weights() const { return weights_; }
  [[nodiscard]] const std::vector<std::string>& sections() const { return sections_; }
  /// Section number and plain name of an input added as "section.name".
  [[nodiscard]] std::pair<std::uint32_t, std::string> plain_input(const std::string& name) const;

  /// "" or what went wrong while rules ran: nodes of different type in one class, a node without a type.
  [[nodiscard]] const std::string& trouble() const { return trouble_; }

 protected:
  Facts make(const egraph::EGraph& e, egraph::NodeId node) override;
  egraph::Merged join(Facts& into, Facts from) override;

 private:
  std::uint32_t intern(const graph::TensorType& type);
  [[nodiscard]] std::uint32_t weight_rank(const std::string& name) const;

  std::vector<std::string> weights_;  // sorted
  std::vector<std::string> sections_;
  std::deque<graph::TensorType> types_;  // deques, so that references stay valid
  std::map<graph::TensorType, std::uint32_t> type_ids_;
  mutable std::deque<std::optional<graph::Op>> ops_;  // by symbol
  std::string trouble_;
};

}  // namespace nntune::rules
