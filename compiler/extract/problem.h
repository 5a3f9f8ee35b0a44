/// The extraction problem in plain arrays: classes with options, constants with prices.
///
/// Constants (weights and what is computed from them ahead of time) take no time; one that a kernel reads is stored and pays
/// for its bytes, once, whoever reads it. Everything else is a run-time class that belongs to one section of one phase.
/// Classes, options and constants are in an order given by their smallest terms, so the problem is the same however the
/// e-graph was built.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "compiler/egraph/egraph.h"
#include "compiler/egraph/smallest_term.h"
#include "compiler/extract/cost_model.h"
#include "compiler/extract/layers.h"
#include "compiler/rules/language.h"
#include "compiler/schedule/workload.h"

namespace nntune::extract {

/// One e-node that may compute a class.
struct Option {
  egraph::NodeId node = 0;
  double seconds = 0;                   ///< of all its calls in the objective
  std::vector<std::uint32_t> operands;  ///< run-time classes
  std::vector<std::uint32_t> constants;
  std::int32_t workload = -1;  ///< in Problem::workloads; -1: an input, a view of columns, or refused
  std::string refusal = {};    ///< why nothing does it at run time on any CPU; "": a kernel family may
};

struct ProblemClass {
  static constexpr egraph::ClassId kNoClass = 0xffffffff;
  static constexpr std::uint32_t kNoState = 0xffffffff;

  /// In the e-graph; kNoClass: a state as it is after the section, whose options are that state in each layout. They have no node and
  /// cost nothing.
  egraph::ClassId id = 0;
  std::uint32_t section = 0;         ///< in Problem::sections
  std::vector<Option> options;       ///< only feasible ones
  std::vector<Option> refused = {};  ///< nothing does them at run time, or no kernel on this CPU; for people
  std::uint32_t state = kNoState;    ///< in Problem::states, which this class is in one layout
  std::uint32_t layout = 0;          ///< in ProblemState::types

  [[nodiscard]] bool is_state_after() const { return id == kNoClass; }
};

/// A state lies in one layout in all sections: a choice takes classes of one layout of each state only.
struct ProblemState {
  std::size_t number = 0;
  std::vector<graph::TensorType> types;  ///< row-major first
};

/// A layout for each state, in ProblemState::types.
using StateLayouts = std::vector<std::uint32_t>;

struct Constant {
  egraph::ClassId id = 0;
  graph::TensorType type;
  double bytes = 0;                     ///< of all layers
  double price = 0;                     ///< seconds
  std::vector<std::uint32_t> matrices;  ///< ranks of the matrices among its weights
};

struct ProblemSection {
  std::string phase;
  std::string section;
  double calls = 0;  ///< calls of the phase times repeats
  std::int64_t past = 0;
  std::vector<std::uint32_t> roots;    ///< run-time classes
  std::vector<std::uint32_t> classes;  ///< operands before users, as far as there are no cycles
  std::int64_t rows = 1;               ///< of the phase: prefills of different sizes share their name
};

struct Problem {
  std::vector<ProblemClass> classes;
  std::vector<Constant> constants;
  std::vector<ProblemSection> sections;
  std::vector<ProblemState> states = {};
  std::vector<schedule::Workload> workloads;
  std::vector<Cost> costs;  ///< of the workloads
};

/// A section to be computed: what it is called and which classes it must give.
struct SectionGoal {
  std::string phase;
  std::string section;
  double calls = 0;
  std::int64_t past = 0;
  std::vector<egraph::ClassId> outputs;
  std::int64_t rows = 1;  ///< of the phase
  /// By output: the number of the state that it is, as the graph says it; others may store it packed.
  std::vector<std::optional<std::size_t>> states = {};
};

/// \param layers  of the weights in `graph`
[[nodiscard]] Expected<Problem> make_problem(const egraph::EGraph& graph, const rules::Language& language,
                                             const egraph::SmallestTerms& terms, const std::vector<SectionGoal>& goals,
                                             const LayerIndex& layers, double stored_byte_seconds, int threads,
                                             const CostModel& costs);

}  // namespace nntune::extract
