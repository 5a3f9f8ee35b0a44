// x*s w^T = x (w*s)^T: the weight of a norm is multiplied into the columns of the matrix behind it, ahead of time.
#include "compiler/rules/registry.h"

namespace nntune::rules {

namespace {

bool foldable(const Site& site) {
  return site.constant("s") && site.plain_weight("w") && !site.constant("x") && !site.type("x").packed();
}

}  // namespace

std::span<const Rule> norm_fold_rules() {
  static const std::vector<Rule> kRules = {
      {.name = "fold-scale-into-f32-weights",
       .left = "(matmul{;} (rowwise{scale} ?x ?s) ?w)",
       .right = "(matmul{;} ?x (rowwise{scale} ?w ?s))",
       .when = [](const Site& site) { return foldable(site) && site.type("w").dtype == graph::DType::f32; }},
      {.name = "fold-scale-into-bf16-weights",
       .left = "(matmul{;} (rowwise{scale} ?x ?s) ?w)",
       .right = "(matmul{;} ?x (rowwise{scale|cast(bf16)} ?w ?s))",
       .when = [](const Site& site) { return foldable(site) && site.type("w").dtype == graph::DType::bf16; },
       .rounds = true,
       .needs = &RuleOptions::allow_weight_rounding},
  };
  return kRules;
}

}  // namespace nntune::rules
