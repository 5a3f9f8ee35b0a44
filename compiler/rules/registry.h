/// The rule families; to add one, write its file and list it in registry.cpp.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "compiler/egraph/rewrite.h"
#include "compiler/rules/language.h"
#include "compiler/rules/options.h"
#include "compiler/rules/rule.h"

namespace nntune::rules {

struct Family {
  std::string_view name;
  std::string_view summary;  ///< for `nntune explain` and --ablate
  std::span<const Rule> rules;
};

[[nodiscard]] std::span<const Family> families();

/// The rules of all families that are not disabled. Errors: bad_input (a disabled family that does not exist).
[[nodiscard]] Expected<std::vector<egraph::Rewrite>> enabled_rules(egraph::SymbolTable& symbols, Language& language,
                                                                   const RuleOptions& options);

// One file a family.
[[nodiscard]] std::span<const Rule> algebra_rules();
[[nodiscard]] std::span<const Rule> merge_rules();
[[nodiscard]] std::span<const Rule> norm_fold_rules();
[[nodiscard]] std::span<const Rule> fusion_rules();
[[nodiscard]] std::span<const Rule> weight_layout_rules();
[[nodiscard]] std::span<const Rule> activation_layout_rules();
[[nodiscard]] std::span<const Rule> state_layout_rules();
[[nodiscard]] std::span<const Rule> attention_split_rules();
[[nodiscard]] std::span<const Rule> pack_travel_rules();
[[nodiscard]] std::span<const Rule> quantise_rules();

}  // namespace nntune::rules
