// Weights in panels as the units of this CPU read them (units.h): nr outputs lie together, and as many neighbours along k as the
// unit sums at once. bf16 is widened on the way to f32 FMA. Packing happens ahead of time and costs nothing when the model runs.
#include "compiler/rules/registry.h"
#include "compiler/rules/units.h"

namespace nntune::rules {

using graph::DType;
using graph::Op;
using graph::OpKind;

namespace {

Op pack(Lanes lanes) { return graph::Pack{.lanes = std::move(lanes)}; }

}  // namespace

std::span<const Rule> weight_layout_rules() {
  static const std::vector<Rule> kRules = {
      {.name = "pack-weights",
       .left = "(matmul{;} ?x ?w)",
       .build =
           [](Builder& site) {
             for (const Lanes& lanes : weight_panels(site.options(), site.type("x").dtype, site.type("w").dtype)) {
               if (const auto packed = site.add(pack(lanes), {site["w"]})) {
                 site.offer(site.add(graph::matmul(), {site["x"], *packed}));
               }
             }
           },
       .when =
           [](const Site& site) {
             return site.plain_weight("w") && !site.constant("x") && site.type("x").block == site.type("w").block;
           }},
      // Rounds the activations to bf16, as the models do that were trained in it.
      {.name = "bf16-dot",
       .left = "(matmul{;} ?x ?w)",
       .right = "(matmul{;} (rowwise{cast(bf16)} ?x) ?w)",
       .when =
           [](const Site& site) {
             return !weight_panels(site.options(), DType::bf16, DType::bf16).empty() && site.plain_weight("w") &&
                    site.type("w").dtype == DType::bf16 && !site.constant("x") && site.type("x").dtype == DType::f32 &&
                    !site.type("x").packed();
           },
       .rounds = true},
      // A table that is also the output head is stored once, in the layout the head wants.
      {.name = "embed-from-packed-table",
       .left = "(embed{} ?ids ?w)",
       .build =
           [](Builder& site) {
             for (const DType x : {DType::f32, DType::bf16}) {
               for (const Lanes& lanes : weight_panels(site.options(), x, site.type("w").dtype)) {
                 if (const auto packed = site.add(pack(lanes), {site["w"]})) {
                   site.offer(site.add(graph::Embed{}, {site["ids"], *packed}));
                 }
               }
             }
           },
       .when = [](const Site& site) { return site.plain_weight("w"); }},
  };
  return kRules;
}

}  // namespace nntune::rules
