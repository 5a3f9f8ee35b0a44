/// What the extraction chose from, for `nntune explain` and for the search, which measures the close decisions first.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "compiler/egraph/runner.h"
#include "compiler/extract/cost_model.h"
#include "compiler/extract/egraph_view.h"
#include "compiler/extract/rule_steps.h"
#include "compiler/schedule/workload.h"

namespace nntune::extract {

/// Another way to compute a chosen value.
struct Alternative {
  std::string node;                            ///< text of its operation
  std::optional<schedule::Workload> workload;  ///< none: a view
  Cost cost;                                   ///< one call
  double growth_seconds = 0;                   ///< of the whole objective, other values being made as chosen
};

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
  egraph::ClassId class_id = 0;          ///< of the value, as in EGraphView
  std::vector<Alternative> others = {};  ///< all that are possible, by growth
  std::vector<RuleStep> rules = {};      ///< RuleSteps::to this kernel, if traced; none: imported as it is
};

/// A matrix in two forms.
struct StoredTwice {
  graph::TensorType type;    ///< of the second
  double bytes = 0;          ///< of the second, all layers
  double saved_seconds = 0;  ///< of the objective
  double price_seconds = 0;  ///< of the bytes
};

/// How a matrix is stored, and the next best way for all phases together.
struct LayoutDecision {
  std::string weight;            ///< key of the stored weight
  std::string runner_up;         ///< key of the other form; "" if there is none
  double runner_up_seconds = 0;  ///< the objective's growth with it, prices of stored bytes left out; may be below 0
  std::vector<schedule::Workload> workloads;  ///< kernels that only the program with the runner-up has
  graph::TensorType type = {};
  double bytes = 0;  ///< of all layers
  graph::TensorType runner_up_type = {};
  double runner_up_bytes = 0;
  /// The form that would be worth most beside the stored one, each section reading what it likes; none: no other helps.
  std::optional<StoredTwice> both = {};
};

/// How a state is stored, and the next best way for all phases together.
struct StateDecision {
  std::size_t number = 0;
  graph::TensorType type;                           ///< of one layer
  std::optional<graph::TensorType> runner_up = {};  ///< none: there is no other layout
  double runner_up_seconds = 0;                     ///< the objective's growth with it, other states as they then are best
  std::vector<schedule::Workload> workloads = {};   ///< kernels that only the program with the runner-up has
};

/// What running a program takes.
struct MemoryUse {
  std::int64_t weights_bytes = 0;     ///< in all layouts
  std::int64_t kv_cache_bytes = 0;    ///< of `ctx` tokens
  std::int64_t activation_bytes = 0;  ///< of the phase that needs most, with tables
  std::int64_t scratch_bytes = 0;     ///< of all threads
  std::int64_t ctx = 0;

  [[nodiscard]] std::int64_t total_bytes() const {
    return weights_bytes + kv_cache_bytes + activation_bytes + scratch_bytes;
  }
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
  std::string solver_trouble;    ///< "" or why a proof that was asked for gave nothing
  /// How far above the best the program may be, 0 where it is proved to be the best.
  [[nodiscard]] double gap() const { return cost > 0 ? (cost - lower_bound) / cost : 0; }
  /// No program that the rules can make costs less; sums in another order differ by less than 1e-7.
  [[nodiscard]] bool proved() const { return gap() <= 1e-7; }
  /// Filled by module::plan_model, which knows the kernels.
  std::optional<MemoryUse> memory;
  std::vector<Decision> decisions;  ///< in execution order
  std::vector<LayoutDecision> layouts;
  std::vector<StateDecision> states = {};  ///< by number
  double stored_byte_seconds = 0;          ///< price of a stored byte in the objective
  std::vector<double> phase_calls;         ///< in the objective, by phase
  std::optional<EGraphView> egraph;        ///< where ExtractOptions::keep_egraph asks for it
};

}  // namespace nntune::extract
