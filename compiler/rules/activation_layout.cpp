// Activations in tiles of mr rows as the units of this CPU read them (units.h), packed by the kernel that makes them (the pack step travels into its
// chain by the fusion rules), so that several matmuls read them without packing again.
#include "compiler/rules/registry.h"
#include "compiler/rules/units.h"

namespace nntune::rules {

using graph::Step;
using graph::StepKind;

std::span<const Rule> activation_layout_rules() {
  static const std::vector<Rule> kRules = {
      {.name = "pack-activations",
       .left = "(matmul{;} ?x ?w)",
       .build =
           [](Builder& site) {
             const graph::TensorType x = site.type("x");
             for (const Lanes& lanes : activation_tiles(site.options(), x.dtype, site.type("w").dtype, x.block)) {
               const Step step{.kind = StepKind::pack, .lanes = lanes};
               if (const auto packed = site.add(graph::rowwise({step}), {site["x"]})) {
                 site.offer(site.add(graph::matmul(), {*packed, site["w"]}));
               }
             }
           },
       .when =
           [](const Site& site) {
             return site.plain_weight("w") && !site.constant("x") && !site.type("x").packed() &&
                    site.type("x").shape[0] > 1 && site.type("x").block == site.type("w").block;
           }},
      {.name = "pack-of-unpack",
       .left = "(pack:p (unpack{} ?x))",
       .build =
           [](Builder& site) {
             if (site.op("p").as<graph::Pack>().lanes == site.type("x").lanes) {
               site.offer(site["x"]);
             }
           }},
      {.name = "pack-step-of-unpack",
       .left = "(rowwise:p (unpack{} ?x))",
       .build =
           [](Builder& site) {
             const graph::Chain& chain = site.op("p").prologue();
             if (chain.size() == 1 && chain[0].kind == StepKind::pack && chain[0].lanes == site.type("x").lanes) {
               site.offer(site["x"]);
             }
           }},
      {.name = "unpack-of-pack", .left = "(unpack{} (pack:p ?x))", .right = "?x"},
      {.name = "unpack-of-pack-step",
       .left = "(unpack{} (rowwise:p ?x ..))",
       .build =
           [](Builder& site) {
             graph::Chain chain = site.op("p").prologue();
             if (chain.empty() || chain.back().kind != StepKind::pack) {
               return;
             }
             chain.pop_back();
             const auto children = site.children("p");
             site.offer(chain.empty() ? std::optional(site["x"])
                                      : site.add(graph::rowwise(chain), {children.begin(), children.end()}));
           }},
  };
  return kRules;
}

}  // namespace nntune::rules
