// Runs the program of a pattern by backtracking over registers.
#include <algorithm>
#include <cassert>

#include "compiler/egraph/pattern.h"

namespace nntune::egraph {

struct Pattern::Machine {
  const EGraph& graph;
  const Pattern& pattern;
  const SearchLimits& limits;
  Matches& matches;
  const ClassIndex& index;
  std::vector<ClassId> registers;
  std::vector<NodeId> nodes;
  std::size_t steps = 0;

  /// What is looked up once: terms without variables. False: one of them is unknown, so that nothing matches.
  bool look_up(bool& fresh) {
    for (const Ground& ground : pattern.grounds_) {
      const auto known = lookup_term(graph, ground.term);
      if (!known) return false;
      registers[ground.out] = *known;
      fresh = fresh || may_be_new(ground.term, *known);
    }
    return true;
  }

  /// Whether the search before may have found another class for it. Of leaves it is known; others are rare.
  [[nodiscard]] bool may_be_new(const Sexpr& term, ClassId id) const {
    return !term.operands.empty() || std::ranges::any_of(graph.nodes(id), [&](NodeId node) {
      return graph.fresh(node) && graph.text(node) == term.head;
    });
  }

  /// Every few thousand steps; false: a limit is reached.
  bool within_limits() {
    if (matches.size() + matches.known >= limits.matches) {
      matches.end = Matches::End::match_limit;
    } else if (matches.memory_bytes() > limits.bytes) {
      matches.end = Matches::End::memory;
    } else if (limits.deadline && Clock::now() > *limits.deadline) {
      matches.end = Matches::End::deadline;
    }
    return matches.end == Matches::End::all;
  }

  bool count_step() {
    constexpr std::size_t kStepsBetweenChecks = 4096;
    return ++steps % kStepsBetweenChecks != 0 || within_limits();
  }

  [[nodiscard]] bool fits(const Instruction& in, Symbol symbol, std::size_t arity) const {
    return (in.by_head ? graph.symbols().head(symbol) : symbol) == in.symbol &&
           (in.open ? arity >= in.arity : arity == in.arity);
  }

  void load(const Instruction& in, NodeId node, const ClassId* operands) {
    for (std::uint32_t i = 0; i < in.arity; ++i) registers[in.out + i] = operands[i];
    if (in.node_out >= 0) nodes[static_cast<std::size_t>(in.node_out)] = node;
  }

  [[nodiscard]] bool passes(const Instruction& in, const ClassId* operands) const {
    for (const Check& check : in.checks) {
      if (operands[check.operand] != (check.is_operand ? operands[check.other] : registers[check.other])) return false;
    }
    return true;
  }

  bool emit(bool fresh) {
    if (!fresh) {
      ++matches.known;
    } else {
      matches.roots.push_back(registers[pattern.root_register_]);
      ClassId* classes = matches.classes.extend(pattern.class_registers_.size());
      for (const std::uint32_t reg : pattern.class_registers_) *classes++ = registers[reg];
      if (!nodes.empty()) matches.nodes.append(nodes);
    }
    return matches.size() + matches.known < limits.matches || within_limits();
  }

  bool bind_group(const Instruction& in, const ClassIndex::Group& group, std::size_t pc, bool fresh) {
    const std::uint32_t count = (&group + 1)->first_node - group.first_node;
    const ClassId* operands = index.operands.data() + group.first_operand;
    const bool last = pc + 1 == pattern.program_.size();
    std::uint32_t end = count;
    if (last && !fresh && in.checks.empty()) {
      matches.known += count - group.fresh;
      end = group.fresh;
      if (end == 0) return matches.size() + matches.known < limits.matches || within_limits();
    }
    for (std::uint32_t i = 0; i < end; ++i, operands += group.arity) {
      if (!passes(in, operands)) continue;
      load(in, index.nodes[group.first_node + i], operands);
      const bool now_fresh = fresh || i < group.fresh;
      if (!(last ? emit(now_fresh) : run(pc + 1, now_fresh))) return false;
    }
    return count_step();
  }

  /// The rest of the program from `pc` on; false: the search ends.
  bool run(std::size_t pc, bool fresh) {
    for (; pc < pattern.program_.size(); ++pc) {
      const Instruction& in = pattern.program_[pc];
      switch (in.code) {
        case Code::compare:
          if (registers[in.a] != registers[in.b]) return true;
          break;
        case Code::scan: return scan(in, pc, fresh);
        case Code::bind: {
          for (const ClassIndex::Group& group : index.groups_of(registers[in.a])) {
            if (!in.by_head && group.symbol > in.symbol) break;  // groups are ordered by symbol
            if (fits(in, group.symbol, group.arity) && !bind_group(in, group, pc, fresh)) return false;
          }
          return true;
        }
        case Code::join: return join(in, pc, fresh);
      }
    }
    return emit(fresh);
  }

  bool scan(const Instruction& in, std::size_t pc, bool fresh) {
    const auto all = in.open      ? graph.classes()
                     : in.by_head ? graph.classes_with_head(in.symbol)
                                  : graph.classes_with(in.symbol);
    const bool outermost = pc == 0;
    const std::size_t first = outermost ? std::min(limits.first_candidate, all.size()) : 0;
    const std::size_t end = outermost ? std::min(limits.end_candidate, all.size()) : all.size();
    for (const ClassId id : all.subspan(first, end - first)) {
      registers[in.out] = id;
      if (!run(pc + 1, fresh || id >= index.first_new) || !count_step()) return false;
    }
    return true;
  }

  bool join(const Instruction& in, std::size_t pc, bool fresh) {
    const ClassId shared = registers[in.a];
    std::vector<NodeId> parents;
    graph.for_each_parent(shared, [&](NodeId node) {
      const auto children = graph.children(node);
      if (fits(in, graph.symbol(node), children.size()) && !graph.hidden(node) && children[in.b] == shared) {
        parents.push_back(node);
      }
    });
    std::ranges::sort(parents);
    parents.erase(std::unique(parents.begin(), parents.end()), parents.end());
    for (const NodeId node : parents) {
      load(in, node, graph.children(node).data());
      registers[static_cast<std::size_t>(in.class_out)] = graph.find(node);
      if (!run(pc + 1, fresh || graph.fresh(node))) return false;
    }
    return count_step();
  }
};

std::span<const ClassId> Pattern::candidates(const EGraph& graph) const {
  assert(graph.clean() && program_[0].code == Code::scan);
  const Instruction& in = program_[0];
  return in.open ? graph.classes() : in.by_head ? graph.classes_with_head(in.symbol) : graph.classes_with(in.symbol);
}

Matches Pattern::search(const EGraph& graph, const SearchLimits& limits) const {
  assert(graph.clean() && "rebuild before searching");
  Matches matches;
  matches.classes_each = variables_.classes.size();
  matches.nodes_each = variables_.nodes.size();
  Machine machine{.graph = graph,
                  .pattern = *this,
                  .limits = limits,
                  .matches = matches,
                  .index = graph.index(),
                  .registers = std::vector<ClassId>(registers_),
                  .nodes = std::vector<NodeId>(variables_.nodes.size())};
  bool fresh = !limits.fresh_only;
  if (machine.look_up(fresh) && limits.matches > 0) machine.run(0, fresh);
  return matches;
}

}  // namespace nntune::egraph
