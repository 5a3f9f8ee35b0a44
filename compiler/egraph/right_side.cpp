#include "compiler/egraph/right_side.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>

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

void RightSide::apply(EGraph& graph, ClassId root, std::span<const ClassId> values) {
  stack_.resize(items_.size());
  ClassId* top = stack_.data();
  for (const Item& item : items_) {
    if (item.variable) {
      *top++ = values[item.index];
      continue;
    }
    top -= item.arity;
    *top = graph.add(item.index, std::span<const ClassId>(top, item.arity));
    ++top;
  }
  graph.merge(root, top[-1]);
}

std::size_t RightSide::apply(EGraph& graph, const Matches& matches, std::size_t first, std::size_t end) {
  const std::size_t height = items_.size();
  const std::size_t count = end - first;
  stack_.resize(height * count);
  assert(count <= kBatch);
  std::uint32_t changed = 0;  // a bit for each
  std::size_t top = 0;        // the same for all
  const auto at = [&](std::size_t i) { return stack_.data() + i * height + top; };
  auto note = [&, before = graph.change_count()](std::size_t i) mutable {
    const std::size_t now = graph.change_count();
    changed |= std::uint32_t{now != before} << i;
    before = now;
  };
  for (const Item& item : items_) {
    if (item.variable) {
      for (std::size_t i = 0; i < count; ++i) *at(i) = matches.classes_of(first + i)[item.index];
      ++top;
      continue;
    }
    top -= item.arity;
    const auto operands = [&](std::size_t i) { return std::span<const ClassId>(at(i), item.arity); };
    if (graph.worth_prefetching()) {
      std::array<std::uint32_t, kBatch> hashes;
      for (std::size_t i = 0; i < count; ++i) {
        for (const ClassId operand : operands(i)) graph.prefetch_class(operand);
      }
      for (std::size_t i = 0; i < count; ++i) hashes[i] = graph.prefetch_memo(item.index, operands(i));
      for (std::size_t i = 0; i < count; ++i) graph.prefetch_node(hashes[i]);
    }
    const bool outermost = &item == &items_.back();
    for (std::size_t i = 0; i < count; ++i) {
      if (outermost) {
        graph.add_to(matches.roots[first + i], item.index, operands(i));
      } else {
        *at(i) = graph.add(item.index, operands(i));
      }
      note(i);
    }
    ++top;
  }
  if (items_.back().variable) {
    for (std::size_t i = 0; i < count; ++i) {
      graph.merge(matches.roots[first + i], stack_[i * height]);
      note(i);
    }
  }
  return static_cast<std::size_t>(std::popcount(changed));
}

}  // namespace nntune::egraph
