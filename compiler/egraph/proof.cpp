#include "compiler/egraph/proof.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_map>

namespace nntune::egraph {

std::uint32_t ProofForest::hash_of(Symbol symbol, std::span<const ClassId> children) {
  std::uint64_t hash = (symbol + 1) * 0x9e3779b97f4a7c15ULL;
  for (const ClassId child : children) hash = (hash ^ (hash >> 31) ^ child) * 0xbf58476d1ce4e5b9ULL;
  return static_cast<std::uint32_t>(hash ^ (hash >> 32));
}

ClassId ProofForest::find_term(Symbol symbol, std::span<const ClassId> children) const {
  return table_.find(hash_of(symbol, children), [&](ClassId id) {
    const auto own = this->children(id);
    return terms_[id].symbol == symbol && std::equal(own.begin(), own.end(), children.begin(), children.end());
  });
}

void ProofForest::add_term(ClassId id, Symbol symbol, std::span<const ClassId> children) {
  terms_.push_back({symbol, static_cast<std::uint32_t>(operands_.size()), static_cast<std::uint32_t>(children.size())});
  const std::vector<ClassId> copy(children.begin(), children.end());  // they may be those of another term
  operands_.append(copy);
  edges_.push_back({});
  sizes_.push_back(1);
  table_.insert(hash_of(symbol, copy), id);
}

void ProofForest::connect(ClassId a, ClassId b, Symbol reason, ClassId class_a, ClassId class_b) {
  // The path from one of them to its root turns around, the one in the smaller tree: so all turning takes n log n steps.
  Edge edge{b, reason, true};
  if (sizes_[class_b] < sizes_[class_a]) {
    std::swap(a, b);
    edge = {b, reason, false};
  }
  sizes_[class_a] = sizes_[class_b] = sizes_[class_a] + sizes_[class_b];
  while (a != kNone) {
    const Edge old = edges_[a];
    edges_[a] = edge;
    edge = {a, old.reason, !old.forward};
    a = old.to;
  }
}

std::size_t ProofForest::memory_bytes() const {
  return terms_.capacity_bytes() + operands_.capacity_bytes() + edges_.capacity_bytes() + sizes_.capacity_bytes() +
         table_.memory_bytes();
}

namespace {

/// Makes the chain; whole terms are shared between steps until the end.
class Explainer {
 public:
  Explainer(const EGraph& graph, std::size_t max_steps) : graph_(graph), forest_(*graph.proofs()), max_steps_(max_steps) {}

  Expected<Proof> explain(ClassId a, ClassId b) {
    current_ = term_of(a);
    const std::uint32_t start = current_;
    if (!path(a, b)) {
      return fail(ErrorKind::unsupported, fmt::format("the proof has more than {} steps", max_steps_),
                  "prove an equality in between first");
    }
    Proof proof{sexpr(start), {}};
    for (const Step& step : without_loops(start)) {
      proof.steps.push_back({std::string(graph_.symbols().text(step.reason)), step.forward, step.at, sexpr(step.term)});
    }
    return proof;
  }

 private:
  struct Step {
    Symbol reason;
    bool forward;
    std::vector<std::size_t> at;
    std::uint32_t term;
  };
  struct Key {
    Symbol symbol;
    std::vector<std::uint32_t> operands;
    auto operator<=>(const Key&) const = default;
  };

  std::uint32_t make(Key key) {
    const auto [place, is_new] = ids_.emplace(std::move(key), static_cast<std::uint32_t>(terms_.size()));
    if (is_new) terms_.push_back(&place->first);
    return place->second;
  }

  std::uint32_t term_of(ClassId id) {
    if (const auto known = term_ids_.find(id); known != term_ids_.end()) return known->second;
    Key key{forest_.symbol(id), {}};
    for (const ClassId child : forest_.children(id)) key.operands.push_back(term_of(child));
    const std::uint32_t result = make(std::move(key));
    term_ids_.emplace(id, result);
    return result;
  }

  /// `whole` with `part` at the place `at_`, from its operand number `depth` on.
  std::uint32_t replaced(std::uint32_t whole, std::uint32_t part, std::size_t depth = 0) {
    if (depth == at_.size()) return part;
    Key key = *terms_[whole];
    key.operands[at_[depth]] = replaced(key.operands[at_[depth]], part, depth + 1);
    return make(std::move(key));
  }

  /// The forest's path from `a` to `b`, as steps at the place `at_`. False: too long.
  bool path(ClassId a, ClassId b) {
    if (a == b) return true;
    std::unordered_map<ClassId, std::size_t> above;  // of a, with its distance
    std::vector<ClassId> from_a;
    for (ClassId id = a; id != ProofForest::kNone; id = forest_.edge(id).to) {
      above.emplace(id, from_a.size());
      from_a.push_back(id);
    }
    std::vector<ClassId> from_b = {b};
    while (!above.contains(from_b.back())) from_b.push_back(forest_.edge(from_b.back()).to);
    from_a.resize(above.at(from_b.back()));
    for (const ClassId id : from_a) {
      const ProofForest::Edge& edge = forest_.edge(id);
      if (!step(id, edge.to, edge.reason, edge.forward)) return false;
    }
    for (std::size_t i = from_b.size() - 1; i-- > 0;) {
      const ProofForest::Edge& edge = forest_.edge(from_b[i]);
      if (!step(edge.to, from_b[i], edge.reason, !edge.forward)) return false;
    }
    return true;
  }

  bool step(ClassId from, ClassId to, Symbol reason, bool forward) {
    if (reason == forest_.congruence()) {
      for (std::size_t i = 0; i < forest_.children(from).size(); ++i) {
        at_.push_back(i);
        const bool done = path(forest_.children(from)[i], forest_.children(to)[i]);
        at_.pop_back();
        if (!done) return false;
      }
      return true;
    }
    current_ = replaced(current_, term_of(to));
    steps_.push_back({reason, forward, at_, current_});
    return steps_.size() <= max_steps_;
  }

  /// Where a term comes back, what lies between is not needed.
  [[nodiscard]] std::vector<Step> without_loops(std::uint32_t start) const {
    std::unordered_map<std::uint32_t, std::size_t> length_at = {{start, 0}};
    std::vector<Step> kept;
    for (const Step& step : steps_) {
      if (const auto seen = length_at.find(step.term); seen != length_at.end()) {
        for (; kept.size() > seen->second; kept.pop_back()) {
          if (kept.back().term != step.term) length_at.erase(kept.back().term);
        }
        continue;
      }
      kept.push_back(step);
      length_at.emplace(step.term, kept.size());
    }
    return kept;
  }

  [[nodiscard]] Sexpr sexpr(std::uint32_t term) const {
    Sexpr result{std::string(graph_.symbols().text(terms_[term]->symbol)), {}};
    for (const std::uint32_t operand : terms_[term]->operands) result.operands.push_back(sexpr(operand));
    return result;
  }

  const EGraph& graph_;
  const ProofForest& forest_;
  std::size_t max_steps_;
  std::map<Key, std::uint32_t> ids_;
  std::vector<const Key*> terms_;
  std::unordered_map<ClassId, std::uint32_t> term_ids_;
  std::vector<std::size_t> at_;
  std::uint32_t current_ = 0;
  std::vector<Step> steps_;
};

}  // namespace

std::string Proof::text() const {
  std::string result = start.text() + "\n";
  for (const ProofStep& step : steps) {
    result += fmt::format("= {}    by {}{}", step.term.text(), step.rule, step.forward ? "" : " backwards");
    if (!step.at.empty()) result += fmt::format(" at {}", fmt::join(step.at, "."));
    result += "\n";
  }
  return result;
}

Expected<Proof> explain(const EGraph& graph, ClassId a, ClassId b, std::size_t max_steps) {
  if (graph.proofs() == nullptr) {
    return fail(ErrorKind::bad_input, "the e-graph keeps no proofs", "call enable_proofs() before adding terms");
  }
  if (graph.find(a) != graph.find(b)) {
    return fail(ErrorKind::bad_input, "the two terms are not known to be equal", "run more rules or iterations");
  }
  return Explainer(graph, max_steps).explain(a, b);
}

}  // namespace nntune::egraph
