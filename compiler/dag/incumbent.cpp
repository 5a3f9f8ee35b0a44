#include "compiler/dag/incumbent.h"

#include <algorithm>

namespace nntune::dag {

Incumbent::Incumbent(const ExtractionInstance& instance, Choice choice)
    : instance_(&instance), choice_(std::move(choice)), uses_(instance.class_count(), 0), seen_(instance.class_count(), 0) {
  value_ = {0, 0, 0};
  for (const std::uint32_t root : instance.roots) use(root);
  value_.excess = excess_of(instance, value_.bytes);
}

void Incumbent::use(std::uint32_t class_id) {
  stack_.push_back(class_id);
  while (!stack_.empty()) {
    const std::uint32_t c = stack_.back();
    stack_.pop_back();
    if (uses_[c]++ > 0) continue;
    value_.cost += instance_->cost[choice_[c]];
    value_.bytes += instance_->bytes_of(choice_[c]);
    for (const std::uint32_t child : instance_->children_of(choice_[c])) stack_.push_back(child);
  }
}

void Incumbent::unuse(std::uint32_t class_id) {
  stack_.push_back(class_id);
  while (!stack_.empty()) {
    const std::uint32_t c = stack_.back();
    stack_.pop_back();
    if (--uses_[c] > 0) continue;
    value_.cost -= instance_->cost[choice_[c]];
    value_.bytes -= instance_->bytes_of(choice_[c]);
    for (const std::uint32_t child : instance_->children_of(choice_[c])) stack_.push_back(child);
  }
}

void Incumbent::swap(std::uint32_t class_id, std::uint32_t node) {
  const std::uint32_t old = choice_[class_id];
  choice_[class_id] = node;
  value_.cost += instance_->cost[node] - instance_->cost[old];
  value_.bytes += instance_->bytes_of(node) - instance_->bytes_of(old);
  for (const std::uint32_t child : instance_->children_of(node)) use(child);
  for (const std::uint32_t child : instance_->children_of(old)) unuse(child);
  value_.excess = excess_of(*instance_, value_.bytes);
}

bool Incumbent::leads_to(std::uint32_t node, std::uint32_t class_id) {
  ++search_;
  const auto see = [this](std::uint32_t of) {
    for (const std::uint32_t child : instance_->children_of(of)) {
      if (seen_[child] == search_) continue;
      seen_[child] = search_;
      stack_.push_back(child);
    }
  };
  see(node);
  while (!stack_.empty()) {
    const std::uint32_t c = stack_.back();
    stack_.pop_back();
    if (c == class_id) {
      stack_.clear();
      return true;
    }
    see(choice_[c]);
  }
  return false;
}

void Incumbent::complete(Greedy& greedy) {
  Choice fixed(choice_.size(), kNone);
  for (std::size_t c = 0; c < fixed.size(); ++c) {
    if (uses_[c] > 0) fixed[c] = choice_[c];
  }
  choice_ = greedy.run(instance_->cost, Greedy::Sharing::dag, fixed);
}

bool Incumbent::derivable(std::uint32_t node) const {
  const auto children = instance_->children_of(node);
  return std::none_of(children.begin(), children.end(), [this](std::uint32_t child) { return choice_[child] == kNone; });
}

bool Incumbent::improve(const std::function<bool()>& stop) {
  const auto classes = static_cast<std::uint32_t>(choice_.size());
  bool improved = false;
  std::uint32_t since = 0;  // classes looked at since the last improvement
  for (std::uint32_t c = 0; since < classes; c = c + 1 == classes ? 0 : c + 1, ++since) {
    if (uses_[c] == 0) continue;
    if (c % 64 == 0 && stop()) break;
    for (std::uint32_t n = instance_->class_begin[c]; n < instance_->class_begin[c + 1]; ++n) {
      const std::uint32_t old = choice_[c];
      if (n == old || !derivable(n)) continue;
      const Value before = value_;
      swap(c, n);
      // A cycle can look cheap; it is looked for only where it matters.
      if (better(value_, before) && !leads_to(n, c)) {
        improved = true;
        since = 0;
      } else {
        swap(c, old);
        value_ = before;  // without the rounding of there and back
      }
    }
  }
  // Rounding adds up.
  value_ = evaluate(*instance_, choice_);
  return improved;
}

void Incumbent::settle_ties() {
  for (std::uint32_t c = 0; c < choice_.size(); ++c) {
    if (uses_[c] == 0) continue;
    const std::uint32_t old = choice_[c];
    const Value before = value_;
    for (std::uint32_t n = instance_->class_begin[c]; n < old; ++n) {
      if (!derivable(n)) continue;
      swap(c, n);
      if (!better(before, value_) && !leads_to(n, c)) break;
      swap(c, old);
      value_ = before;
    }
  }
  value_ = evaluate(*instance_, choice_);
}

void Incumbent::swap_users(const Greedy& greedy, std::uint32_t shared, bool all, Swapped& swapped) {
  const auto users = greedy.users(shared);
  for (std::size_t i = 0; i < users.size();) {
    const std::uint32_t c = greedy.class_of(users[i]);
    const std::uint32_t old = choice_[c];
    const Value before = value_;
    Value best = before;
    std::uint32_t node = old;
    for (; i < users.size() && greedy.class_of(users[i]) == c; ++i) {  // nodes of a class are neighbours
      const std::uint32_t n = users[i];
      if (uses_[c] == 0 || choice_[c] == n || c == shared || !derivable(n)) continue;
      swap(c, n);
      if ((better(value_, best) || (all && node == old)) && !leads_to(n, c)) {
        best = value_;
        node = n;
      }
      swap(c, old);
      value_ = before;  // without the rounding of there and back
    }
    if (node == old) continue;
    swap(c, node);
    swapped.emplace_back(c, old);
  }
}

bool Incumbent::share(const Greedy& greedy, const std::function<bool()>& stop) {
  bool improved = false;
  Swapped swapped;
  for (std::uint32_t shared = 0; shared < choice_.size(); ++shared) {
    if (shared % 64 == 0 && stop()) break;
    for (const bool all : {false, true}) {
      if (uses_[shared] > 0 || choice_[shared] == kNone || greedy.users(shared).size() < 2) break;
      const Value before = value_;
      swapped.clear();
      use(shared);
      swap_users(greedy, shared, all, swapped);
      unuse(shared);
      value_.excess = excess_of(*instance_, value_.bytes);
      if (!swapped.empty() && better(value_, before)) {
        improved = true;
        break;
      }
      for (auto undo = swapped.rbegin(); undo != swapped.rend(); ++undo) swap(undo->first, undo->second);
      value_ = before;
    }
  }
  value_ = evaluate(*instance_, choice_);
  return improved;
}

}  // namespace nntune::dag
