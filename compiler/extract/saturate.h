/// All equal programs of a model in one e-graph.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "compiler/egraph/egraph.h"
#include "compiler/egraph/runner.h"
#include "compiler/extract/extract.h"
#include "compiler/extract/layers.h"
#include "compiler/extract/problem.h"
#include "compiler/extract/rule_trace.h"
#include "compiler/graph/graph.h"
#include "compiler/rules/language.h"

namespace nntune::extract {

/// The phases after equality saturation, and what is to be extracted.
struct Saturated {
  Saturated(std::vector<std::string> weights, std::span<const graph::Phase> phases)
      : language(std::move(weights)), graph(language), layers(phases) {}

  rules::Language language;
  egraph::EGraph graph;
  std::vector<SectionGoal> goals;
  LayerIndex layers;
  egraph::RunReport report;
};

/// How much a phase counts: as `options` say, or by its rows.
[[nodiscard]] PhaseUse use_of(const graph::Phase& phase, std::span<const graph::Phase> phases,
                              const ExtractOptions& options);

/// \param trace  told what each rule did, if given
/// Errors: bad_input (unknown rule family, sections that are no program), internal (a rule that changes types).
[[nodiscard]] Expected<std::unique_ptr<Saturated>> saturate(std::span<const graph::Phase> phases,
                                                            const ExtractOptions& options, RuleTrace* trace = nullptr);

}  // namespace nntune::extract
