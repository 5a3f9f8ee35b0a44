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
  items_.push_back({false, symbols.intern(term.head), static_cast<std::uint32_t>(term.operands.size())});
  return {};
}

ClassId RightSide::build(EGraph& graph, std::span<const ClassId> values, std::vector<ClassId>& scratch) const {
  scratch.resize(items_.size());
  ClassId* top = scratch.data();
  for (const Item& item : items_) {
    if (item.variable) {
      *top++ = values[item.index];
      continue;
    }
    top -= item.arity;
    *top = graph.add(item.index, std::span<const ClassId>(top, item.arity));
    ++top;
  }
  return top[-1];
}

void RightSide::prefetch(const EGraph& graph, std::span<const ClassId> values) const {
  std::array<ClassId, 4> operands;
  std::size_t count = 0;
  for (const Item& item : items_) {
    if (!item.variable) {
      if (item.arity == count && count > 0) graph.prefetch(item.index, std::span(operands).first(count));
      return;
    }
    if (count == operands.size()) return;
    operands[count++] = values[item.index];
  }
}

}  // namespace nntune::egraph
