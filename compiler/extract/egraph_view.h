/// The e-graph as plain data, to be drawn: every class with its nodes, which were chosen and which could not be.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compiler/egraph/egraph.h"
#include "compiler/extract/problem.h"
#include "compiler/extract/rule_trace.h"
#include "compiler/extract/solve.h"
#include "compiler/rules/language.h"

namespace nntune::extract {

struct EGraphView {
  static constexpr std::uint32_t kNone = 0xffffffff;

  enum class State : std::uint8_t {
    chosen,
    possible,   ///< a kernel, a view or an input
    refused,    ///< it has a workload, but no kernel on this CPU
    no_kernel,  ///< nothing computes this operation at run time: Node::reason
    constant,   ///< computed ahead of time
  };
  struct Node {
    std::uint32_t op = 0;                       ///< in `ops`
    std::vector<egraph::ClassId> operands;      ///< Class::id
    std::uint32_t workload = kNone;             ///< in `workloads`
    std::uint32_t rule = RuleTrace::kImported;  ///< in `rules`: which added it
    State state = State::possible;
    std::uint32_t reason = kNone;  ///< in `reasons`; of what no kernel does
  };
  struct Class {
    egraph::ClassId id = 0;
    std::uint32_t type = 0;         ///< in `types`
    std::uint32_t section = kNone;  ///< in `sections`; none: a constant, or a value that no section needs
    std::vector<Node> nodes;
  };
  struct Section {
    std::string phase;
    std::string section;
    std::int64_t rows = 1;  ///< of the phase
  };

  std::vector<std::string> ops;    ///< canonical texts
  std::vector<std::string> types;  ///< e.g. "bf16[6144,1024]<0:32,1:2>"
  std::vector<std::string> rules;
  std::vector<std::string> reasons;
  std::vector<Section> sections;
  std::vector<schedule::Workload> workloads;
  std::vector<Cost> costs;  ///< of the workloads; infinite where there is no kernel
  std::vector<Class> classes;
};

[[nodiscard]] EGraphView view_egraph(const egraph::EGraph& graph, const rules::Language& language,
                                     const egraph::SmallestTerms& terms, const Problem& problem, const Solution& solution,
                                     const RuleTrace& trace);

}  // namespace nntune::extract
