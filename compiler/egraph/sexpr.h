/// S-expressions, the text form of terms and patterns: "(+ ?a (* ?b 2))".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "compiler/egraph/egraph.h"

namespace nntune::egraph {

/// An operator (or variable) with its operands; an atom has none.
struct Sexpr {
  std::string head;
  std::vector<Sexpr> operands;

  bool operator==(const Sexpr&) const = default;
  [[nodiscard]] std::string text() const;
};

/// Blanks and parentheses inside braces belong to an operator: "(matmul{rms(1e-06,0);} x w)" has the head
/// "matmul{rms(1e-06,0);}". Errors: bad_input with the position.
[[nodiscard]] Expected<Sexpr> parse_sexpr(std::string_view text);

/// Adds a term without variables.
ClassId add_term(EGraph& graph, const Sexpr& term);
[[nodiscard]] std::optional<ClassId> lookup_term(const EGraph& graph, const Sexpr& term);

}  // namespace nntune::egraph
