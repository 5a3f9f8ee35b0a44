#include "compiler/egraph/rewrite.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/egraph/sexpr.h"

namespace nntune::egraph {

namespace {

/// The right side in postfix order: a variable's position, or a symbol that takes `arity` values off the stack.
struct Template {
  struct Item {
    bool variable;
    std::uint32_t index;
    std::uint32_t arity;
  };
  std::vector<Item> items;

  [[nodiscard]] Status compile(const Sexpr& term, const Variables& names, SymbolTable& symbols) {
    if (term.head[0] == '?' && term.operands.empty()) {
      const auto found = std::find(names.classes.begin(), names.classes.end(), term.head.substr(1));
      if (found == names.classes.end()) {
        return fail(ErrorKind::bad_input, fmt::format("{} stands only on the right", term.head), "bind it on the left side");
      }
      items.push_back({true, static_cast<std::uint32_t>(found - names.classes.begin()), 0});
      return {};
    }
    for (const Sexpr& operand : term.operands) {
      NNTUNE_TRY(compile(operand, names, symbols));
    }
    items.push_back({false, symbols.intern(term.head), static_cast<std::uint32_t>(term.operands.size())});
    return {};
  }

  ClassId build(EGraph& graph, std::span<const ClassId> values) const {
    std::vector<ClassId> stack;
    for (const Item& item : items) {
      if (item.variable) {
        stack.push_back(values[item.index]);
        continue;
      }
      const std::size_t base = stack.size() - item.arity;
      const ClassId id = graph.add(item.index, std::span(stack).subspan(base));
      stack.resize(base);
      stack.push_back(id);
    }
    return stack.back();
  }
};

}  // namespace

Expected<Rewrite> rewrite(std::string name, std::string_view left, Applier right, SymbolTable& symbols,
                          Condition condition) {
  NNTUNE_ASSIGN(Pattern pattern, Pattern::parse(left, symbols));
  return Rewrite{std::move(name), std::move(pattern), std::move(right), std::move(condition)};
}

Expected<Rewrite> rewrite(std::string name, std::string_view left, std::string_view right, SymbolTable& symbols,
                          Condition condition) {
  NNTUNE_ASSIGN(Pattern pattern, Pattern::parse(left, symbols));
  NNTUNE_ASSIGN(const Sexpr term, parse_sexpr(right));
  Template result;
  NNTUNE_TRY(result.compile(term, pattern.variables(), symbols));
  Applier apply = [result = std::move(result)](EGraph& graph, const Match& match) -> std::optional<ClassId> {
    return result.build(graph, match.classes);
  };
  return Rewrite{std::move(name), std::move(pattern), std::move(apply), std::move(condition)};
}

}  // namespace nntune::egraph
