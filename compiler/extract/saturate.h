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
#include "compiler/extract/problem.h"
#include "compiler/extract/rule_trace.h"
#include "compiler/graph/graph.h"
#include "compiler/rules/language.h"

namespace nntune::extract {

/// The phases after equality saturation, and what is to be extracted.
struct Saturated {
  explicit Saturated(std::vector<std::string> weights) : language(std::move(weights)), graph(language) {}

  rules::Language language;
  egraph::EGraph graph;
  std::vector<SectionGoal> goals;
  double layers = 1;  ///< of the section that is repeated most
  egraph::RunReport report;
};

/// How much a phase counts: as `options` say, or by its rows.
[[nodiscard]] PhaseUse use_of(const graph::Phase& phase, std::span<const graph::Phase> phases,
                              const ExtractOptions& options);

/// \param trace  told what each rule did, if given
/// Errors: bad_input (unknown rule family), internal (a rule that changes types).
[[nodiscard]] Expected<std::unique_ptr<Saturated>> saturate(std::span<const graph::Phase> phases,
                                                            const ExtractOptions& options, RuleTrace* trace = nullptr);

}  // namespace nntune::extract
