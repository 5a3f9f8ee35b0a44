#include "compiler/egraph/pattern.h"

#include <algorithm>
#include <cassert>
#include <map>

namespace nntune::egraph {

namespace {

constexpr std::string_view kRest = "..";

bool is_variable(const Sexpr& term) { return term.head.size() > 1 && term.head[0] == '?' && term.operands.empty(); }

/// "matmul:m" -> "m"; exact operators have braces or no colon.
std::string_view node_name(const Sexpr& term) {
  const std::size_t colon = term.head.find(':');
  return term.head.find('{') == std::string::npos && colon != std::string::npos && colon > 0 && colon + 1 < term.head.size()
             ? std::string_view(term.head).substr(colon + 1)
             : std::string_view();
}

bool is_ground(const Sexpr& term) {
  return !is_variable(term) && node_name(term).empty() && term.head != kRest &&
         std::all_of(term.operands.begin(), term.operands.end(), is_ground);
}

std::size_t index_of(const std::vector<std::string>& names, std::string_view name) {
  const auto found = std::find(names.begin(), names.end(), name);
  assert(found != names.end() && "no such variable in the pattern");
  return static_cast<std::size_t>(found - names.begin());
}

/// Cuts at commas outside of braces and parentheses.
std::vector<std::string_view> split_terms(std::string_view text) {
  std::vector<std::string_view> parts;
  std::size_t start = 0;
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    depth += text[i] == '(' || text[i] == '{' ? 1 : (text[i] == ')' || text[i] == '}' ? -1 : 0);
    if (text[i] == ',' && depth == 0) {
      parts.push_back(text.substr(start, i - start));
      start = i + 1;
    }
  }
  parts.push_back(text.substr(start));
  return parts;
}

}  // namespace

std::size_t Variables::class_index(std::string_view name) const { return index_of(classes, name); }
std::size_t Variables::node_index(std::string_view name) const { return index_of(nodes, name); }

/// Emits instructions breadth first, checks before binds, so that a mismatch is found early.
struct Pattern::Compiler {
  Pattern& pattern;
  SymbolTable& symbols;
  bool all_nodes = false;
  std::map<std::string, std::uint32_t> bound = {};  // class variables that have a register
  std::vector<std::pair<const Sexpr*, std::uint32_t>> todo = {};
  std::map<std::uint32_t, Place> places = {};  // of registers, with all_nodes

  Instruction operator_of(const Sexpr& term, Code code) {
    Instruction instruction{.code = code};
    std::string_view head = term.head;
    const std::string_view name = node_name(term);
    if (!name.empty()) {
      head.remove_suffix(name.size() + 1);
      instruction.by_head = true;
    }
    if (!name.empty() || all_nodes) {
      instruction.node_out = static_cast<std::int32_t>(pattern.variables_.nodes.size());
      pattern.variables_.nodes.emplace_back(name);
    }
    instruction.symbol = symbols.intern(head);
    instruction.open = !term.operands.empty() && term.operands.back().head == kRest;
    instruction.arity = static_cast<std::uint32_t>(term.operands.size() - (instruction.open ? 1 : 0));
    return instruction;
  }

  void take_operands(const Sexpr& term, Instruction& instruction) {
    instruction.out = pattern.registers_;
    pattern.registers_ += instruction.arity;
    for (std::uint32_t i = 0; i < instruction.arity; ++i) {
      todo.emplace_back(&term.operands[i], instruction.out + i);
      if (all_nodes) places[instruction.out + i] = {static_cast<std::uint32_t>(instruction.node_out), i};
    }
  }

  /// Two registers hold one class.
  void link(std::uint32_t a, std::uint32_t b) {
    if (places.contains(a) && places.contains(b)) pattern.links_.push_back({places.at(a), places.at(b)});
  }

  /// A node of the class in a register was found.
  void link_node(std::uint32_t reg, std::int32_t node_out) {
    if (!all_nodes) return;
    const Place node{static_cast<std::uint32_t>(node_out)};
    if (reg == pattern.root_register_ && !pattern.root_node_) pattern.root_node_ = node.node;
    if (const auto [place, is_new] = places.emplace(reg, node); !is_new) pattern.links_.push_back({place->second, node});
  }

  /// Handles what needs no choice; leaves the terms that bind.
  void emit_checks() {
    std::vector<std::pair<const Sexpr*, std::uint32_t>> later;
    for (const auto& [term, reg] : todo) {
      if (is_variable(*term)) {
        const auto [place, is_new] = bound.emplace(term->head.substr(1), reg);
        if (is_new) {
          pattern.variables_.classes.push_back(place->first);
          pattern.class_registers_.push_back(reg);
        } else {
          pattern.program_.push_back({.code = Code::compare, .a = place->second, .b = reg});
          link(place->second, reg);
        }
      } else if (is_ground(*term) && !all_nodes) {
        const std::uint32_t known = pattern.registers_++;
        pattern.grounds_.push_back({*term, known});
        pattern.program_.push_back({.code = Code::compare, .a = known, .b = reg});
      } else {
        later.emplace_back(term, reg);
      }
    }
    todo = std::move(later);
  }

  void drain() {
    for (emit_checks(); !todo.empty(); emit_checks()) {
      const auto [term, reg] = todo.front();
      todo.erase(todo.begin());
      Instruction instruction = operator_of(*term, Code::bind);
      instruction.a = reg;
      link_node(reg, instruction.node_out);
      take_operands(*term, instruction);
      pattern.program_.push_back(instruction);
    }
  }

  /// Gives the class in a register a name, if there is one to give.
  void name_class(const std::string& variable, std::uint32_t reg) {
    if (variable.empty() || !bound.emplace(variable, reg).second) return;
    pattern.variables_.classes.push_back(variable);
    pattern.class_registers_.push_back(reg);
  }

  void compile() {
    for (std::size_t i = 0; i < pattern.clauses_.size(); ++i) {
      const Sexpr& term = pattern.clauses_[i].term;
      const std::string& variable = pattern.clauses_[i].variable;
      if (const auto known = bound.find(variable); known != bound.end()) {
        todo.emplace_back(&term, known->second);
        drain();
        continue;
      }
      // A later expression is reached through a class that it shares with an earlier one, where there is one.
      const auto shared = std::find_if(term.operands.begin(), term.operands.end(), [this](const Sexpr& operand) {
        return is_variable(operand) && bound.count(operand.head.substr(1)) > 0;
      });
      if (i > 0 && shared != term.operands.end()) {
        Instruction instruction = operator_of(term, Code::join);
        instruction.a = bound.at(shared->head.substr(1));
        instruction.b = static_cast<std::uint32_t>(shared - term.operands.begin());
        take_operands(term, instruction);
        instruction.class_out = static_cast<std::int32_t>(pattern.registers_++);
        pattern.program_.push_back(instruction);
        link_node(static_cast<std::uint32_t>(instruction.class_out), instruction.node_out);
        name_class(variable, static_cast<std::uint32_t>(instruction.class_out));
      } else {
        const std::uint32_t reg = pattern.registers_++;
        name_class(variable, reg);
        if (i == 0) {
          pattern.root_register_ = reg;
        }
        Instruction scan{.code = Code::scan, .out = reg};
        if (is_variable(term)) {
          scan.open = true;  // any class
        } else {
          const std::string_view name = node_name(term);
          scan.by_head = !name.empty();
          scan.symbol =
              symbols.intern(name.empty() ? std::string_view(term.head)
                                          : std::string_view(term.head).substr(0, term.head.size() - name.size() - 1));
        }
        pattern.program_.push_back(scan);
        if (is_variable(term) || !term.operands.empty() || scan.by_head) {
          todo.emplace_back(&term, reg);
        }
      }
      drain();
    }
    fold_checks();
  }

  /// A bind looks at an operand itself where a comparison follows, rather than after it has loaded all of them.
  void fold_checks() {
    std::vector<Instruction> folded;
    for (const Instruction& next : pattern.program_) {
      if (next.code == Code::compare && !folded.empty() && folded.back().code == Code::bind) {
        Instruction& bind = folded.back();
        const auto is_operand = [&](std::uint32_t reg) { return reg >= bind.out && reg < bind.out + bind.arity; };
        if (is_operand(next.a) || is_operand(next.b)) {
          const auto [own, other] = is_operand(next.b) ? std::pair(next.b, next.a) : std::pair(next.a, next.b);
          bind.checks.push_back({own - bind.out, is_operand(other), is_operand(other) ? other - bind.out : other});
          continue;
        }
      }
      folded.push_back(next);
    }
    pattern.program_ = std::move(folded);
  }
};

Expected<Pattern> Pattern::parse(std::string_view text, SymbolTable& symbols) {
  Pattern pattern;
  pattern.text_ = text;
  for (const std::string_view part : split_terms(text)) {
    const std::size_t equals = part.find(" = ");
    std::string_view variable = equals == std::string_view::npos ? "" : part.substr(0, equals);
    variable.remove_prefix(std::min(variable.find_first_not_of(' '), variable.size()));
    const bool named = variable.size() > 1 && variable[0] == '?' && variable.find_first_of(" ()") == std::string_view::npos;
    NNTUNE_ASSIGN(Sexpr term, parse_sexpr(named ? part.substr(equals + 3) : part));
    pattern.clauses_.push_back({named ? std::string(variable.substr(1)) : "", std::move(term)});
  }
  Compiler{pattern, symbols}.compile();
  return pattern;
}

Pattern Pattern::with_all_nodes(SymbolTable& symbols) const {
  Pattern pattern;
  pattern.text_ = text_;
  pattern.clauses_ = clauses_;
  Compiler{.pattern = pattern, .symbols = symbols, .all_nodes = true}.compile();
  return pattern;
}

ClassId Pattern::instantiate(EGraph& graph, ClassId root, std::span<const ClassId> classes,
                             std::span<const NodeId> nodes) const {
  const auto build = [&](auto&& self, const Sexpr& term) -> ClassId {
    if (is_variable(term)) return classes[variables_.class_index(std::string_view(term.head).substr(1))];
    std::vector<ClassId> operands;
    for (const Sexpr& operand : term.operands) {
      if (operand.head != kRest) operands.push_back(self(self, operand));
    }
    const std::string_view name = node_name(term);
    if (name.empty()) return graph.add(graph.symbols().intern(term.head), operands);
    const NodeId node = nodes[variables_.node_index(name)];
    const auto rest = graph.children(node).subspan(operands.size());
    operands.insert(operands.end(), rest.begin(), rest.end());
    return graph.add(graph.symbol(node), operands);
  };
  const Sexpr& first = clauses_.front().term;
  return is_variable(first) ? root : build(build, first);
}

}  // namespace nntune::egraph
