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

  /// Adds it under the given values of the left side's variables, and merges it with `root`.
  void apply(EGraph& graph, ClassId root, std::span<const ClassId> values);
  static constexpr std::size_t kBatch = 32;
  /// The same for matches [first, end), at most kBatch of them; how many changed the graph. Node by node over all of them, so that what a node needs
  /// of the memo is on its way while others are handled. Not with proofs.
  std::size_t apply(EGraph& graph, const Matches& matches, std::size_t first, std::size_t end);

 private:
  /// In postfix order: a variable's position in the match, or a symbol that takes `arity` values off the stack.
  struct Item {
    bool variable;
    std::uint32_t index;
    std::uint32_t arity;
  };
  [[nodiscard]] Status compile(const Sexpr& term, const Variables& names, SymbolTable& symbols);

  std::vector<Item> items_;
  std::vector<ClassId> stack_;  // of one match after the other
};

}  // namespace nntune::egraph
