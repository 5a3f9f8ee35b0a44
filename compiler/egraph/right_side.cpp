#include "compiler/egraph/right_side.h"

#include <fmt/format.h>

#include <algorithm>

namespace nntune::egraph {

Expected<RightSide> RightSide::parse(std::string_view text, const Variables& names, SymbolTable& symbols) {
  NNTUNE_ASSIGN(const Sexpr term, parse_sexpr(text));
  RightSide result;
  NNTUNE_TRY(result.compile(term, names, symbols));
  return result;
}

Status RightSide::compile(const Sexpr& term, const Variables& names, SymbolTable& symbols) {
  if (term.head[0] == '?' && term.operands.empty()) {
    const auto found = std::find(names.classes.begin(), names.classes.end(), term.head.substr(1));
    if (found == names.classes.end()) {
      return fail(ErrorKind::bad_input, fmt::format("{} stands only on the right", term.head), "bind it on the left side");
    }
    items_.push_back({true, static_cast<std::uint32_t>(found - names.classes.begin()), 0});
    return {};
  }
  for (const Sexpr& operand : term.operands) {
    NNTUNE_TRY(compile(operand, names, symbols));
  }
  const auto arity = static_cast<std::uint32_t>(term.operands.size());
  const Symbol symbol = symbols.intern(term.head);
  if (const auto operands = std::span(items_).last(arity); arity >= 1 && arity <= 2 && items_.size() >= arity &&
      std::ranges::all_of(operands, &Item::variable)) {
    innermost_.push_back({symbol, {operands.front().index, operands.back().index}, arity});
  }
  items_.push_back({false, symbol, arity});
  return {};
}

void RightSide::apply(EGraph& graph, ClassId root, std::span<const ClassId> values, std::vector<ClassId>& scratch) const {
  scratch.resize(items_.size());
  ClassId* top = scratch.data();
  for (const Item& item : items_) {
    if (item.variable) {
      *top++ = values[item.index];
      continue;
    }
    top -= item.arity;
    const std::span<const ClassId> operands(top, item.arity);
    if (&item == &items_.back() && graph.proofs() == nullptr) {
      graph.add_to(root, item.index, operands);
      return;
    }
    *top++ = graph.add(item.index, operands);
  }
  graph.merge(root, top[-1]);
}

}  // namespace nntune::egraph
