// Matmuls that share an input become one matmul with stacked weights; its parts are views into the wider result.
#include "compiler/rules/registry.h"

namespace nntune::rules {

using graph::Op;
using graph::OpKind;

namespace {

Op slice(std::int64_t begin, std::int64_t end) { return graph::Slice{.begin = begin, .end = end}; }

/// All operands of an outer concat with those of the inner one (variable `inner`) in its place.
void flatten(Builder& site, bool inner_first) {
  const auto outer = site.children("c");
  const auto inner = site.children("d");
  std::vector<egraph::ClassId> operands(inner.begin(), inner.end());
  operands.insert(inner_first ? operands.end() : operands.begin(), inner_first ? outer[1] : outer[0]);
  site.offer(site.add(graph::Concat{}, operands));
}

}  // namespace

std::span<const Rule> merge_rules() {
  static const std::vector<Rule> kRules = {
      // In one fixed order of weights, so that each set of weights is stacked in one way; larger sets grow pair by pair.
      {.name = "merge-matmuls-of-one-input",
       .left = "(matmul{;} ?x ?v), (matmul{;} ?x ?w)",
       .build =
           [](Builder& site) {
             const std::int64_t first = site.type("v").shape[0];
             const std::int64_t both = first + site.type("w").shape[0];
             const auto stacked = site.add(graph::Concat{}, {site["v"], site["w"]});
             if (!stacked) {
               return;
             }
             const auto merged = site.add(graph::matmul(), {site["x"], *stacked});
             const auto second = site.add(graph::matmul(), {site["x"], site["w"]});
             site.offer(site.add(slice(0, first), {*merged}));
             site.offer(*second, site.add(slice(first, both), {*merged}));
           },
       .when =
           [](const Site& site) {
             return site.plain_weight("v") && site.plain_weight("w") && !site.constant("x") && !site.type("x").packed() &&
                    site.type("x").dtype == graph::DType::f32 && site.facts("v").last_weight < site.facts("w").first_weight;
           }},
      // The same for products with biases, as q, k and v of Qwen2 have them: the biases lie one behind the other, too.
      {.name = "merge-biased-matmuls-of-one-input",
       .left = "(rowwise{bias} (matmul{;} ?x ?v) ?a), (rowwise{bias} (matmul{;} ?x ?w) ?b)",
       .build =
           [](Builder& site) {
             const std::int64_t first = site.type("v").shape[0];
             const std::int64_t both = first + site.type("w").shape[0];
             const auto stacked = site.add(graph::Concat{}, {site["v"], site["w"]});
             const auto upper = site.add(graph::Reshape{{first, 1}}, {site["a"]});
             const auto lower = site.add(graph::Reshape{{both - first, 1}}, {site["b"]});
             if (!stacked || !upper || !lower) {
               return;
             }
             const auto column = site.add(graph::Concat{}, {*upper, *lower});
             const auto biases = site.add(graph::Reshape{{both}}, {*column});
             const auto product = site.add(graph::matmul(), {site["x"], *stacked});
             const auto merged = site.add(graph::rowwise({{.kind = graph::StepKind::bias}}), {*product, *biases});
             const auto apart = site.add(graph::matmul(), {site["x"], site["w"]});
             const auto second = site.add(graph::rowwise({{.kind = graph::StepKind::bias}}), {*apart, site["b"]});
             site.offer(site.add(slice(0, first), {*merged}));
             site.offer(*second, site.add(slice(first, both), {*merged}));
           },
       .when =
           [](const Site& site) {
             return site.plain_weight("v") && site.plain_weight("w") && site.constant("a") && site.constant("b") &&
                    site.type("a").shape[0] == site.type("v").shape[0] &&
                    site.type("b").shape[0] == site.type("w").shape[0] && !site.constant("x") && !site.type("x").packed() &&
                    site.type("x").dtype == graph::DType::f32 && site.facts("v").last_weight < site.facts("w").first_weight;
           }},
      {.name = "flatten-concat-first",
       .left = "(concat:c (concat:d ..) ?w)",
       .build = [](Builder& site) { flatten(site, true); }},
      {.name = "flatten-concat-second",
       .left = "(concat:c ?w (concat:d ..))",
       .build = [](Builder& site) { flatten(site, false); }},
      {.name = "slice-of-slice",
       .left = "(slice:a (slice:b ?x))",
       .build =
           [](Builder& site) {
             const auto inner = site.op("b").as<graph::Slice>();
             const auto outer = site.op("a").as<graph::Slice>();
             if (inner.axis == outer.axis) {
               site.offer(
                   site.add(graph::Slice{inner.begin + outer.begin, inner.begin + outer.end, inner.axis}, {site["x"]}));
             }
           }},
      {.name = "gate-up-side-by-side",
       .left = "(rowwise{swiglu} (matmul{;} ?h ?g) (matmul{;} ?h ?u))",
       .right = "(rowwise{swiglu_split} (matmul{;} ?h (concat{} ?g ?u)))",
       .when =
           [](const Site& site) {
             return site.plain_weight("g") && site.plain_weight("u") && site.type("g") == site.type("u");
           }},
      {.name = "gate-up-interleaved",
       .left = "(rowwise{swiglu} (matmul{;} ?h ?g) (matmul{;} ?h ?u))",
       .build =
           [](Builder& site) {
             for (const std::int64_t group : site.options().pair_groups()) {
               const auto w = site.add(graph::Interleave{.group = group}, {site["g"], site["u"]});
               const auto pairs = w ? site.add(graph::matmul(), {site["h"], *w}) : std::nullopt;
               if (pairs) {
                 site.offer(site.add(graph::rowwise({{.kind = graph::StepKind::swiglu_pairs, .group = group}}), {*pairs}));
               }
             }
           },
       .when =
           [](const Site& site) {
             return site.plain_weight("g") && site.plain_weight("u") && site.type("g") == site.type("u");
           }},
  };
  return kRules;
}

}  // namespace nntune::rules
