#include "compiler/rules/rule.h"

#include <fmt/format.h>

namespace nntune::rules {

Expected<std::vector<egraph::Rewrite>> compile(std::span<const Rule> rules, egraph::SymbolTable& symbols, Language& language,
                                               const RuleOptions& options) {
  std::vector<egraph::Rewrite> result;
  for (const Rule& rule : rules) {
    if (rule.needs != nullptr && !(options.*rule.needs)) continue;
    egraph::Condition condition;
    if (rule.when != nullptr) {
      condition = [when = rule.when, &language, options](const egraph::EGraph& graph, const egraph::Match& match) {
        return when(Site(language, graph, match, options));
      };
    }
    egraph::Applier apply = [build = rule.build, &language, options](
                                egraph::EGraph& graph, const egraph::Match& match) -> std::optional<egraph::ClassId> {
      Builder builder(language, graph, match, options);
      build(builder);
      return std::nullopt;
    };
    auto compiled = rule.right != nullptr ? egraph::rewrite(rule.name, rule.left, rule.right, symbols, condition)
                                          : egraph::rewrite(rule.name, rule.left, apply, symbols, condition);
    if (!compiled) {
      return fail(ErrorKind::internal, fmt::format("rule {}: {}", rule.name, compiled.error().message()));
    }
    result.push_back(std::move(*compiled));
  }
  return result;
}

}  // namespace nntune::rules
