// Row-wise work joins the kernel that makes its input or that reads its output. Chains are split at every step as well, so
// that each part can go either way.
#include <algorithm>

#include "compiler/rules/registry.h"

namespace nntune::rules {

using egraph::ClassId;
using graph::Chain;
using graph::Op;
using graph::Step;
using graph::StepKind;

namespace {

bool ends_packed(const Chain& chain) { return !chain.empty() && chain.back().kind == StepKind::pack; }

Chain chained(Chain a, const Chain& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

std::vector<ClassId> joined(std::vector<ClassId> a, const std::vector<ClassId>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

/// Steps that need one tile of the result at a time, not whole rows.
bool fits_epilogue(const Step& step) { return step.traits().in_epilogue; }

/// A matmul that only stores its product in another layout, for elementwise work behind it, has no prologue: the product may have
/// many layouts, and each prologue would be one more kernel to be costed in each of them.
bool only_packs(const Chain& epilogue) { return epilogue.size() == 1 && epilogue[0].kind == StepKind::pack; }

/// Row-wise node "r" goes in front of the chain of node "k".
void fuse_producer(Builder& site) {
  const Op& producer = site.op("r");
  if (ends_packed(producer.prologue())) {
    return;  // a prologue packs as the kernel likes
  }
  const Operands before = site.operands("r");
  Operands operands = site.operands("k");
  const Op& op = site.op("k");
  if (op.kind() == graph::OpKind::matmul && only_packs(op.epilogue())) {
    return;
  }
  operands.x = before.x;
  operands.prologue = joined(before.prologue, operands.prologue);
  site.offer(site.add(op.with_prologue(chained(producer.prologue(), op.prologue())), operands.all()));
}

/// The chain of node "k" becomes a row-wise kernel of its own.
void split_prologue(Builder& site) {
  const Op op = site.op("k");
  if (op.prologue().empty()) {
    return;
  }
  Operands operands = site.operands("k");
  const auto x = site.add(graph::rowwise(op.prologue()), joined({operands.x}, operands.prologue));
  if (!x) {
    return;
  }
  operands.prologue.clear();
  operands.x = *x;
  site.offer(site.add(op.with_prologue({}), operands.all()));
}

/// Row-wise node "r" goes behind node "k", if `fits` takes all its steps.
void fuse_consumer(Builder& site, bool (*fits)(const Step&)) {
  const Op& consumer = site.op("r");
  const Op& op = site.op("k");
  if (ends_packed(op.epilogue()) || !std::ranges::all_of(consumer.prologue(), fits)) {
    return;
  }
  Operands operands = site.operands("k");
  Chain epilogue = chained(op.epilogue(), consumer.prologue());
  if (op.kind() == graph::OpKind::matmul && !op.prologue().empty() && only_packs(epilogue)) {
    return;
  }
  operands.epilogue = joined(operands.epilogue, site.operands("r").prologue);
  site.offer(site.add(op.with_epilogue(std::move(epilogue)), operands.all()));
}

}  // namespace

std::span<const Rule> fusion_rules() {
  static const std::vector<Rule> kRules = {
      {.name = "join-rowwise",
       .left = "(rowwise:r (rowwise:k ?x ..) ..)",
       .build =
           [](Builder& site) {
             const Operands before = site.operands("k");
             const Operands after = site.operands("r");
             const Chain chain = chained(site.op("k").prologue(), site.op("r").prologue());
             site.offer(site.add(graph::rowwise(chain), joined(joined({before.x}, before.prologue), after.prologue)));
           },
       .when = [](const Site& site) { return site.run_time() && !ends_packed(site.op("k").prologue()); }},
      {.name = "split-rowwise",
       .left = "(rowwise:r ?x ..)",
       .build =
           [](Builder& site) {
             const Chain chain = site.op("r").prologue();
             const Operands operands = site.operands("r");
             auto cut = operands.prologue.begin();
             for (auto step = chain.begin(); step + 1 < chain.end(); ++step) {
               cut += step->operands();
               const auto first = site.add(graph::rowwise(Chain(chain.begin(), step + 1)),
                                           joined({operands.x}, {operands.prologue.begin(), cut}));
               if (first) {
                 site.offer(site.add(graph::rowwise(Chain(step + 1, chain.end())),
                                     joined({*first}, {cut, operands.prologue.end()})));
               }
             }
           },
       .when = [](const Site& site) { return site.run_time() && site.op("r").prologue().size() > 1; }},
      {.name = "fuse-producer-into-matmul",
       .left = "(matmul:k (rowwise:r ?x ..) ..)",
       .build = fuse_producer,
       .when = [](const Site& site) { return !site.constant("x"); }},
      {.name = "fuse-producer-into-attention", .left = "(attention:k (rowwise:r ?x ..) ..)", .build = fuse_producer},
      {.name = "fuse-producer-into-cache-append", .left = "(cache_append:k (rowwise:r ?x ..) ..)", .build = fuse_producer},
      {.name = "split-matmul-prologue", .left = "(matmul:k ?x ..)", .build = split_prologue},
      {.name = "split-attention-prologue", .left = "(attention:k ?x ..)", .build = split_prologue},
      {.name = "split-cache-append-chain", .left = "(cache_append:k ?x ..)", .build = split_prologue},
      {.name = "fuse-consumer-into-matmul",
       .left = "(rowwise:r (matmul:k ..) ..)",
       .build = [](Builder& site) { fuse_consumer(site, fits_epilogue); }},
      {.name = "fuse-consumer-into-attention",
       .left = "(rowwise:r (attention:k ..) ..)",
       .build = [](Builder& site) { fuse_consumer(site, [](const Step& step) { return step.traits().stores; }); }},
      // a + (x w^T): addition commutes, so the matmul may be either operand.
      {.name = "fuse-residual-into-matmul",
       .left = "(rowwise{add} ?a (matmul:k ..))",
       .build =
           [](Builder& site) {
             const Op& op = site.op("k");
             Operands operands = site.operands("k");
             operands.epilogue.push_back(site["a"]);
             site.offer(site.add(op.with_epilogue(chained(op.epilogue(), {{.kind = StepKind::add}})), operands.all()));
           },
       .when = [](const Site& site) { return !ends_packed(site.op("k").epilogue()) && !site.type("a").packed(); }},
  };
  return kRules;
}

}  // namespace nntune::rules
