/// The right side of a rule that is a pattern: compiled to a list of nodes to add.
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "compiler/egraph/egraph.h"
#include "compiler/egraph/pattern.h"
#include "compiler/egraph/sexpr.h"

namespace nntune::egraph {

class RightSide {
 public:
  /// Errors: bad_input (malformed text, or a variable that is not among `names`).
  [[nodiscard]] static Expected<RightSide> parse(std::string_view text, const Variables& names, SymbolTable& symbols);

  /// Adds it under the given values of the left side's variables, and merges it with `root`. `scratch` is reused between calls.
  void apply(EGraph& graph, ClassId root, std::span<const ClassId> values, std::vector<ClassId>& scratch) const;
  /// Fetches ahead what later calls of `apply` are going to read of the memo, in three steps (EGraph::prefetch_class, ...).
  /// `values_of(k)` are the values of the k-th call from now; there are `left` more.
  template <class ValuesOf>
  void prefetch(const EGraph& graph, std::size_t left, ValuesOf&& values_of) const {
    constexpr std::size_t kNodesAhead = 4, kMemoAhead = 8, kClassesAhead = 16;
    if (kClassesAhead < left) {
      for (const ClassId id : values_of(kClassesAhead)) graph.prefetch_class(id);
    }
    if (kMemoAhead >= left) return;
    const auto soon = values_of(kMemoAhead);
    const auto next = values_of(kNodesAhead);
    for (const Innermost& node : innermost_) {
      const auto operands_soon = node.operands(soon), operands_next = node.operands(next);
      graph.prefetch_memo(node.symbol, std::span(operands_soon).first(node.arity));
      graph.prefetch_node(node.symbol, std::span(operands_next).first(node.arity));
    }
  }

 private:
  /// In postfix order: a variable's position in the match, or a symbol that takes `arity` values off the stack.
  struct Item {
    bool variable;
    std::uint32_t index;
    std::uint32_t arity;
  };
  /// A node of one or two variables.
  struct Innermost {
    Symbol symbol;
    std::array<std::uint32_t, 2> positions;
    std::uint32_t arity;

    [[nodiscard]] std::array<ClassId, 2> operands(std::span<const ClassId> values) const {
      return {values[positions[0]], values[positions[1]]};
    }
  };

  [[nodiscard]] Status compile(const Sexpr& term, const Variables& names, SymbolTable& symbols);

  std::vector<Item> items_;
  std::vector<Innermost> innermost_;
};

}  // namespace nntune::egraph
