// Activations are quantised in blocks of i8 where the weights are (TensorType::block), so that int8 dot and AMX multiply them.
// One rule makes the step; q, k and v, or gate and up, then read one quantised tensor because equal nodes are one. The families
// "fusion", "activation_layout" and "pack_travel" join it with the norm or SiLU·mul before it, with the epilogue of a matmul, and
// with the pack behind it, as they do with every row-wise step.
#include "compiler/rules/registry.h"
#include "compiler/rules/units.h"

namespace nntune::rules {

using graph::DType;
using graph::StepKind;

std::span<const Rule> quantise_rules() {
  static const std::vector<Rule> kRules = {
      // Rounds the activations, as llama.cpp does for its Q8_0.
      {.name = "quantise-activations",
       .left = "(matmul{;} ?x ?w)",
       .build =
           [](Builder& site) {
             const auto quantised =
                 site.add(graph::rowwise({{.kind = StepKind::quantise, .group = site.type("w").block}}), {site["x"]});
             site.offer(quantised ? site.add(graph::matmul(), {*quantised, site["w"]}) : std::nullopt);
           },
       .when =
           [](const Site& site) {
             return site.plain_weight("w") && site.type("w").block != 0 && !site.constant("x") && !site.type("x").packed() &&
                    site.type("x").dtype != DType::i8 && !weight_panels(site.options(), DType::i8, DType::i8).empty();
           },
       .rounds = true,
       .needs = &RuleOptions::allow_quantised_activations},
      // The largest of a block gives the same scale again.
      {.name = "quantise-of-quantised",
       .left = "(rowwise:q ?x)",
       .build = [](Builder& site) { site.offer(site["x"]); },
       .when =
           [](const Site& site) {
             const graph::Chain& chain = site.op("q").prologue();
             return chain.size() == 1 && chain[0].kind == StepKind::quantise && chain[0].group == site.type("x").block;
           }},
  };
  return kRules;
}

}  // namespace nntune::rules
