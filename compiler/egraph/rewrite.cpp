#include "compiler/egraph/rewrite.h"

namespace nntune::egraph {

Expected<Rewrite> rewrite(std::string name, std::string_view left, Applier right, SymbolTable& symbols,
                          Condition condition) {
  NNTUNE_ASSIGN(Pattern pattern, Pattern::parse(left, symbols));
  return Rewrite{std::move(name), std::move(pattern), std::move(right), std::move(condition)};
}

Expected<Rewrite> rewrite(std::string name, std::string_view left, std::string_view right, SymbolTable& symbols,
                          Condition condition) {
  NNTUNE_ASSIGN(Pattern pattern, Pattern::parse(left, symbols));
  NNTUNE_ASSIGN(RightSide result, RightSide::parse(right, pattern.variables(), symbols));
  return Rewrite{std::move(name), std::move(pattern), {}, std::move(condition), std::move(result)};
}

}  // namespace nntune::egraph
