/// What the extraction chose from, for `nntune explain` and for the search, which measures the close decisions first.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compiler/egraph/runner.h"
#include "compiler/extract/cost_model.h"
#include "compiler/schedule/workload.h"

namespace nntune::extract {

/// One kernel of the chosen program and its best alternative.
struct Decision {
  std::string phase;
  std::string section;
  schedule::Workload chosen;
  Cost cost;                     ///< one call
  double calls = 0;              ///< of the objective: calls of the phase times repeats of the section
  std::size_t alternatives = 0;  ///< other kernels that could make this value
  /// The alternative with which the whole objective grows least; its operation is "slice{...}" where a view would do. Empty
  /// text if there is none.
  std::string runner_up;
  double runner_up_seconds = 0;  ///< the objective's growth, other values being made as chosen
  /// Workload of the runner-up, where it is a kernel.
  std::vector<schedule::Workload> runner_up_workload;
};

/// How a matrix is stored, and the next best way for all phases together.
struct LayoutDecision {
  std::string weight;            ///< key of the stored weight
  std::string runner_up;         ///< key of the other form; "" if there is none
  double runner_up_seconds = 0;  ///< the objective's growth with it, prices of stored bytes left out; may be below 0
  std::vector<schedule::Workload> workloads;  ///< kernels that only the program with the runner-up has
};

struct Explanation {
  egraph::RunReport saturation;
  std::size_t nodes = 0;
  std::size_t classes = 0;
  std::size_t workloads = 0;     ///< different kernels that were costed
  double programs = 0;           ///< different choices of nodes, summed over the sections (not layouts times phases)
  double objective_seconds = 0;  ///< of the phases as used, without the price of stored bytes
  double greedy_seconds = 0;     ///< the same after the greedy start
  double stored_bytes = 0;       ///< all weights as stored
  double cost = 0;               ///< what was minimised: objective_seconds and the price of stored bytes
  double lower_bound = 0;        ///< no program that the rules can make costs less
  /// How far above the best the program may be, 0 where it is proved to be the best.
  [[nodiscard]] double gap() const { return cost > 0 ? (cost - lower_bound) / cost : 0; }
  std::vector<Decision> decisions;  ///< in execution order
  std::vector<LayoutDecision> layouts;
};

}  // namespace nntune::extract
