/// Why two terms are equal: a chain of named rules, each applied at one place of the term before it.
///
/// A proof forest beside the union-find (Nieuwenhuis and Oliveras, "Proof-producing congruence closure", RTA 2005): each term
/// ever added is a node, each merge an edge with its reason; so two equal terms are joined by one path. An edge made by
/// congruence is explained by the paths between the operands, all of whose edges are older. As in egg (Flatt et al., "Small
/// Proofs from Congruence Closure", FMCAD 2022) a rule's edge joins the very terms it was applied to, its left and right side
/// under the match, so that each step can be replayed.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/error.h"
#include "compiler/egraph/egraph.h"
#include "compiler/egraph/sexpr.h"

namespace nntune::egraph {

/// What an e-graph with proofs remembers; made by EGraph::enable_proofs.
class ProofForest {
 public:
  static constexpr ClassId kNone = 0xffffffff;

  struct Edge {
    ClassId to = kNone;  ///< kNone: a root
    Symbol reason = 0;
    bool forward = false;  ///< the reason leads from this term to that of `to`
  };

  explicit ProofForest(Symbol congruence) : congruence_(congruence) {}

  /// The id of this very term, or kNone.
  [[nodiscard]] ClassId find_term(Symbol symbol, std::span<const ClassId> children) const;
  /// `id` is the number of terms so far.
  void add_term(ClassId id, Symbol symbol, std::span<const ClassId> children);
  /// The term of `a` becomes that of `b`; they were not connected. `class_a` and `class_b` are the canonical classes of
  /// both, one of which is that of both from now on.
  void connect(ClassId a, ClassId b, Symbol reason, ClassId class_a, ClassId class_b);

  [[nodiscard]] Symbol congruence() const { return congruence_; }
  [[nodiscard]] const Edge& edge(ClassId id) const { return edges_[id]; }
  [[nodiscard]] Symbol symbol(ClassId id) const { return terms_[id].symbol; }
  /// Operands as they were written.
  [[nodiscard]] std::span<const ClassId> children(ClassId id) const {
    return operands_.part(terms_[id].first_operand, terms_[id].arity);
  }
  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  struct Term {
    Symbol symbol;
    std::uint32_t first_operand;
    std::uint32_t arity;
  };

  [[nodiscard]] static std::uint32_t hash_of(Symbol symbol, std::span<const ClassId> children);
  Symbol congruence_;
  FlatArray<Term> terms_;
  FlatArray<ClassId> operands_;
  FlatArray<Edge> edges_;
  FlatArray<std::uint32_t> sizes_;  // by canonical class: its terms
  NodeTable table_;
};

struct ProofStep {
  std::string rule;             ///< name of the rule or reason
  bool forward = true;          ///< left to right
  std::vector<std::size_t> at;  ///< operand numbers from the root of the term to the place
  Sexpr term;                   ///< the whole term afterwards
};

struct Proof {
  Sexpr start;
  std::vector<ProofStep> steps;

  /// The start, then a line a step: "= TERM    by RULE at 1.0", "by RULE backwards" if it was read from right to left.
  [[nodiscard]] std::string text() const;
};

/// A chain from the term of `a` to that of `b`, ids as EGraph::add returned them. No term occurs twice in it.
/// Errors: bad_input (proofs are off, not equal), unsupported (more than `max_steps`).
[[nodiscard]] Expected<Proof> explain(const EGraph& graph, ClassId a, ClassId b, std::size_t max_steps = 100'000);

}  // namespace nntune::egraph
