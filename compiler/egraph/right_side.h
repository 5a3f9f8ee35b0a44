/// The right side of a rule that is a pattern: compiled to a list of nodes to add.
#pragma once

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

  /// Adds it under the given values of the left side's variables, and returns its class. `scratch` is reused between calls.
  ClassId build(EGraph& graph, std::span<const ClassId> values, std::vector<ClassId>& scratch) const;
  /// Fetches ahead what the first node of a later `build` is going to read.
  void prefetch(const EGraph& graph, std::span<const ClassId> values) const;

 private:
  /// In postfix order: a variable's position in the match, or a symbol that takes `arity` values off the stack.
  struct Item {
    bool variable;
    std::uint32_t index;
    std::uint32_t arity;
  };

  [[nodiscard]] Status compile(const Sexpr& term, const Variables& names, SymbolTable& symbols);

  std::vector<Item> items_;
};

}  // namespace nntune::egraph
