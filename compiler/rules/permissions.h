/// What rules may change of a model's results where the user allows it: one table, which --allow, its help, `explain` and the rules
/// read (Rule::needs). All are off by default.
#pragma once

#include <span>
#include <string_view>

#include "base/error.h"
#include "compiler/rules/options.h"

namespace nntune::rules {

struct Permission {
  std::string_view name;        ///< as --allow takes it
  std::string_view may_change;  ///< for people: what happens to numbers
  bool RuleOptions::*member;
};

[[nodiscard]] std::span<const Permission> permissions();

/// Errors: usage (there is no such permission; names those that there are).
[[nodiscard]] Expected<const Permission*> find_permission(std::string_view name);

/// The permission without which the rule of this name does not run; null if it needs none, or there is no such rule.
[[nodiscard]] const Permission* permission_of_rule(std::string_view rule);

}  // namespace nntune::rules
