// Runs extracted programs by the reference evaluator and compares them with the plain graph they were made from.
#include "compiler/extract/lower.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "compiler/extract/extract.h"
#include "compiler/extract/pipeline.h"
#include "tests/compiler/extract/run_program.h"
#include "tests/compiler/extract/simple_costs.h"
#include "tests/compiler/rules/decoder_layer.h"

namespace nntune::extract {
namespace {

using namespace testing_models;

struct Case {
  const char* name;
  graph::DType dtype;
  std::set<std::string> disabled;
  double best_panel;
  double tolerance;
  bool pipeline = false;
};

std::ostream& operator<<(std::ostream& out, const Case& item) { return out << item.name; }

class Lower : public testing::TestWithParam<Case> {};

TEST_P(Lower, ProgramComputesWhatTheGraphSays) {
  const auto shape = testing_models::tiny_shape(GetParam().dtype);
  const auto phases = testing_models::phases(shape, 5);
  testing_models::SimpleCosts costs;
  costs.best_panel = GetParam().best_panel;
  ExtractOptions options;
  options.rules.isa.avx2 = options.rules.isa.fma = options.rules.isa.avx512bf16 = true;
  options.rules.disabled = GetParam().disabled;
  const auto extraction =
      GetParam().pipeline ? extract_by_pipeline(phases, costs, options) : extract_explained(phases, costs, options);
  ASSERT_TRUE(extraction.has_value()) << extraction.error().message();
  const Program* program = &extraction->program;

  std::map<std::string, Tensor> sources;
  for (const graph::Phase& phase : phases) {
    for (const graph::Section& section : phase.sections) {
      sources.merge(leaves(section.graph, graph::OpKind::weight));
    }
  }
  const std::vector<Tensor> weights = stored_weights(*program, sources);
  for (std::size_t p = 0; p < phases.size(); ++p) {
    for (std::size_t s = 0; s < phases[p].sections.size(); ++s) {
      const graph::Graph& graph = phases[p].sections[s].graph;
      const auto inputs = leaves(graph, graph::OpKind::input);
      const auto expected = reference::evaluate_graph<double>(graph, inputs, lookup(sources), {.past = kPast});
      ASSERT_TRUE(expected.has_value()) << expected.error().message();
      const std::vector<Tensor> actual = execute(program->phases[p].sections[s], weights, inputs);
      ASSERT_EQ(actual.size(), expected->size());
      for (std::size_t i = 0; i < actual.size(); ++i) {
        ASSERT_EQ(actual[i].values.size(), (*expected)[i].values.size());
        const bool index = actual[i].type.dtype == graph::DType::i32;  // argmax: rounding may change it
        for (std::size_t j = 0; j < actual[i].values.size() && !(index && GetParam().tolerance > 1e-6); ++j) {
          const double want = (*expected)[i].values[j];
          ASSERT_NEAR(actual[i].values[j], want, GetParam().tolerance * std::max(1.0, std::abs(want)))
              << phases[p].name << " " << phases[p].sections[s].name << " output " << i;
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Programs, Lower,
                         testing::Values(Case{"F32", graph::DType::f32, {}, 16, 1e-9},
                                         Case{"F32OtherPanels", graph::DType::f32, {}, 32, 1e-9},
                                         Case{"F32NotMerged", graph::DType::f32, {"merge"}, 16, 1e-9},
                                         Case{"F32NotFused", graph::DType::f32, {"fusion"}, 16, 1e-9},
                                         Case{"F32NormNotFolded", graph::DType::f32, {"norm_fold"}, 16, 1e-9},
                                         Case{"F32ActivationsNotPacked", graph::DType::f32, {"activation_layout"}, 16, 1e-9},
                                         Case{"F32ByPipeline", graph::DType::f32, {}, 16, 1e-9, true},
                                         Case{"F32ByPipelineNotFused", graph::DType::f32, {"fusion"}, 16, 1e-9, true},
                                         Case{"Bf16", graph::DType::bf16, {}, 16, 0.25},
                                         Case{"Bf16ByPipeline", graph::DType::bf16, {}, 16, 0.25, true}),
                         [](const testing::TestParamInfo<Case>& item) { return item.param.name; });

}  // namespace
}  // namespace nntune::extract
