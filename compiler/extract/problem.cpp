#include "compiler/extract/problem.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>

#include "base/parallel/parallel_for.h"
#include "compiler/graph/state.h"

namespace nntune::extract {

using egraph::ClassId;
using egraph::NodeId;
using graph::OpKind;

namespace {

constexpr std::uint32_t kNone = 0xffffffff;

class ProblemMaker {
 public:
  ProblemMaker(const egraph::EGraph& graph, const rules::Language& language, const egraph::SmallestTerms& terms,
               const LayerIndex& layers, double stored_byte_seconds, int threads, const CostModel& costs)
      : graph_(graph),
        language_(language),
        terms_(terms),
        layers_(layers),
        stored_byte_seconds_(stored_byte_seconds),
        threads_(threads),
        costs_(costs),
        index_(graph.total_nodes(), kNone) {}

  Expected<Problem> make(const std::vector<SectionGoal>& goals) {
    for (const SectionGoal& goal : goals) {
      problem_.sections.push_back({goal.phase, goal.section, goal.calls, goal.past, {}, {}, goal.rows});
    }
    number_classes();
    NNTUNE_TRY(find_states());
    for (ProblemClass& item : problem_.classes) {
      NNTUNE_TRY(add_options(item));
    }
    cost_options();
    const auto packed = packed_states(goals);
    for (std::size_t i = 0; i < goals.size(); ++i) {
      NNTUNE_ASSIGN(problem_.sections[i].roots, roots(goals[i], static_cast<std::uint32_t>(i), packed));
      order_classes(problem_.sections[i]);
    }
    return std::move(problem_);
  }

 private:
  using PackedStates = std::multimap<ClassId, ClassId>;

  Expected<std::vector<std::uint32_t>> roots(const SectionGoal& goal, std::uint32_t section, const PackedStates& packed) {
    std::vector<std::uint32_t> result;
    for (std::size_t i = 0; i < goal.outputs.size(); ++i) {
      const ClassId id = graph_.find(goal.outputs[i]);
      if (language_.constant(graph_, id)) {
        return fail(ErrorKind::unsupported, fmt::format("an output of {} depends on no input", goal.section));
      }
      const auto [begin, end] = packed.equal_range(id);
      if (i >= goal.states.size() || !goal.states[i] || begin == end) {
        result.push_back(index_[id]);
        continue;
      }
      ProblemClass after{.id = ProblemClass::kNoClass, .section = section, .options = {}};
      after.options.emplace_back().operands = {index_[id]};
      for (auto each = begin; each != end; ++each) after.options.emplace_back().operands = {index_[each->second]};
      result.push_back(static_cast<std::uint32_t>(problem_.classes.size()));
      problem_.classes.push_back(std::move(after));
    }
    return result;
  }

  /// The states that sections give, by their classes as the graphs say them: the same packed, in the order of their layouts.
  [[nodiscard]] PackedStates packed_states(const std::vector<SectionGoal>& goals) const {
    std::set<ClassId> written;
    for (const SectionGoal& goal : goals) {
      for (std::size_t i = 0; i < goal.states.size(); ++i) {
        if (goal.states[i]) written.insert(graph_.find(goal.outputs[i]));
      }
    }
    std::vector<std::pair<ClassId, ClassId>> found;
    for (const ProblemClass& item : problem_.classes) {
      for (const NodeId node : graph_.nodes(item.id)) {
        if (language_.op(graph_, node).kind() != OpKind::pack) continue;
        const ClassId from = graph_.find(graph_.children(node)[0]);
        if (written.contains(from)) found.emplace_back(from, item.id);
      }
    }
    std::ranges::stable_sort(found, [this](const auto& a, const auto& b) {
      return language_.type(graph_, a.second).lanes < language_.type(graph_, b.second).lanes;
    });
    return {found.begin(), found.end()};
  }

  /// Which classes are states, and in which layouts those are.
  Status find_states() {
    std::map<std::size_t, std::set<graph::TensorType>> types;
    std::vector<std::pair<std::uint32_t, const graph::Op*>> leaves;
    for (std::uint32_t i = 0; i < problem_.classes.size(); ++i) {
      for (const NodeId node : graph_.nodes(problem_.classes[i].id)) {
        const graph::Op& op = language_.op(graph_, node);
        if (op.kind() != OpKind::state) continue;
        leaves.emplace_back(i, &op);
        types[*graph::state_number(op)].insert(op.leaf_type());
      }
    }
    for (auto& [number, of_state] : types) {
      for (const graph::TensorType& type : of_state) {
        if (type.unpacked() == of_state.begin()->unpacked()) continue;
        return fail(ErrorKind::bad_input,
                    fmt::format("state {} is {} and {}", number, of_state.begin()->text(), type.text()));
      }
      problem_.states.push_back({number, {of_state.begin(), of_state.end()}});
    }
    for (const auto& [at, op] : leaves) {
      const std::size_t number = *graph::state_number(*op);
      const auto state = std::ranges::find(problem_.states, number, &ProblemState::number);
      problem_.classes[at].state = static_cast<std::uint32_t>(state - problem_.states.begin());
      problem_.classes[at].layout =
          static_cast<std::uint32_t>(std::ranges::find(state->types, op->leaf_type()) - state->types.begin());
    }
    return {};
  }

  void number_classes() {
    std::vector<ClassId> order(graph_.classes().begin(), graph_.classes().end());
    std::sort(order.begin(), order.end(), [this](ClassId a, ClassId b) { return terms_.key(a) < terms_.key(b); });
    for (const ClassId id : order) {
      const rules::Facts& facts = language_.data(id);
      if (facts.constant) {
        index_[id] = static_cast<std::uint32_t>(problem_.constants.size());
        problem_.constants.push_back(constant(id));
      } else if (facts.section != rules::Facts::kMixedSections && facts.section != rules::Facts::kAnySection) {
        index_[id] = static_cast<std::uint32_t>(problem_.classes.size());
        problem_.classes.push_back({id, facts.section - 1, {}});
      }
    }
  }

  Constant constant(ClassId id) const {
    Constant result;
    result.id = id;
    result.type = language_.type(graph_, id);
    std::set<std::uint32_t> matrices;
    std::optional<Layers> layers;
    const auto visit = [&](const auto& self, ClassId at) -> void {
      const NodeId node = terms_.node(at);
      const graph::Op& op = language_.op(graph_, node);
      if (op.kind() == OpKind::weight) {
        narrow(layers, layers_.of_weight(op.leaf_name()));
        if (op.leaf_type().rank() == 2) {
          matrices.insert(language_.data(graph_.find(at)).first_weight);
        }
      }
      for (const ClassId child : graph_.children(node)) {
        self(self, child);
      }
    };
    visit(visit, id);
    result.matrices.assign(matrices.begin(), matrices.end());
    result.bytes = static_cast<double>(result.type.storage_bytes()) * (layers ? static_cast<double>(layers->size()) : 1);
    result.price = result.bytes * stored_byte_seconds_;
    return result;
  }

  Status add_options(ProblemClass& item) {
    std::vector<std::pair<egraph::SmallestTerms::Key, NodeId>> nodes;
    for (const NodeId node : graph_.nodes(item.id)) {
      nodes.emplace_back(terms_.key_of_node(node), node);
    }
    std::sort(nodes.begin(), nodes.end());
    for (const auto& [key, node] : nodes) {
      Option option;
      option.node = node;
      for (const ClassId child : graph_.children(node)) {
        (language_.constant(graph_, child) ? option.constants : option.operands).push_back(index_[graph_.find(child)]);
      }
      const graph::Op& op = language_.op(graph_, node);
      option.refusal = refusal(op, language_.type(graph_, item.id));
      const bool is_kernel =
          op.traits().run_time == graph::RunTime::kernel || op.traits().run_time == graph::RunTime::pack_step;
      if (option.refusal.empty() && is_kernel) {
        NNTUNE_ASSIGN(option.workload, workload(node, op, problem_.sections[item.section]));
      }
      (option.refusal.empty() ? item.options : item.refused).push_back(std::move(option));
    }
    return {};
  }

  /// Why nothing does this at run time, whatever the CPU; "" if something may.
  static std::string refusal(const graph::Op& op, const graph::TensorType& result) {
    switch (op.traits().run_time) {
      case graph::RunTime::pack_step:
        return result.rank() <= 2
                   ? ""
                   : fmt::format("no kernel packs a tensor of rank {} at run time; a state lies in one layout",
                                 result.rank());
      case graph::RunTime::kernel:
      case graph::RunTime::leaf: return "";
      case graph::RunTime::view:
        // A Value is a view of columns, and no kernel copies rows.
        return op.as<graph::Slice>().axis == 1 ? "" : "rows of a run-time tensor are no view, and no kernel copies them";
      case graph::RunTime::ahead_of_time:
        return fmt::format("{} is computed for constants only, no kernel does it at run time", op.traits().term);
    }
    return "unknown operation";
  }

  /// Number of the node's workload.
  Expected<std::int32_t> workload(NodeId node, graph::Op op, const ProblemSection& section) {
    if (const auto* pack = op.get_if<graph::Pack>()) {
      op = graph::rowwise({{.kind = graph::StepKind::pack, .lanes = pack->lanes}});
    }
    std::vector<graph::TensorType> inputs;
    for (const ClassId child : graph_.children(node)) {
      inputs.push_back(language_.type(graph_, child));
    }
    const std::int64_t past = graph::reads_position(op) ? section.past : 0;
    NNTUNE_ASSIGN(schedule::Workload made, schedule::Workload::make(std::move(op), std::move(inputs), past, threads_));
    const auto [place, is_new] = known_.emplace(made.hash(), static_cast<std::int32_t>(problem_.workloads.size()));
    if (is_new) {
      problem_.workloads.push_back(std::move(made));
    }
    return place->second;
  }

  /// Asks for all costs at once, on all cores, and drops the options that have no kernel.
  void cost_options() {
    problem_.costs.resize(problem_.workloads.size());
    parallel_for(problem_.workloads.size(),
                 [this](std::size_t i) { problem_.costs[i] = costs_.cost(problem_.workloads[i]); });
    for (ProblemClass& item : problem_.classes) {
      for (Option& option : item.options) {
        if (option.workload >= 0) {
          option.seconds =
              problem_.costs[static_cast<std::size_t>(option.workload)].seconds * problem_.sections[item.section].calls;
        }
      }
      const auto refused = std::stable_partition(item.options.begin(), item.options.end(),
                                                 [](const Option& option) { return std::isfinite(option.seconds); });
      item.refused.insert(item.refused.end(), std::make_move_iterator(refused), std::make_move_iterator(item.options.end()));
      item.options.erase(refused, item.options.end());
    }
  }

  /// Depth first from the roots, so that a class comes behind what its options read.
  void order_classes(ProblemSection& section) {
    std::vector<bool> seen(problem_.classes.size(), false);
    const auto visit = [&](const auto& self, std::uint32_t at) -> void {
      if (seen[at]) {
        return;
      }
      seen[at] = true;
      for (const Option& option : problem_.classes[at].options) {
        for (const std::uint32_t operand : option.operands) {
          self(self, operand);
        }
      }
      section.classes.push_back(at);
    };
    for (const std::uint32_t root : section.roots) {
      visit(visit, root);
    }
  }

  const egraph::EGraph& graph_;
  const rules::Language& language_;
  const egraph::SmallestTerms& terms_;
  const LayerIndex& layers_;
  double stored_byte_seconds_;
  int threads_;
  const CostModel& costs_;
  std::vector<std::uint32_t> index_;  // by class: its number in problem_.classes or problem_.constants
  std::unordered_map<Hash128, std::int32_t> known_;
  Problem problem_;
};

}  // namespace

Expected<Problem> make_problem(const egraph::EGraph& graph, const rules::Language& language,
                               const egraph::SmallestTerms& terms, const std::vector<SectionGoal>& goals,
                               const LayerIndex& layers, double stored_byte_seconds, int threads, const CostModel& costs) {
  return ProblemMaker(graph, language, terms, layers, stored_byte_seconds, threads, costs).make(goals);
}

}  // namespace nntune::extract
