/// Patterns over e-classes, compiled to a small machine (egg; de Moura and Bjorner, "Efficient E-Matching", CADE 2007).
///
/// Written as S-expressions, one or several that must match together, separated by commas:
///   "(+ ?a (* ?b ?b))"                      ?a, ?b stand for any class, the same one wherever they appear
///   "(matmul:m ?x ..)"                      any operator with the head "matmul" and at least one operand; `m` is that node
///   "(f:p ?x ?a), (f:q ?x ?b)"              a multi-pattern: two nodes that share an operand
///   "?v = true, ?v = (& ?a ?b)"             two nodes of one class
/// The root of a match is the class of the first expression.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "compiler/egraph/egraph.h"
#include "compiler/egraph/sexpr.h"

namespace nntune::egraph {

/// Names of a pattern's variables; a match holds their values at the same positions.
struct Variables {
  std::vector<std::string> classes;  ///< without '?'
  std::vector<std::string> nodes;

  /// Position of a name that the pattern has (asserted).
  [[nodiscard]] std::size_t class_index(std::string_view name) const;
  [[nodiscard]] std::size_t node_index(std::string_view name) const;
};

/// Where a search ends early, and what it leaves out.
struct SearchLimits {
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  std::size_t matches = kNone;
  std::size_t bytes = kNone;  ///< of memory for matches
  std::optional<Clock::time_point> deadline = {};
  /// Count those matches that the index before the present one had too, but do not keep them.
  bool fresh_only = false;
  /// The part of Pattern::candidates() to start at.
  std::size_t first_candidate = 0;
  std::size_t end_candidate = kNone;
};

/// All matches of one pattern, flat: the i-th has `roots[i]` and its slice of `classes` and `nodes`.
struct Matches {
  enum class End { all, match_limit, deadline, memory };

  std::size_t classes_each = 0;
  std::size_t nodes_each = 0;
  FlatArray<ClassId> roots;
  FlatArray<ClassId> classes;
  FlatArray<NodeId> nodes;
  std::size_t known = 0;  ///< found but not kept (SearchLimits::fresh_only)
  End end = End::all;

  [[nodiscard]] std::size_t size() const { return roots.size(); }
  [[nodiscard]] std::span<const ClassId> classes_of(std::size_t i) const {
    return classes.part(i * classes_each, classes_each);
  }
  [[nodiscard]] std::span<const NodeId> nodes_of(std::size_t i) const { return nodes.part(i * nodes_each, nodes_each); }
  [[nodiscard]] std::size_t memory_bytes() const {
    return roots.capacity_bytes() + classes.capacity_bytes() + nodes.capacity_bytes();
  }
};

class Pattern {
 public:
  /// Errors: bad_input (malformed text).
  [[nodiscard]] static Expected<Pattern> parse(std::string_view text, SymbolTable& symbols);

  /// Where a match found a class: as that of a node, or as an operand of one.
  struct Place {
    static constexpr std::uint32_t kItself = 0xffffffff;
    std::uint32_t node = 0;  ///< in Match::nodes
    std::uint32_t operand = kItself;
  };
  /// Two places that must be of one class for the pattern to match.
  struct Link {
    Place a;
    Place b;  ///< what was looked for in the class of `a`, if that is a node
  };
  /// The same pattern with the same matches, in which every operator has a node, also those without a name.
  [[nodiscard]] Pattern with_all_nodes(SymbolTable& symbols) const;
  /// All that makes a match one, besides the operators themselves (with_all_nodes).
  [[nodiscard]] std::span<const Link> links() const { return links_; }
  /// Of the outermost operator of the first expression in Match::nodes; none: it is a variable or a leaf (with_all_nodes).
  [[nodiscard]] std::optional<std::uint32_t> root_node() const { return root_node_; }

  [[nodiscard]] const Variables& variables() const { return variables_; }
  [[nodiscard]] const std::string& text() const { return text_; }

  /// Every match in a clean graph, in a fixed order, within the limits.
  [[nodiscard]] Matches search(const EGraph& graph, const SearchLimits& limits = {}) const;
  /// Classes in which a search starts, in its order (clean): a search over [0, k) and one over [k, end) find what one over all
  /// does.
  [[nodiscard]] std::span<const ClassId> candidates(const EGraph& graph) const;
  /// The first expression under a match, as a term of its own (EGraph::add).
  ClassId instantiate(EGraph& graph, ClassId root, std::span<const ClassId> classes, std::span<const NodeId> nodes) const;

 private:
  enum class Code : std::uint8_t {
    scan,     // out <- each class with the symbol
    join,     // out.. <- operands of each parent of class a whose operand number b is a
    bind,     // out.. <- operands of each node of class a with the symbol
    compare,  // class a == class b
  };
  /// Operand number `operand` of a node must be the class in a register, or that in another operand of it.
  struct Check {
    std::uint32_t operand = 0;
    bool is_operand = false;
    std::uint32_t other = 0;
  };
  struct Instruction {
    Code code;
    bool by_head = false;
    bool open = false;  // more operands than named are fine
    Symbol symbol = 0;
    std::uint32_t a = 0;
    std::uint32_t b = 0;
    std::uint32_t arity = 0;
    std::uint32_t out = 0;
    std::int32_t node_out = -1;      // register of the matched node
    std::int32_t class_out = -1;     // join: register of its class
    std::vector<Check> checks = {};  // bind: comparisons that need no more than the node
  };
  /// A term without variables and the register that holds its class in a search.
  struct Ground {
    Sexpr term;
    std::uint32_t out = 0;
  };
  struct Compiler;
  struct Machine;

  std::string text_;
  /// One expression, and the variable for its class, "" for none.
  struct Clause {
    std::string variable;
    Sexpr term;
  };
  std::vector<Clause> clauses_;
  Variables variables_;
  std::vector<Instruction> program_;
  std::vector<Ground> grounds_;
  std::uint32_t registers_ = 0;
  std::uint32_t root_register_ = 0;
  std::vector<std::uint32_t> class_registers_;  // of variables_.classes
  std::vector<Link> links_;
  std::optional<std::uint32_t> root_node_;
};

}  // namespace nntune::egraph
