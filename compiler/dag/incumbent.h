/// A choice that is changed one class at a time, its cost kept by counting uses.
#pragma once

#include <functional>
#include <vector>

#include "compiler/dag/evaluate.h"

namespace nntune::dag {

class Incumbent {
 public:
  /// \param choice  complete for the roots and acyclic
  Incumbent(const ExtractionInstance& instance, Choice choice);

  [[nodiscard]] const Choice& choice() const { return choice_; }
  [[nodiscard]] const Value& value() const { return value_; }
  /// Whether the roots reach the class.
  [[nodiscard]] bool used(std::uint32_t class_id) const { return uses_[class_id] > 0; }

  /// Gives classes that are not used their cheapest nodes, what is used being free: what a swap to them would cost.
  void complete(Greedy& greedy);

  /// Takes another node for each used class where that is better, until there is none or `stop`. True if one was.
  bool improve(const std::function<bool()>& stop);

  /// For each class that is not used: were it computed anyway, would its users take so much less that it pays? And if all took it
  /// that can, whatever each of them loses? (What two of them share now is rid of only when both have left it.) True if one did.
  bool share(const Greedy& greedy, const std::function<bool()>& stop);

  /// Of nodes that cost the same, up to rounding, takes the first one of the class: what is equal does not hang on the way here.
  void settle_ties();

 private:
  using Swapped = std::vector<std::pair<std::uint32_t, std::uint32_t>>;  ///< class and the node it had
  /// Swaps users of `shared` to it: each that gains by it, or all that can.
  void swap_users(const Greedy& greedy, std::uint32_t shared, bool all, Swapped& swapped);
  /// Whether all children have choices.
  [[nodiscard]] bool derivable(std::uint32_t node) const;
  /// Takes `node`; its children must have choices. May leave a cycle, which swapping back undoes.
  void swap(std::uint32_t class_id, std::uint32_t node);
  void use(std::uint32_t class_id);
  void unuse(std::uint32_t class_id);
  /// Whether following the choices from `node` leads to the class.
  [[nodiscard]] bool leads_to(std::uint32_t node, std::uint32_t class_id);

  const ExtractionInstance* instance_;  // a pointer, so that incumbents can be assigned
  Choice choice_;
  std::vector<std::uint32_t> uses_;  // by class: roots and used classes that have it as a child
  Value value_;
  std::vector<std::uint32_t> stack_;
  std::vector<std::uint32_t> seen_;  // by class: the search that saw it
  std::uint32_t search_ = 0;
};

}  // namespace nntune::dag
