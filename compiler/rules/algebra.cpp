// Equalities of linear algebra that need no kernel of their own: transposes, reshapes, slices and stacks go away, travel through
// row-wise work, or move from activations to weights, where they are computed ahead of time.
//
// Kernels read columns of a wider buffer as a view, but neither its rows nor columns of a section's input. So no rule makes a
// run-time slice of rows, and none a slice of an input.
#include <algorithm>

#include "compiler/rules/registry.h"

namespace nntune::rules {

using egraph::ClassId;
using graph::Op;
using graph::OpKind;
using graph::Step;
using graph::StepKind;

namespace {

Op slice(std::int64_t begin, std::int64_t end, int axis) { return graph::Slice{.begin = begin, .end = end, .axis = axis}; }
Op reshape(std::vector<std::int64_t> shape) { return graph::Reshape{.shape = std::move(shape)}; }

/// A copy, because adding operations moves what the graph holds.
std::vector<ClassId> list(std::span<const ClassId> children) { return {children.begin(), children.end()}; }

/// Each element of the result depends on the elements at the same place of the operands alone.
bool elementwise(const graph::Chain& chain) {
  return !chain.empty() && std::ranges::all_of(chain, [](const Step& step) {
    return step.traits().reach == graph::StepReach::element && step.traits().operand != graph::StepOperand::vector &&
           step.kind != StepKind::pack;
  });
}

/// Each row of the result depends on that row of x alone, wherever it stands, and on nothing else that has rows.
bool row_by_row(const graph::Chain& chain) {
  return !chain.empty() && std::ranges::all_of(chain, [](const Step& step) {
    return !step.takes_rows() && !step.traits().reads_position && step.kind != StepKind::pack;
  });
}

/// outer(r(a, b..)) = r(outer(a), outer(b)..) for an elementwise r.
void into_elementwise(Builder& site, const Op& outer) {
  const Op& inner = site.op("r");
  std::vector<ClassId> operands;
  for (const ClassId child : list(site.children("r"))) {
    const auto moved = site.add(outer, {child});
    if (!moved) {
      return;
    }
    operands.push_back(*moved);
  }
  site.offer(site.add(inner, operands));
}

/// What a slice may be moved to: constants, or columns of something that is computed.
bool sliceable(const Site& site, ClassId id, int axis) {
  return site.facts(id).constant || (axis == 1 && !site.facts(id).input);
}

bool all_sliceable(const Site& site, std::string_view node, int axis) {
  return std::ranges::all_of(site.children(node), [&](ClassId child) { return sliceable(site, child, axis); });
}

/// One stored matrix, or rows of it; not a stack of several, which the family "merge" takes apart.
bool of_one_weight(const Site& site, std::string_view variable) {
  const Facts& facts = site.facts(variable);
  return facts.constant && facts.first_weight == facts.last_weight && !site.type(variable).packed();
}

/// Rows begin..end of the stack `parts`, from as few of them as hold it.
std::optional<ClassId> rows_of_stack(Builder& site, const std::vector<ClassId>& parts, std::int64_t begin,
                                     std::int64_t end) {
  std::vector<ClassId> result;
  std::int64_t first = 0;
  for (const ClassId part : parts) {
    const std::int64_t rows = site.type(part).shape[0];
    const std::int64_t from = std::max<std::int64_t>(begin - first, 0);
    const std::int64_t to = std::min(end - first, rows);
    first += rows;
    if (from >= to) {
      continue;
    }
    const bool whole = from == 0 && to == rows;
    if (!whole && !sliceable(site, part, 0)) {
      return std::nullopt;
    }
    const auto piece = whole ? part : site.add(slice(from, to, 0), {part});
    if (!piece) {
      return std::nullopt;
    }
    result.push_back(*piece);
  }
  return result.size() == 1 ? std::optional(result[0]) : site.add(graph::Concat{}, result);
}

/// A stack c of parts, with `chain` and its further operands applied to each part instead.
void into_stack(Builder& site, std::string_view stack) {
  const Op rowwise = site.op("r");
  const Op stacking = site.op(stack);
  const std::vector<ClassId> extra = list(site.children("r").subspan(1));
  std::vector<ClassId> parts;
  for (const ClassId part : list(site.children(stack))) {
    std::vector<ClassId> operands = {part};
    operands.insert(operands.end(), extra.begin(), extra.end());
    const auto done = site.add(rowwise, operands);
    if (!done) {
      return;
    }
    parts.push_back(*done);
  }
  site.offer(site.add(stacking, parts));
}

/// The vector t times the vector s, repeated along it; both constant.
std::optional<ClassId> product(Builder& site, ClassId s, ClassId t) {
  const std::int64_t size = site.type(s).shape[0];
  const auto row = site.add(reshape({1, size}), {s});
  const auto scaled = row ? site.add(graph::rowwise({{.kind = StepKind::scale}}), {*row, t}) : std::nullopt;
  return scaled ? site.add(reshape({size}), {*scaled}) : std::nullopt;
}

/// Neighbouring slices "a" and "b" of x, then all operands of "c" from number `next` on.
void join_neighbours(Builder& site, std::size_t next) {
  const auto first = site.op("a").as<graph::Slice>();
  const auto second = site.op("b").as<graph::Slice>();
  if (first.axis != 0 || second.axis != 0 || first.end != second.begin) {
    return;
  }
  std::vector<ClassId> operands = list(site.children("c"));
  const auto both = site.add(slice(first.begin, second.end, 0), {site["x"]});
  if (!both) {
    return;
  }
  operands[next - 2] = *both;
  operands.erase(operands.begin() + static_cast<std::ptrdiff_t>(next - 1));
  site.offer(operands.size() == 1 ? both : site.add(graph::Concat{}, operands));
}

}  // namespace

std::span<const Rule> algebra_rules() {
  static const std::vector<Rule> kRules = {
      // Transposes and reshapes.
      {.name = "transpose-of-transpose", .left = "(transpose{} (transpose{} ?x))", .right = "?x"},
      {.name = "transpose-of-product", .left = "(transpose{} (matmul{;} ?a ?b))", .right = "(matmul{;} ?b ?a)"},
      {.name = "transpose-of-elementwise",
       .left = "(transpose{} (rowwise:r ..))",
       .build = [](Builder& site) { into_elementwise(site, graph::Transpose{}); },
       .when = [](const Site& site) { return elementwise(site.op("r").prologue()); }},
      {.name = "transpose-of-slice",
       .left = "(transpose{} (slice:s ?x))",
       .build =
           [](Builder& site) {
             const auto op = site.op("s").as<graph::Slice>();
             const auto turned = site.add(graph::Transpose{}, {site["x"]});
             site.offer(turned ? site.add(slice(op.begin, op.end, 1 - op.axis), {*turned}) : std::nullopt);
           },
       .when = [](const Site& site) { return site.constant("x") || site.op("s").as<graph::Slice>().axis == 0; }},
      {.name = "slice-of-transpose",
       .left = "(slice:s (transpose{} ?x))",
       .build =
           [](Builder& site) {
             const auto op = site.op("s").as<graph::Slice>();
             const auto part = site.add(slice(op.begin, op.end, 1 - op.axis), {site["x"]});
             site.offer(part ? site.add(graph::Transpose{}, {*part}) : std::nullopt);
           },
       .when = [](const Site& site) { return sliceable(site, site["x"], 1 - site.op("s").as<graph::Slice>().axis); }},
      {.name = "reshape-of-reshape",
       .left = "(reshape:b (reshape:a ?x))",
       .build = [](Builder& site) { site.offer(site.add(site.op("b"), {site["x"]})); }},
      {.name = "reshape-to-the-same-shape",
       .left = "(reshape:r ?x)",
       .build = [](Builder& site) { site.offer(site["x"]); },
       .when = [](const Site& site) { return site.op("r").as<graph::Reshape>().shape == site.type("x").shape; }},
      {.name = "reshape-of-elementwise",
       .left = "(reshape:s (rowwise:r ..))",
       .build = [](Builder& site) { into_elementwise(site, Op(site.op("s"))); },
       .when =
           [](const Site& site) {
             return elementwise(site.op("r").prologue()) && site.op("s").as<graph::Reshape>().shape.size() == 2;
           }},

      // Slices and stacks.
      {.name = "slice-of-everything",
       .left = "(slice:s ?x)",
       .build = [](Builder& site) { site.offer(site["x"]); },
       .when = [](const Site& site) { return site.type(site.root()) == site.type("x"); }},
      {.name = "slice-of-concat",
       .left = "(slice:s (concat:c ..))",
       .build =
           [](Builder& site) {
             const auto op = site.op("s").as<graph::Slice>();
             const std::vector<ClassId> parts = list(site.children("c"));
             if (op.axis == 0) {
               site.offer(rows_of_stack(site, parts, op.begin, op.end));
               return;
             }
             std::vector<ClassId> cut;
             for (const ClassId part : parts) {
               const auto each = sliceable(site, part, 1) ? site.add(op, {part}) : std::nullopt;
               if (!each) {
                 return;
               }
               cut.push_back(*each);
             }
             site.offer(site.add(graph::Concat{}, cut));
           }},
      {.name = "concat-of-neighbours",
       .left = "(concat:c (slice:a ?x) (slice:b ?x) ..)",
       .build = [](Builder& site) { join_neighbours(site, 2); },
       .when = [](const Site& site) { return site.constant("x"); }},
      {.name = "concat-of-later-neighbours",
       .left = "(concat:c ?w (slice:a ?x) (slice:b ?x) ..)",
       .build = [](Builder& site) { join_neighbours(site, 3); },
       .when = [](const Site& site) { return site.constant("x"); }},
      {.name = "concat-of-one", .left = "(concat{} ?x)", .right = "?x"},

      // Columns of a product are rows of its weights: what is stored as one matrix may be computed in parts, and back.
      {.name = "slice-of-product",
       .left = "(slice:s (matmul{;} ?x ?w))",
       .build =
           [](Builder& site) {
             const auto op = site.op("s").as<graph::Slice>();
             const auto rows = site.add(slice(op.begin, op.end, 0), {site["w"]});
             site.offer(rows ? site.add(graph::matmul(), {site["x"], *rows}) : std::nullopt);
           },
       .when =
           [](const Site& site) {
             return site.op("s").as<graph::Slice>().axis == 1 && site.run_time() && of_one_weight(site, "w");
           }},
      {.name = "slice-of-stacked-product",
       .left = "(slice:s (matmul{;} ?x (concat:c ..)))",
       .build =
           [](Builder& site) {
             const auto op = site.op("s").as<graph::Slice>();
             const auto rows = rows_of_stack(site, list(site.children("c")), op.begin, op.end);
             site.offer(rows ? site.add(graph::matmul(), {site["x"], *rows}) : std::nullopt);
           },
       .when = [](const Site& site) { return site.op("s").as<graph::Slice>().axis == 1 && site.run_time(); }},
      {.name = "product-of-slice",
       .left = "(matmul{;} ?x (slice:s ?w))",
       .build =
           [](Builder& site) {
             const auto op = site.op("s").as<graph::Slice>();
             const auto whole = site.add(graph::matmul(), {site["x"], site["w"]});
             site.offer(whole ? site.add(slice(op.begin, op.end, 1), {*whole}) : std::nullopt);
           },
       .when =
           [](const Site& site) {
             return site.op("s").as<graph::Slice>().axis == 0 && site.run_time() && of_one_weight(site, "w");
           }},

      // Elementwise work before or behind a cut.
      {.name = "slice-of-elementwise",
       .left = "(slice:s (rowwise:r ..))",
       .build = [](Builder& site) { into_elementwise(site, Op(site.op("s"))); },
       .when =
           [](const Site& site) {
             return elementwise(site.op("r").prologue()) && all_sliceable(site, "r", site.op("s").as<graph::Slice>().axis);
           }},
      {.name = "elementwise-of-slices",
       .left = "(rowwise:r (slice:a ?x) (slice:b ?y))",
       .build =
           [](Builder& site) {
             const Op cut = site.op("a");
             const auto whole = site.add(site.op("r"), {site["x"], site["y"]});
             site.offer(whole ? site.add(cut, {*whole}) : std::nullopt);
           },
       .when =
           [](const Site& site) {
             return elementwise(site.op("r").prologue()) && site.op("a") == site.op("b") &&
                    site.type("x").shape == site.type("y").shape &&
                    (site.op("a").as<graph::Slice>().axis == 1 || !site.run_time());
           }},
      {.name = "row-wise-of-concat",
       .left = "(rowwise:r (concat:c ..) ..)",
       .build = [](Builder& site) { into_stack(site, "c"); },
       .when = [](const Site& site) { return row_by_row(site.op("r").prologue()); }},
      {.name = "row-wise-of-interleave",
       .left = "(rowwise:r (interleave:c ..) ..)",
       .build = [](Builder& site) { into_stack(site, "c"); },
       .when = [](const Site& site) { return row_by_row(site.op("r").prologue()); }},
      {.name = "sum-of-concats",
       .left = "(rowwise:r (concat{} ?a ?b) (concat{} ?c ?d))",
       .build =
           [](Builder& site) {
             const Op op = site.op("r");
             const auto first = site.add(op, {site["a"], site["c"]});
             const auto second = site.add(op, {site["b"], site["d"]});
             site.offer(first && second ? site.add(graph::Concat{}, {*first, *second}) : std::nullopt);
           },
       .when = [](const Site& site) { return elementwise(site.op("r").prologue()); }},
      {.name = "slice-of-scale",
       .left = "(slice:c (rowwise{scale} ?x ?s))",
       .build =
           [](Builder& site) {
             const auto cut = site.op("c").as<graph::Slice>();
             const std::int64_t period = site.type("s").shape[0];
             std::optional<ClassId> scale = site["s"];
             if (cut.axis == 1 && (cut.begin % period != 0 || cut.end % period != 0)) {
               if (period != site.type("x").shape[1]) {
                 return;
               }
               const auto row = site.add(reshape({1, period}), {site["s"]});
               const auto part = row ? site.add(cut, {*row}) : std::nullopt;
               scale = part ? site.add(reshape({cut.end - cut.begin}), {*part}) : std::nullopt;
             }
             const auto x = site.add(cut, {site["x"]});
             site.offer(x && scale ? site.add(graph::rowwise({{.kind = StepKind::scale}}), {*x, *scale}) : std::nullopt);
           },
       .when =
           [](const Site& site) {
             return site.constant("s") && sliceable(site, site["x"], site.op("c").as<graph::Slice>().axis);
           }},

      // Sums. Commuting is exact; the others round differently and need permission.
      {.name = "add-commutes", .left = "(rowwise{add} ?a ?b)", .right = "(rowwise{add} ?b ?a)"},
      {.name = "add-associates",
       .left = "(rowwise{add} (rowwise{add} ?a ?b) ?c)",
       .right = "(rowwise{add} ?a (rowwise{add} ?b ?c))",
       .needs = &RuleOptions::allow_reassociation},
      {.name = "scale-of-scale",
       .left = "(rowwise{scale} (rowwise{scale} ?x ?s) ?t)",
       .build =
           [](Builder& site) {
             const bool longer = site.type("s").shape[0] >= site.type("t").shape[0];
             const auto both = longer ? product(site, site["s"], site["t"]) : product(site, site["t"], site["s"]);
             site.offer(both ? site.add(graph::rowwise({{.kind = StepKind::scale}}), {site["x"], *both}) : std::nullopt);
           },
       .when = [](const Site& site) { return site.constant("s") && site.constant("t"); },
       .needs = &RuleOptions::allow_reassociation},
      {.name = "sum-of-products",
       .left = "(rowwise{add} (matmul{;} ?x ?v) (matmul{;} ?x ?w))",
       .right = "(matmul{;} ?x (rowwise{add} ?v ?w))",
       .when =
           [](const Site& site) {
             return site.run_time() && site.plain_weight("v") && site.plain_weight("w") &&
                    site.type("v") == site.type("w") && site.type("v").dtype == graph::DType::f32;
           },
       .needs = &RuleOptions::allow_reassociation},
  };
  return kRules;
}

}  // namespace nntune::rules
