// Keys and values in the layouts that attention reads them in (units.h): a state stored packed. A state lies in one layout for all
// sections that read or write it, which the extraction sees to (extract/problem.h).
#include "compiler/rules/registry.h"
#include "compiler/rules/units.h"

namespace nntune::rules {

std::span<const Rule> state_layout_rules() {
  static const std::vector<Rule> kRules = {
      // Chains come and go by the fusion rules: the bare attention stands for all of them.
      {.name = "pack-keys-and-values",
       .left = "(attention:a ?q ..)",
       .build =
           [](Builder& site) {
             const Operands operands = site.operands("a");
             const egraph::ClassId k = operands.middle[0];
             const egraph::ClassId v = operands.middle[1];
             const auto packed = [&](egraph::ClassId state, const Lanes& lanes) {
               return lanes.empty() ? std::optional(state) : site.add(graph::Pack{lanes}, {state});
             };
             for (const Lanes& keys : key_layouts(site.options(), site.type(k).dtype)) {
               for (const Lanes& values : value_layouts(site.options(), site.type(v).dtype)) {
                 const auto packed_k = packed(k, keys);
                 const auto packed_v = packed(v, values);
                 if (packed_k && packed_v) site.offer(site.add(site.op("a"), {operands.x, *packed_k, *packed_v}));
               }
             }
           },
       .when =
           [](const Site& site) {
             const auto& attention = site.op("a").as<graph::Attention>();
             const Operands operands = site.operands("a");
             return attention.prologue.empty() && attention.epilogue.empty() && attention.splits == 1 &&
                    !site.type(operands.middle[0]).packed() && !site.type(operands.middle[1]).packed();
           }},
      {.name = "append-to-packed-state",
       .left = "(pack:p (cache_append:c ?x ..))",
       .build =
           [](Builder& site) {
             const auto children = site.children("c");
             std::vector<egraph::ClassId> operands(children.begin(), children.end());
             if (const auto packed = site.add(site.op("p"), {operands.back()})) {
               operands.back() = *packed;
               site.offer(site.add(site.op("c"), operands));
             }
           }},
      {.name = "store-state-packed",
       .left = "(pack:p (state:s ..))",
       .build =
           [](Builder& site) {
             graph::State packed = site.op("s").as<graph::State>();
             packed.type.lanes = site.op("p").as<graph::Pack>().lanes;
             site.offer(site.add(packed, {}));
           },
       .when = [](const Site& site) { return !site.op("s").as<graph::State>().type.packed(); }},
  };
  return kRules;
}

}  // namespace nntune::rules
