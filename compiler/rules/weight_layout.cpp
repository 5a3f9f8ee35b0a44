// Weights in panels: nr outputs lie together, <0:nr> for f32 FMA (bf16 is widened on the way), <0:nr,1:2> for the bf16 dot,
// which takes pairs along k. Packing happens ahead of time and costs nothing when the model runs.
#include "compiler/rules/registry.h"

namespace nntune::rules {

using graph::DType;
using graph::Lane;
using graph::Op;
using graph::OpKind;

namespace {

Op pack(std::vector<Lane> lanes) { return {.kind = OpKind::pack, .lanes = std::move(lanes)}; }

std::vector<Lane> panel(std::int64_t width, bool pairs) {
  std::vector<Lane> lanes = {{0, static_cast<int>(width)}};
  if (pairs) {
    lanes.push_back({1, 2});
  }
  return lanes;
}

}  // namespace

std::span<const Rule> weight_layout_rules() {
  static const std::vector<Rule> kRules = {
      {.name = "pack-weights",
       .left = "(matmul{;} ?x ?w)",
       .build =
           [](Builder& site) {
             const bool pairs = site.type("x").dtype == DType::bf16;
             for (const std::int64_t width : site.options().panel_widths()) {
               if (const auto packed = site.add(pack(panel(width, pairs)), {site["w"]})) {
                 site.offer(site.add(graph::matmul(), {site["x"], *packed}));
               }
             }
           },
       .when =
           [](const Site& site) {
             return site.plain_weight("w") && !site.constant("x") &&
                    (site.type("x").dtype == DType::f32 || site.type("w").dtype == DType::bf16);
           }},
      // Rounds the activations to bf16, as the models do that were trained in it.
      {.name = "bf16-dot",
       .left = "(matmul{;} ?x ?w)",
       .right = "(matmul{;} (rowwise{cast(bf16)} ?x) ?w)",
       .when =
           [](const Site& site) {
             return site.options().isa.avx512bf16 && site.plain_weight("w") && site.type("w").dtype == DType::bf16 &&
                    !site.constant("x") && site.type("x").dtype == DType::f32 && !site.type("x").packed();
           },
       .rounds = true},
      // A table that is also the output head is stored once, in the layout the head wants.
      {.name = "embed-from-packed-table",
       .left = "(embed{} ?ids ?w)",
       .build =
           [](Builder& site) {
             const bool dot = site.options().isa.avx512bf16 && site.type("w").dtype == DType::bf16;
             for (const std::int64_t width : site.options().panel_widths()) {
               for (const bool pairs : {false, true}) {
                 if (pairs && !dot) {
                   continue;
                 }
                 if (const auto packed = site.add(pack(panel(width, pairs)), {site["w"]})) {
                   site.offer(site.add({.kind = OpKind::embed}, {site["ids"], *packed}));
                 }
               }
             }
           },
       .when = [](const Site& site) { return site.plain_weight("w"); }},
  };
  return kRules;
}

}  // namespace nntune::rules
