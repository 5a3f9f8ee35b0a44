// Layouts travel: a pack moves from the end of row-wise work to its operands, through transposes and reshapes, until it meets the
// unpack that undoes it or the kernel that can store its result packed. Row-wise steps mean the same in every layout.
#include <algorithm>
#include <functional>

#include "compiler/rules/registry.h"

namespace nntune::rules {

using egraph::ClassId;
using graph::Chain;
using graph::Lane;
using graph::Op;
using graph::OpKind;
using graph::StepKind;

namespace {

Op pack_step(const std::vector<Lane>& lanes) { return graph::rowwise({{.kind = StepKind::pack, .lanes = lanes}}); }

/// The layout that a node "p" gives its operand if it does nothing else: the operation pack, or a chain of that one step.
std::vector<Lane> only_packs_to(const Site& site) {
  const Op& op = site.op("p");
  if (const auto* pack = op.get_if<graph::Pack>()) {
    return pack->lanes;
  }
  return op.prologue().size() == 1 && op.prologue()[0].kind == StepKind::pack ? op.prologue()[0].lanes : std::vector<Lane>();
}

/// `layout` of a result [m, n] as a layout of the operand [n, m].
std::vector<Lane> turned(std::vector<Lane> lanes) {
  for (Lane& lane : lanes) {
    lane.axis = 1 - lane.axis;
  }
  return lanes;
}

/// Whether a step computes each element from elements at the same place, or only stores them.
bool elementwise_or_stores(const graph::Step& step) {
  return step.traits().reach == graph::StepReach::element || step.traits().stores;
}

/// Node "r" with `change` done to x and to the operands that have its layout.
void with_operands(Builder& site, const Chain& chain, const std::function<std::optional<ClassId>(ClassId)>& change) {
  const Operands operands = site.operands("r");
  std::vector<ClassId> changed;
  const auto x = change(operands.x);
  if (!x) {
    return;
  }
  changed.push_back(*x);
  std::size_t next = 0;
  for (const graph::Step& step : chain) {
    if (step.operands() == 0) {
      continue;
    }
    const ClassId operand = operands.prologue[next++];
    const auto moved = step.takes_rows() ? change(operand) : std::optional(operand);
    if (!moved) {
      return;
    }
    changed.push_back(*moved);
  }
  site.offer(site.add(graph::rowwise(chain), changed));
}

/// Node "r" ends with a pack, which is done to its operands instead.
void pack_operands(Builder& site) {
  Chain chain = site.op("r").prologue();
  const std::vector<Lane> lanes = chain.back().lanes;
  chain.pop_back();
  with_operands(site, chain, [&](ClassId operand) { return site.add(pack_step(lanes), {operand}); });
}

/// pack(transpose(x)) and pack(reshape(x)), the pack being an operation (on constants) or a step (at run time).
void pack_before_transpose(Builder& site) {
  const std::vector<Lane> lanes = turned(only_packs_to(site));
  const bool operation = site.op("p").kind() == OpKind::pack;
  const auto packed = site.add(operation ? Op(graph::Pack{lanes}) : pack_step(lanes), {site["x"]});
  site.offer(packed ? site.add(graph::Transpose{}, {*packed}) : std::nullopt);
}

void pack_before_reshape(Builder& site) {
  const auto packed = site.type("x").rank() == 2 ? site.add(site.op("p"), {site["x"]}) : std::nullopt;
  site.offer(packed ? site.add(Op(site.op("s")), {*packed}) : std::nullopt);
}

bool only_packs(const Site& site) { return !only_packs_to(site).empty(); }

}  // namespace

std::span<const Rule> pack_travel_rules() {
  static const std::vector<Rule> kRules = {
      {.name = "pack-is-a-row-wise-step",
       .left = "(pack:p ?x)",
       .build = [](Builder& site) { site.offer(site.add(pack_step(site.op("p").as<graph::Pack>().lanes), {site["x"]})); },
       .when = [](const Site& site) { return site.run_time(); }},
      {.name = "pack-before-row-wise",
       .left = "(rowwise:r (unpack{} ?y) ..)",
       .build = pack_operands,
       .when =
           [](const Site& site) {
             const Chain& chain = site.op("r").prologue();
             return chain.size() > 1 && chain.back().kind == StepKind::pack && chain.back().lanes == site.type("y").lanes;
           }},
      // Through work on two products, such as gate and up, to a layout that the matmul behind it asks for. Not through norms: what
      // they read is a residual stream that others read as well. Not through casts alone: nothing is won. Not through the two
      // halves or the pairs of one product: those are there to be part of a matmul or of its reader.
      {.name = "pack-before-elementwise",
       .left = "(rowwise:r ?x ..)",
       .build = pack_operands,
       .when =
           [](const Site& site) {
             const Chain& chain = site.op("r").prologue();
             return site.options().packs_travel_to_products && chain.size() > 1 && chain.back().kind == StepKind::pack &&
                    !site.constant("x") && !site.facts("x").input && std::ranges::all_of(chain, elementwise_or_stores) &&
                    std::ranges::any_of(chain, [](const graph::Step& step) { return step.takes_rows(); });
           }},
      {.name = "unpack-before-row-wise",
       .left = "(unpack{} (rowwise:r ?x ..))",
       .build =
           [](Builder& site) {
             with_operands(site, Chain(site.op("r").prologue()),
                           [&](ClassId operand) { return site.add(graph::Unpack{}, {operand}); });
           },
       .when = [](const Site& site) { return site.type("x").packed(); }},
      {.name = "row-wise-of-unpack",
       .left = "(rowwise:r (unpack{} ?y) ..)",
       .build =
           [](Builder& site) {
             const std::vector<Lane> lanes = site.type("y").lanes;
             const Operands operands = site.operands("r");
             const Chain chain = site.op("r").prologue();
             std::vector<ClassId> packed = {site["y"]};
             packed.insert(packed.end(), operands.prologue.begin(), operands.prologue.end());
             const auto done = site.add(graph::rowwise(chain), packed);
             site.offer(done ? site.add(graph::Unpack{}, {*done}) : std::nullopt);
           },
       .when =
           [](const Site& site) {
             return std::ranges::none_of(site.op("r").prologue(), [](const graph::Step& step) {
               return step.takes_rows() || step.kind == StepKind::pack;
             });
           }},
      {.name = "elementwise-of-two-unpacks",
       .left = "(rowwise:r (unpack{} ?x) (unpack{} ?y))",
       .build =
           [](Builder& site) {
             const auto done = site.add(site.op("r"), {site["x"], site["y"]});
             site.offer(done ? site.add(graph::Unpack{}, {*done}) : std::nullopt);
           },
       .when =
           [](const Site& site) {
             const Chain& chain = site.op("r").prologue();
             return site.type("x").lanes == site.type("y").lanes && chain.size() == 1 && chain[0].takes_rows();
           }},
      {.name = "product-of-unpack", .left = "(matmul{;} (unpack{} ?x) ?w)", .right = "(matmul{;} ?x ?w)"},
      {.name = "pack-before-transpose", .left = "(pack:p (transpose{} ?x))", .build = pack_before_transpose},
      {.name = "pack-step-before-transpose",
       .left = "(rowwise:p (transpose{} ?x))",
       .build = pack_before_transpose,
       .when = only_packs},
      {.name = "unpack-before-transpose", .left = "(unpack{} (transpose{} ?x))", .right = "(transpose{} (unpack{} ?x))"},
      {.name = "pack-before-reshape", .left = "(pack:p (reshape:s ?x))", .build = pack_before_reshape},
      {.name = "pack-step-before-reshape",
       .left = "(rowwise:p (reshape:s ?x))",
       .build = pack_before_reshape,
       .when = only_packs},
      {.name = "unpack-before-reshape",
       .left = "(unpack{} (reshape:s ?x))",
       .build =
           [](Builder& site) {
             const auto plain = site.add(graph::Unpack{}, {site["x"]});
             site.offer(plain ? site.add(Op(site.op("s")), {*plain}) : std::nullopt);
           }},
  };
  return kRules;
}

}  // namespace nntune::rules
