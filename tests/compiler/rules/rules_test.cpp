// Each rule alone on its own small term, one a line: it must fire, and every node of every class must have the same value by
// the reference evaluator. Then all rules together on a layer.
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <map>
#include <random>
#include <set>

#include "compiler/egraph/runner.h"
#include "compiler/egraph/sexpr.h"
#include "compiler/rules/registry.h"
#include "tests/compiler/rules/class_values.h"
#include "tests/compiler/rules/decoder_layer.h"
#include "tests/compiler/rules/family_layers.h"

namespace nntune::rules {
namespace {

using testing_models::ClassValues;

Isa avx512_bf16() {
  Isa isa;
  isa.avx2 = isa.fma = isa.f16c = true;
  isa.avx512f = isa.avx512bw = isa.avx512vl = isa.avx512dq = isa.avx512bf16 = true;
  return isa;
}

Isa all_units() {
  Isa isa = avx512_bf16();
  isa.avx512vnni = isa.amx_tile = isa.amx_bf16 = isa.amx_int8 = true;
  return isa;
}

/// Sizes that the leaves have in common.
struct Sizes {
  std::int64_t rows = 3;
  std::int64_t inner = 32;  ///< columns of x
  std::int64_t outer = 48;  ///< rows of w
};

/// The operation of a leaf by its short name, "" if there is none.
std::string leaf(const std::string& name, const Sizes& sizes) {
  static const std::map<std::string, std::string> kTypes = {
      {"x", "input{x:f32[m,K]}"},
      {"y", "input{y:f32[m,K]}"},
      {"n48", "input{n48:f32[m,N]}"},
      {"q", "input{q:f32[1,Q]}"},
      {"ids", "input{ids:i32[m]}"},
      {"rope", "input{rope:f32[?,16]}"},
      {"cache_k", "input{cache_k:f32[2,?,D]}"},
      {"cache_v", "input{cache_v:f32[2,?,D]}"},
      {"keys", "state{0:bf16[2,?,D]}"},
      {"values", "state{1:bf16[2,?,D]}"},
      {"packed", "input{packed:f32[m,K]<0:6>}"},
      {"s", "weight{s:f32[K]}"},
      {"s16", "weight{s16:f32[16]}"},
      {"sN", "weight{sN:f32[N]}"},
      {"tN", "weight{tN:f32[N]}"},
      {"u", "weight{u:f32[N,K]}"},
      {"v", "weight{v:f32[N,K]}"},
      {"w", "weight{w:f32[N,K]}"},
      {"wb", "weight{wb:bf16[N,K]}"},
      {"vb", "weight{vb:bf16[N,K]}"},
      {"xq", "input{xq:i8/16[m,K]}"},
      {"vq", "weight{vq:i8/16[N,K]}"},
      {"wq", "weight{wq:i8/16[N,K]}"},
      {"x8", "input{x8:i8[m,K]}"},
      {"w8", "weight{w8:i8[N,K]}"},
  };
  const auto found = kTypes.find(name);
  if (found == kTypes.end()) return "";
  const std::map<char, std::int64_t> values = {
      {'m', sizes.rows}, {'K', sizes.inner}, {'N', sizes.outer}, {'D', sizes.inner / 2}, {'Q', 2 * sizes.inner}};
  std::string text;
  bool in_shape = false;
  for (const char c : found->second) {
    in_shape = c == '[' || (in_shape && c != ']');
    const auto value = values.find(c);
    text += in_shape && value != values.end() ? std::to_string(value->second) : std::string(1, c);
  }
  return text;
}

/// Nothing if the term has no type at these sizes.
std::optional<graph::NodeId> add_to(graph::Graph& graph, const egraph::Sexpr& term, const Sizes& sizes,
                                    std::map<std::string, graph::NodeId>& known) {
  if (const auto found = known.find(term.text()); found != known.end()) {
    return found->second;
  }
  std::vector<graph::NodeId> inputs;
  for (const egraph::Sexpr& operand : term.operands) {
    const auto input = add_to(graph, operand, sizes, known);
    if (!input) return std::nullopt;
    inputs.push_back(*input);
  }
  const std::string name = leaf(term.head, sizes);
  auto op = graph::Op::parse(name.empty() ? term.head : name);
  if (!op) {
    EXPECT_FALSE(name.empty()) << "no operation: " << term.head;  // a leaf may not exist at these sizes
    return std::nullopt;
  }
  auto node = graph.add(*op, std::move(inputs));
  if (!node) return std::nullopt;
  return known.emplace(term.text(), node.value()).first->second;
}

graph::Graph graph_of(const char* term, const Sizes& sizes = {}) {
  graph::Graph graph;
  std::map<std::string, graph::NodeId> known;
  return add_to(graph, *egraph::parse_sexpr(term), sizes, known) ? graph : graph::Graph();
}

std::vector<std::string> weight_names(const graph::Graph& graph) {
  std::vector<std::string> names;
  for (const graph::Node& node : graph.nodes()) {
    if (node.op.kind() == graph::OpKind::weight) {
      names.push_back(node.op.leaf_name());
    }
  }
  return names;
}

struct Case {
  const char* rule;
  const char* term;
  double tolerance = 1e-12;  ///< where nothing is rounded
  std::int64_t past = 3;
};

std::ostream& operator<<(std::ostream& out, const Case& item) { return out << item.rule << " on " << item.term; }

constexpr double kRounded = 0.03;  // bf16 has 8 bits

const std::vector<Case>& cases() {
  static const std::vector<Case> kCases = {
      {"transpose-of-transpose", "(transpose{} (transpose{} x))"},
      {"transpose-of-product", "(transpose{} (matmul{;} w x))"},
      {"transpose-of-product", "(transpose{} (matmul{;} x wb))"},
      {"transpose-of-elementwise", "(transpose{} (rowwise{swiglu|add|cast(bf16)} x y x))"},
      {"transpose-of-elementwise", "(transpose{} (rowwise{add} (pack{0:4,1:2} x) (pack{0:4,1:2} y)))"},
      {"transpose-of-slice", "(transpose{} (slice{3,7} w))"},
      {"transpose-of-slice", "(transpose{} (slice{0,1,rows} x))"},
      {"slice-of-transpose", "(slice{3,7} (transpose{} w))"},
      {"slice-of-transpose", "(slice{2,6,rows} (transpose{} (rowwise{add} x y)))"},
      {"reshape-of-reshape", "(reshape{4,24} (reshape{96} x))"},
      {"reshape-to-the-same-shape", "(reshape{3,32} x)"},
      {"reshape-of-elementwise", "(reshape{24,4} (rowwise{add|cast(bf16)} x y))"},
      {"reshape-of-elementwise", "(reshape{12,8} (rowwise{swiglu} (pack{1:8} x) (pack{1:8} y)))"},
      {"slice-of-everything", "(slice{0,32} x)"},
      {"slice-of-everything", "(slice{0,48,rows} w)"},
      {"slice-of-concat", "(slice{3,50,rows} (concat{} u v w))"},
      {"slice-of-concat", "(slice{48,96,rows} (concat{} u v w))"},
      {"slice-of-concat", "(slice{3,7} (concat{} u v w))"},
      {"slice-of-concat", "(slice{3,6,rows} (concat{} x y))"},
      {"slice-of-concat", "(slice{3,50,rows} (concat{} vq wq))"},
      {"concat-of-neighbours", "(concat{} (slice{3,5,rows} w) (slice{5,20,rows} w))"},
      {"concat-of-neighbours", "(concat{} (slice{3,5,rows} w) (slice{5,20,rows} w) v)"},
      {"concat-of-later-neighbours", "(concat{} v (slice{3,5,rows} w) (slice{5,20,rows} w) u)"},
      {"concat-of-one", "(concat{} x)"},
      {"slice-of-product", "(slice{3,20} (matmul{;} x w))"},
      {"slice-of-stacked-product", "(slice{3,60} (matmul{;} x (concat{} u v w)))"},
      {"product-of-slice", "(matmul{;} x (slice{3,20,rows} wb))"},
      {"slice-of-elementwise", "(slice{3,20} (rowwise{add|swiglu} (matmul{;} x w) (matmul{;} x v) (matmul{;} x u)))"},
      {"slice-of-elementwise", "(slice{3,20,rows} (rowwise{add} u w))"},
      {"elementwise-of-slices", "(rowwise{swiglu} (slice{3,20} x) (slice{3,20} y))"},
      {"row-wise-of-concat", "(rowwise{rms(1e-06,0)|scale|cast(bf16)} (concat{} u v w) s16)"},
      {"row-wise-of-concat", "(rowwise{softmax|swiglu_split} (concat{} x y))"},
      {"row-wise-of-concat", "(rowwise{quantise(16)} (concat{} u v))"},
      {"row-wise-of-interleave", "(rowwise{scale} (interleave{8} u w) s)"},
      {"sum-of-concats", "(rowwise{add} (concat{} x y) (concat{} y y))"},
      {"slice-of-scale", "(slice{16,32} (rowwise{scale} (rowwise{add} x y) s16))"},
      {"slice-of-scale", "(slice{5,18} (rowwise{scale} (rowwise{add} x y) s))"},
      {"slice-of-scale", "(slice{5,18,rows} (rowwise{scale} w s))"},
      {"add-commutes", "(rowwise{add} x y)"},
      {"add-associates", "(rowwise{add} (rowwise{add} x y) (rowwise{swiglu} x y))"},
      {"scale-of-scale", "(rowwise{scale} (rowwise{scale} x s) s16)"},
      {"scale-of-scale", "(rowwise{scale} (rowwise{scale} x s16) s)"},
      {"sum-of-products", "(rowwise{add} (matmul{;} x u) (matmul{;} x w))"},
      {"merge-matmuls-of-one-input", "(rowwise{add} (matmul{;} x v) (matmul{;} x w))"},
      {"merge-matmuls-of-one-input", "(rowwise{add|add} (matmul{;} x u) (matmul{;} x w) (matmul{;} x v))"},
      {"merge-matmuls-of-one-input", "(rowwise{add} (matmul{;} x vq) (matmul{;} x wq))"},
      {"merge-biased-matmuls-of-one-input",
       "(rowwise{add} (rowwise{bias} (matmul{;} x v) sN) (rowwise{bias} (matmul{;} x w) tN))"},
      {"flatten-concat-first", "(matmul{;} x (concat{} (concat{} u v) w))"},
      {"flatten-concat-second", "(matmul{;} x (concat{} u (concat{} v w)))"},
      {"slice-of-slice", "(slice{2,7} (slice{3,20} x))"},
      {"slice-of-slice", "(slice{2,7,rows} (slice{3,20,rows} w))"},
      {"gate-up-side-by-side", "(rowwise{swiglu} (matmul{;} x u) (matmul{;} x v))"},
      {"gate-up-interleaved", "(rowwise{swiglu} (matmul{;} x u) (matmul{;} x v))"},
      {"fold-scale-into-f32-weights", "(matmul{;} (rowwise{scale} x s) w)"},
      {"fold-scale-into-f32-weights", "(matmul{;} (rowwise{scale} x s16) w)"},
      {"fold-scale-into-bf16-weights", "(matmul{;} (rowwise{scale} x s) wb)", kRounded},
      {"join-rowwise", "(rowwise{scale|rms(1e-06,0)} (rowwise{add|rms(1e-06,16)|scale} x y s) s16)"},
      {"join-rowwise", "(rowwise{quantise(16)|pack(0:6,1:4)} (rowwise{rms(1e-06,0)|scale} x s))"},
      {"join-rowwise", "(rowwise{quantise(16)} (rowwise{swiglu} x y))"},
      {"split-rowwise", "(rowwise{swiglu|quantise(16)|pack(0:6,1:4)} x y)"},
      {"split-rowwise", "(rowwise{add|rms(1e-06,0)|scale|swiglu|cast(bf16)} x y s y)"},
      {"fuse-producer-into-matmul", "(matmul{;add} (rowwise{rms(1e-06,0)|scale} x s) w n48)"},
      {"fuse-producer-into-matmul", "(matmul{scale;add} (rowwise{swiglu} x y) s w n48)"},
      {"fuse-producer-into-matmul", "(matmul{;} (rowwise{rms(1e-06,0)|scale|quantise(16)} x s) wq)"},
      {"fuse-producer-into-attention",
       "(attention{2,2,0.25;scale;} (rowwise{rms(1e-06,16)|scale|rope(16)} x s16 rope) s cache_k cache_v)"},
      {"fuse-producer-into-cache-append", "(cache_append{rope(16)} (rowwise{rms(1e-06,16)|scale} x s16) rope cache_k)"},
      {"split-matmul-prologue", "(matmul{add|rms(1e-06,0)|scale;add} x y s w n48)"},
      {"split-attention-prologue", "(attention{2,2,0.25;scale|rope(16);} x s16 rope cache_k cache_v)"},
      {"split-cache-append-chain", "(cache_append{scale|rope(16)} x s16 rope cache_k)"},
      {"fuse-consumer-into-matmul", "(rowwise{add|scale} (matmul{rms(1e-06,0);} x w) n48 s16)"},
      {"fuse-consumer-into-matmul", "(rowwise{swiglu_pairs(8)|pack(0:6)} (matmul{;} x w))"},
      {"fuse-consumer-into-matmul", "(rowwise{quantise(16)|pack(0:6,1:4)} (matmul{;add} x w n48))"},
      {"fuse-consumer-into-attention", "(rowwise{quantise(16)} (attention{2,2,0.25;;} x cache_k cache_v))"},
      {"fuse-consumer-into-attention", "(rowwise{cast(bf16)|pack(0:6,1:2)} (attention{2,2,0.25;;} x cache_k cache_v))"},
      {"fuse-residual-into-matmul", "(rowwise{add} n48 (matmul{scale;} x s w))"},
      {"pack-weights", "(matmul{;} x w)"},
      {"pack-weights", "(matmul{;} x wb)"},
      {"pack-weights", "(matmul{;} (rowwise{cast(bf16)} x) wb)"},
      {"pack-weights", "(matmul{;} x8 w8)"},
      {"pack-weights", "(matmul{;} xq wq)"},
      {"bf16-dot", "(matmul{;} x wb)", kRounded},
      {"embed-from-packed-table", "(embed{} ids w)"},
      {"embed-from-packed-table", "(embed{} ids wb)"},
      {"pack-activations", "(matmul{;} x w)"},
      {"pack-activations", "(matmul{;} (rowwise{cast(bf16)} x) wb)"},
      {"pack-activations", "(matmul{;} x8 w8)"},
      {"pack-activations", "(matmul{;} xq wq)"},
      {"quantise-activations", "(matmul{;} x wq)", kRounded},
      {"quantise-activations", "(matmul{;} (rowwise{rms(1e-06,0)|scale|cast(bf16)} x s) wq)", kRounded},
      {"quantise-of-quantised", "(rowwise{quantise(16)} xq)"},
      {"quantise-of-quantised", "(rowwise{quantise(16)} (rowwise{quantise(16)} x))"},
      {"pack-of-unpack", "(pack{0:6} (unpack{} packed))"},
      {"pack-step-of-unpack", "(rowwise{pack(0:6)} (unpack{} packed))"},
      {"unpack-of-pack", "(unpack{} (pack{0:4,1:2} x))"},
      {"unpack-of-pack-step", "(unpack{} (rowwise{add|pack(0:4)} x y))"},
      {"unpack-of-pack-step", "(unpack{} (rowwise{pack(0:4)} x))"},
      {"pack-keys-and-values", "(attention{2,2,0.25;;} x cache_k cache_v)"},
      {"pack-keys-and-values", "(attention{2,2,0.25;;} x (cache_append{} x keys) values)"},
      {"append-to-packed-state", "(pack{1:16,2:2} (cache_append{scale} x s keys))"},
      {"store-state-packed", "(pack{1:2} values)"},
      {"split-attention-over-keys", "(attention{4,2,0.25;;} q cache_k cache_v)", 1e-12, 0},
      {"split-attention-over-keys", "(attention{4,2,0.25;scale|rope(16);cast(bf16)} q s16 rope cache_k cache_v)", 1e-12, 99},
      {"split-attention-over-keys", "(rowwise{cast(bf16)} (attention{4,2,0.25;;} (rowwise{scale} q s16) cache_k cache_v))",
       1e-12, 127},
      {"pack-is-a-row-wise-step", "(pack{0:4,1:2} x)"},
      {"pack-before-row-wise", "(rowwise{add|scale|rms(1e-06,0)|pack(0:6)} (unpack{} packed) y s16)"},
      {"pack-before-row-wise", "(rowwise{softmax|swiglu_split|pack(0:6)} (unpack{} packed))"},
      {"pack-before-row-wise", "(rowwise{swiglu|cast(bf16)|pack(0:4,1:4)} (unpack{} (pack{0:4,1:4} x)) y)"},
      {"pack-before-elementwise", "(rowwise{swiglu|scale|cast(bf16)|pack(0:6,1:2)} (matmul{;} x u) (matmul{;} x w) s16)"},
      {"pack-before-elementwise", "(rowwise{swiglu|quantise(16)|pack(0:6,1:4)} (matmul{;} x u) (matmul{;} x w))"},
      {"pack-before-elementwise", "(rowwise{add|pack(0:4)} (matmul{;} x u) n48)"},
      {"unpack-before-row-wise", "(unpack{} (rowwise{scale|add|softmax} packed s packed))"},
      {"unpack-before-row-wise", "(unpack{} (rowwise{scale|quantise(16)} packed s))"},
      {"row-wise-of-unpack", "(rowwise{rms(1e-06,16)|quantise(16)} (unpack{} packed))"},
      {"row-wise-of-unpack", "(rowwise{rms(1e-06,16)|scale|rope(16)|cast(bf16)} (unpack{} packed) s16 rope)"},
      {"elementwise-of-two-unpacks", "(rowwise{swiglu} (unpack{} (pack{0:6} x)) (unpack{} packed))"},
      {"product-of-unpack", "(matmul{;} (unpack{} packed) w)"},
      {"pack-before-transpose", "(pack{0:16,1:2} (transpose{} w))"},
      {"pack-step-before-transpose", "(rowwise{pack(1:4)} (transpose{} x))"},
      {"unpack-before-transpose", "(unpack{} (transpose{} packed))"},
      {"pack-before-reshape", "(pack{1:8} (reshape{12,8} x))"},
      {"pack-step-before-reshape", "(rowwise{pack(1:4)} (reshape{8,12} x))"},
      {"unpack-before-reshape", "(unpack{} (reshape{24,4} (pack{1:4} x)))"},
  };
  return kCases;
}

class RuleCase : public testing::TestWithParam<Case> {};

/// Runs the rule of a case to saturation on its term and checks all values; how often it changed the graph.
std::size_t check_case(const Case& item, const graph::Graph& source) {
  Language language(weight_names(source));
  egraph::EGraph e(language);
  EXPECT_TRUE(language.add(e, source, "test").has_value());
  const RuleOptions options{.isa = all_units(),
                            .threads = 3,
                            .allow_weight_rounding = true,
                            .allow_quantised_activations = true,
                            .allow_reassociation = true,
                            .packs_travel_to_products = true};
  std::vector<Rule> rules;
  for (const Family& family : families()) {
    for (const Rule& rule : family.rules) {
      if (std::string_view(rule.name) == item.rule) rules.push_back(rule);
    }
  }
  EXPECT_EQ(rules.size(), 1U) << "no such rule: " << item.rule;
  const auto compiled = compile(rules, e.symbols(), language, options);
  EXPECT_TRUE(compiled.has_value()) << compiled.error().message();
  const egraph::RunReport report = egraph::run(e, *compiled);
  EXPECT_EQ(report.stop.kind, egraph::StopReason::Kind::saturated) << report.text();
  EXPECT_EQ(language.trouble(), "");
  EXPECT_EQ(e.check_invariants(), "");
  ClassValues(e, language, item.past).check(item.tolerance);
  return report.rules[0].applied;
}

TEST_P(RuleCase, FiresAndKeepsTheValue) {
  const graph::Graph source = graph_of(GetParam().term);
  ASSERT_FALSE(source.nodes().empty()) << "the term has no type";
  EXPECT_GT(check_case(GetParam(), source), 0U) << "the rule did not fire on " << GetParam().term;
}

TEST_P(RuleCase, KeepsTheValueAtRandomSizes) {
  std::mt19937_64 random(hash128(GetParam().term).low);
  int checked = 0;
  for (int attempt = 0; attempt < 40 && checked < 3; ++attempt) {
    // Groups of 16 columns fit every size of the first kind, few of the second.
    const bool groups = attempt % 2 == 0;
    const auto size = [&](std::int64_t most) {
      const auto any = static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(most));
      return groups ? 32 * (any % 3 + 1) : 8 + any;
    };
    const Sizes sizes{.rows = 1 + static_cast<std::int64_t>(random() % 9), .inner = size(80), .outer = size(80)};
    const graph::Graph source = graph_of(GetParam().term, sizes);
    if (source.nodes().empty()) continue;
    SCOPED_TRACE(fmt::format("{} rows, {} inner, {} outer", sizes.rows, sizes.inner, sizes.outer));
    check_case(GetParam(), source);
    ++checked;
  }
  // Attributes of some terms go with one shape alone.
  if (std::string_view(GetParam().term).find("reshape{") != std::string_view::npos) return;
  EXPECT_EQ(checked, 3) << "too few sizes fit " << GetParam().term;
}

std::string case_name(const testing::TestParamInfo<Case>& item) {
  std::string name = fmt::format("{}_{}", item.index, item.param.rule);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Rules, RuleCase, testing::ValuesIn(cases()), case_name);

TEST(Rules, EachHasACase) {
  std::set<std::string> tested;
  for (const Case& item : cases()) {
    tested.insert(item.rule);
  }
  std::set<std::string> names;
  for (const Family& family : families()) {
    for (const Rule& rule : family.rules) {
      EXPECT_TRUE(names.insert(rule.name).second) << rule.name << " is declared twice";
      EXPECT_EQ(tested.count(rule.name), 1U) << rule.name << " has no line above";
    }
  }
}

TEST(Rules, HarnessFindsAWrongRule) {
  const graph::Graph source = graph_of("(rowwise{add} x y)");
  Language language(weight_names(source));
  egraph::EGraph e(language);
  ASSERT_TRUE(language.add(e, source, "test").has_value());
  const Rule wrong{.name = "wrong", .left = "(rowwise{add} ?a ?b)", .right = "(rowwise{swiglu} ?a ?b)"};
  egraph::run(e, *compile({&wrong, 1}, e.symbols(), language, {}));
  testing::TestPartResultArray failures;
  {
    const testing::ScopedFakeTestPartResultReporter reporter(
        testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &failures);
    ClassValues(e, language).check(1e-3);
  }
  EXPECT_EQ(failures.size(), 1);
}

struct Saturated {
  Language language;
  egraph::EGraph e;
  egraph::RunReport report;

  Saturated(const std::vector<graph::Phase>& phases, const RuleOptions& options, bool reversed = false)
      : language(names(phases)), e(language) {
    for (const graph::Phase& phase : phases) {
      for (const graph::Section& section : phase.sections) {
        EXPECT_TRUE(language.add(e, section.graph, phase.name + "." + section.name).has_value());
      }
    }
    std::vector<egraph::Rewrite> rules = *enabled_rules(e.symbols(), language, options);
    if (reversed) {
      std::reverse(rules.begin(), rules.end());
    }
    report = egraph::run(e, rules,
                         {.nodes = 50'000, .iterations = 50, .backoff = egraph::BackoffOptions{.match_limit = 1'000'000}});
  }
  static std::vector<std::string> names(const std::vector<graph::Phase>& phases) {
    std::vector<std::string> result;
    for (const graph::Phase& phase : phases) {
      for (const graph::Section& section : phase.sections) {
        const auto more = weight_names(section.graph);
        result.insert(result.end(), more.begin(), more.end());
      }
    }
    return result;
  }
};

class LayerOf : public testing::TestWithParam<const import::ModelFamily*> {};

TEST_P(LayerOf, EveryValueIsKeptByAllRulesTogether) {
  for (const graph::DType dtype : {graph::DType::f32, graph::DType::bf16}) {
    for (const std::int64_t rows : {1, 5}) {
      const graph::Phase phase = testing_models::layer_phase(*GetParam(), dtype, rows);
      Saturated all({phase}, {.isa = avx512_bf16(), .threads = 3, .allow_weight_rounding = true});
      EXPECT_EQ(all.report.stop.kind, egraph::StopReason::Kind::saturated) << all.report.text();
      EXPECT_EQ(all.language.trouble(), "");
      ClassValues(all.e, all.language, 70).check(dtype == graph::DType::f32 ? 1e-10 : kRounded);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Families, LayerOf, testing::ValuesIn(import::families()),
                         [](const auto& family) { return std::string(family.param->model_type); });

TEST(Rules, SaturateAModelWithBothPhasesInAFewThousandNodes) {
  for (const graph::DType dtype : {graph::DType::f32, graph::DType::bf16}) {
    const Saturated all(testing_models::phases({.dtype = dtype}),
                        {.isa = avx512_bf16(), .threads = 3, .allow_weight_rounding = true});
    EXPECT_EQ(all.report.stop.kind, egraph::StopReason::Kind::saturated) << all.report.text();
    EXPECT_LT(all.e.node_count(), 10'000U);
  }
}

TEST(Rules, OrderDoesNotChangeTheSaturatedGraph) {
  const RuleOptions options{.isa = avx512_bf16()};
  const auto phases = testing_models::phases({});
  const Saturated forward(phases, options);
  const Saturated backward(phases, options, true);
  EXPECT_EQ(forward.e.node_count(), backward.e.node_count());
  EXPECT_EQ(forward.e.class_count(), backward.e.class_count());
  const auto keys = [](const Saturated& run) {
    const egraph::SmallestTerms terms(run.e);
    std::multiset<std::string> result;
    for (const egraph::ClassId id : run.e.classes()) {
      for (const egraph::NodeId node : run.e.nodes(id)) {
        result.insert(terms.key(id).hash.hex() + terms.key_of_node(node).hash.hex());
      }
    }
    return result;
  };
  EXPECT_TRUE(keys(forward) == keys(backward));
}

TEST(Rules, AttentionIsSplitOnlyForOneRowAndSeveralThreads) {
  const auto splits = [](std::int64_t rows, int threads) {
    const Saturated all({testing_models::phase({}, "phase", rows)}, {.isa = avx512_bf16(), .threads = threads});
    std::set<std::int64_t> found;
    for (const egraph::ClassId id : all.e.classes()) {
      for (const egraph::NodeId node : all.e.nodes(id)) {
        const graph::Op& op = all.language.op(all.e, node);
        if (op.kind() == graph::OpKind::attention_merge) {
          found.insert(op.as<graph::AttentionMerge>().splits);
        }
      }
    }
    return found;
  };
  // 8 key-value heads.
  EXPECT_EQ(splits(1, 1), std::set<std::int64_t>{});
  EXPECT_EQ(splits(4, 3), std::set<std::int64_t>{});
  EXPECT_EQ(splits(1, 2), std::set<std::int64_t>{2});
  EXPECT_EQ(splits(1, 3), std::set<std::int64_t>{3});
  EXPECT_EQ(splits(1, 12), (std::set<std::int64_t>{3, 12}));
}

TEST(Rules, Bf16WeightsAreFoldedOnlyWithPermission) {
  const auto folded = [](bool allowed) {
    const Saturated all({testing_models::phase({}, "decode", 1)}, {.isa = avx512_bf16(), .allow_weight_rounding = allowed});
    const auto symbol = all.e.symbols().find("rowwise{scale|cast(bf16)}");
    std::size_t constants = 0;
    for (const egraph::ClassId id : symbol ? all.e.classes_with(*symbol) : std::span<const egraph::ClassId>()) {
      constants += all.language.constant(all.e, id) ? 1 : 0;
    }
    return constants;
  };
  EXPECT_EQ(folded(false), 0U);
  EXPECT_GT(folded(true), 0U);
}

TEST(Rules, ActivationsAreQuantisedOnlyWithPermissionForWeightsThatAreAndOnceForAll) {
  const auto quantised = [](bool allowed, graph::DType dtype, std::int64_t block) {
    testing_models::Shape shape = testing_models::tiny_shape(dtype);
    shape.block = block;
    const graph::Phase phase{"phase", 5, {testing_models::body(shape, 5)}};
    const Saturated all({phase}, {.isa = all_units(), .allow_quantised_activations = allowed});
    EXPECT_EQ(all.report.stop.kind, egraph::StopReason::Kind::saturated) << all.report.text();
    std::size_t found = 0;
    for (const egraph::ClassId id : all.e.classes()) {
      const graph::TensorType& type = all.language.type(all.e, id);
      found += !all.language.constant(all.e, id) && type.block == 16 && !type.packed() ? 1 : 0;
    }
    return found;
  };
  EXPECT_EQ(quantised(false, graph::DType::i8, 16), 0U);
  EXPECT_EQ(quantised(true, graph::DType::f32, 0), 0U);
  EXPECT_EQ(quantised(true, graph::DType::bf16, 0), 0U);
  // What q/k/v, o, gate/up and down read.
  EXPECT_EQ(quantised(true, graph::DType::i8, 16), 4U);
}

TEST(Rules, AllTogetherKeepEveryValueOfAQuantisedLayer) {
  testing_models::Shape shape = testing_models::tiny_shape(graph::DType::i8);
  shape.block = 16;
  for (const std::int64_t rows : {1, 5}) {
    const graph::Phase phase{"phase", rows, {testing_models::body(shape, rows)}};
    Saturated all({phase}, {.isa = all_units(), .threads = 3, .allow_quantised_activations = true});
    EXPECT_EQ(all.report.stop.kind, egraph::StopReason::Kind::saturated) << all.report.text();
    EXPECT_EQ(all.language.trouble(), "");
    ClassValues(all.e, all.language, 70).check(kRounded);
    // Where nothing rounds, the rules are exact.
    ClassValues(all.e, all.language, 70, false).check(1e-10);
  }
}

TEST(Rules, WithoutBf16DotNothingIsPackedInPairs) {
  Isa isa = avx512_bf16();
  isa.avx512bf16 = false;
  const Saturated all(testing_models::phases({}), {.isa = isa});
  for (const egraph::ClassId id : all.e.classes()) {
    EXPECT_LE(all.language.type(all.e, id).lanes.size(), 1U) << all.language.type(all.e, id).text();
  }
}

}  // namespace
}  // namespace nntune::rules
