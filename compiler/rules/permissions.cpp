#include "compiler/rules/permissions.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "compiler/rules/registry.h"

namespace nntune::rules {

std::span<const Permission> permissions() {
  static constexpr Permission kPermissions[] = {
      {"reassociation", "sums and products are formed in another order, and round differently in f32",
       &RuleOptions::allow_reassociation},
      {"weight-rounding", "norms are folded into bf16 weights, which rounds these a second time",
       &RuleOptions::allow_weight_rounding},
      {"quantised-activations", "what matmuls read is rounded to blocks of i8 where their weights are stored so",
       &RuleOptions::allow_quantised_activations},
  };
  return kPermissions;
}

Expected<const Permission*> find_permission(std::string_view name) {
  const auto all = permissions();
  const auto found = std::ranges::find(all, name, &Permission::name);
  if (found != all.end()) return &*found;
  std::vector<std::string_view> names;
  for (const Permission& permission : all) names.push_back(permission.name);
  return fail(ErrorKind::usage, fmt::format("there is nothing called '{}' to allow", name),
              fmt::format("give one or several of {}", fmt::join(names, ",")));
}

const Permission* permission_of_rule(std::string_view rule) {
  for (const Family& family : families()) {
    const auto found = std::ranges::find_if(family.rules, [&](const Rule& each) { return rule == each.name; });
    if (found == family.rules.end()) continue;
    const auto permission = std::ranges::find(permissions(), found->needs, &Permission::member);
    return found->needs == nullptr ? nullptr : &*permission;
  }
  return nullptr;
}

}  // namespace nntune::rules
