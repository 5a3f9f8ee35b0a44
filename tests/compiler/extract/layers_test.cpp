#include "compiler/extract/layers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <optional>

#include "compiler/extract/extract.h"
#include "tests/compiler/extract/simple_costs.h"
#include "tests/compiler/rules/decoder_layer.h"

namespace nntune::extract {
namespace {

/// The small model with two kinds of layers: the first and the last of five have a MLP, those between them share another name.
std::vector<graph::Phase> phases() {
  testing_models::Shape shape = testing_models::tiny_shape(graph::DType::f32);
  std::vector<graph::Phase> result = testing_models::phases(shape, 5);
  for (graph::Phase& phase : result) {
    graph::Section first = testing_models::body(shape, phase.rows);
    first.name = "first";
    first.repeat = 1;
    graph::Section last = first;
    last.name = "last";
    last.first_layer = 4;
    graph::Section& between = phase.sections[1];
    graph::Graph renamed;
    for (const graph::Node& node : between.graph.nodes()) {
      graph::Op op = node.op;
      if (const auto* weight = op.get_if<graph::Weight>(); weight != nullptr && weight->name == "layers.*.gate_proj") {
        op = graph::weight("layers.*.other_proj", weight->type);
      }
      EXPECT_TRUE(renamed.add(op, node.inputs));
    }
    renamed.set_outputs(between.graph.outputs());
    between.graph = std::move(renamed);
    between.repeat = 3;
    between.first_layer = 1;
    phase.sections.insert(phase.sections.begin() + 1, first);
    phase.sections.insert(phase.sections.end() - 1, last);
  }
  return result;
}

TEST(Layers, AreThoseOfTheSectionsThatReadAWeightOrAState) {
  const LayerIndex index(phases());
  EXPECT_EQ(index.of_weight("layers.*.q_proj"), (Layers{0, 1, 2, 3, 4}));
  EXPECT_EQ(index.of_weight("layers.*.gate_proj"), (Layers{0, 4}));
  EXPECT_EQ(index.of_weight("layers.*.other_proj"), (Layers{1, 2, 3}));
  EXPECT_EQ(index.of_weight("embed_tokens"), Layers());
  EXPECT_EQ(index.of_state(1), (Layers{0, 1, 2, 3, 4}));
}

TEST(Layers, OfSeveralWeightsAreThoseThatHaveThemAll) {
  std::optional<Layers> layers;
  narrow(layers, {});
  EXPECT_EQ(layers, std::nullopt);
  narrow(layers, {0, 1, 2, 4});
  narrow(layers, {});
  narrow(layers, {1, 3, 4});
  EXPECT_EQ(layers, (Layers{1, 4}));
}

TEST(Layers, EachWeightIsStoredAndPaidForItsOwn) {
  ExtractOptions options;
  options.rules.isa.avx2 = options.rules.isa.fma = true;
  const auto extraction = extract_explained(phases(), testing_models::SimpleCosts(), options);
  ASSERT_TRUE(extraction) << extraction.error().message();
  double bytes = 0;
  for (const StoredWeight& weight : extraction->program.weights) {
    bytes += static_cast<double>(weight.type.storage_bytes() * std::max<std::int64_t>(1, std::ssize(weight.layers)));
    const bool gate = weight.key.find("gate_proj") != std::string::npos;
    const bool other = weight.key.find("other_proj") != std::string::npos;
    const bool layered = weight.key.find("layers.*.") != std::string::npos;
    const Layers all = {0, 1, 2, 3, 4};
    EXPECT_EQ(weight.layers, gate ? Layers({0, 4}) : other ? Layers({1, 2, 3}) : layered ? all : Layers()) << weight.key;
  }
  EXPECT_DOUBLE_EQ(extraction->explanation.stored_bytes, bytes);
  ASSERT_EQ(extraction->program.states.size(), 2U);
  EXPECT_EQ(extraction->program.states[0].layers.size(), 5U);
  ASSERT_EQ(extraction->program.phases[0].sections.size(), 5U);
  EXPECT_EQ(extraction->program.phases[0].sections[2].first_layer, 1);
}

TEST(Layers, AProgramOfTheFirstLayersHasOnlyThese) {
  ExtractOptions options;
  options.rules.isa.avx2 = options.rules.isa.fma = true;
  const auto extraction = extract_explained(phases(), testing_models::SimpleCosts(), options);
  ASSERT_TRUE(extraction) << extraction.error().message();
  const Program two = with_layers(extraction->program, 2);
  for (const PhaseProgram& phase : two.phases) {
    ASSERT_EQ(phase.sections.size(), 4U);  // without the last layer
    EXPECT_EQ(phase.sections[1].repeat, 1);
    EXPECT_EQ(phase.sections[2].repeat, 1);
    EXPECT_EQ(phase.sections[3].name, "head");
  }
  for (const StoredWeight& weight : two.weights) {
    const bool layered = weight.key.find("layers.*.") != std::string::npos;
    EXPECT_EQ(weight.layers.empty(), !layered) << weight.key;
    EXPECT_LE(weight.layers.size(), 2U) << weight.key;
  }
  EXPECT_EQ(two.states[1].layers, (Layers{0, 1}));
}

}  // namespace
}  // namespace nntune::extract
