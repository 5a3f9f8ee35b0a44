#include "compiler/rules/registry.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <random>

namespace nntune::rules {

std::span<const Family> families() {
  static const std::vector<Family> kFamilies = {
      {"algebra", "transposes, reshapes, slices, stacks and sums that go away or move into weights", algebra_rules()},
      {"merge", "matmuls that share an input become one: q/k/v, gate/up", merge_rules()},
      {"norm_fold", "the weight of a norm goes into the matrix behind it", norm_fold_rules()},
      {"fusion", "row-wise work joins the kernels before and behind it", fusion_rules()},
      {"weight_layout", "weights are packed in panels ahead of time, for f32 FMA or bf16 dot", weight_layout_rules()},
      {"activation_layout", "activations are packed once for all matmuls that read them", activation_layout_rules()},
      {"state_layout", "keys and values are stored in the layouts that attention reads them in", state_layout_rules()},
      {"attention_split", "decode attention is split over the keys, so that threads need not wait for heads",
       attention_split_rules()},
      {"quantise", "activations are quantised once for all matmuls with quantised weights", quantise_rules()},
      {"pack_travel", "layouts move through row-wise work, transposes and reshapes", pack_travel_rules()},
  };
  return kFamilies;
}

Expected<std::vector<egraph::Rewrite>> enabled_rules(egraph::SymbolTable& symbols, Language& language,
                                                     const RuleOptions& options) {
  std::vector<std::string_view> names;
  for (const Family& family : families()) {
    names.push_back(family.name);
  }
  for (const std::string& name : options.disabled) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      return fail(ErrorKind::bad_input, fmt::format("there is no rule family \"{}\"", name),
                  fmt::format("the families are {}", fmt::join(names, ", ")));
    }
  }
  std::vector<egraph::Rewrite> result;
  for (const Family& family : families()) {
    if (options.disabled.count(std::string(family.name)) > 0) {
      continue;
    }
    NNTUNE_ASSIGN(std::vector<egraph::Rewrite> rules, compile(family.rules, symbols, language, options));
    for (egraph::Rewrite& rule : rules) {
      result.push_back(std::move(rule));
    }
  }
  if (options.order_seed != 0) {
    std::shuffle(result.begin(), result.end(), std::mt19937(options.order_seed));
  }
  return result;
}

}  // namespace nntune::rules
