#include "compiler/dag/greedy.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <limits>

namespace nntune::dag {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
/// Blocks of all sets together (12 bytes each). Classes settled after that are opaque: their cost is not shared.
constexpr std::size_t kMostBlocks = std::size_t{1} << 26;

}  // namespace

Greedy::Greedy(const ExtractionInstance& instance) : instance_(instance) {
  const std::size_t nodes = instance.node_count();
  const std::size_t classes = instance.class_count();
  class_of_.resize(nodes);
  child_counts_.assign(nodes, 0);
  user_begin_.assign(classes + 1, 0);
  std::vector<std::uint32_t> seen_by(classes, kNone);
  const auto for_each_use = [&](auto&& visit) {
    std::fill(seen_by.begin(), seen_by.end(), kNone);
    for (std::uint32_t n = 0; n < nodes; ++n) {
      for (const std::uint32_t child : instance.children_of(n)) {
        if (seen_by[child] != n) {
          seen_by[child] = n;
          visit(n, child);
        }
      }
    }
  };
  for (std::uint32_t c = 0; c < classes; ++c) {
    std::fill(class_of_.begin() + instance.class_begin[c], class_of_.begin() + instance.class_begin[c + 1], c);
  }
  for_each_use([&](std::uint32_t n, std::uint32_t child) {
    ++child_counts_[n];
    ++user_begin_[child + 1];
  });
  for (std::size_t c = 0; c < classes; ++c) user_begin_[c + 1] += user_begin_[c];
  users_.resize(user_begin_[classes]);
  std::vector<std::uint32_t> at(user_begin_.begin(), user_begin_.end() - 1);
  for_each_use([&](std::uint32_t n, std::uint32_t child) { users_[at[child]++] = n; });
  rank_.resize(classes);
  set_begin_.resize(classes);
  set_end_.resize(classes);
  scratch_.assign(classes / 64 + 1, 0);
}

void Greedy::push(double total, std::uint32_t class_id) {
  heap_.push_back({total, class_id});
  std::push_heap(heap_.begin(), heap_.end());
}

double Greedy::total_of(std::uint32_t node, double node_price, double limit) {
  const auto children = instance_.children_of(node);
  if (children.empty()) return node_price;
  std::uint32_t base = children[0];
  for (const std::uint32_t child : children) base = total_[child] > total_[base] ? child : base;
  double total = node_price + total_[base];
  if (child_counts_[node] == 1 || total >= limit) return total;
  // What the others add to the most expensive child.
  const auto touch = [this](std::uint32_t block, std::uint64_t bits) {
    if (scratch_[block] == 0) touched_.push_back(block);
    scratch_[block] |= bits;
  };
  for (std::uint32_t i = set_begin_[base]; i < set_end_[base]; ++i) touch(set_block_[i], set_bits_[i]);
  for (const std::uint32_t child : children) {
    if (child == base) continue;
    for (std::uint32_t i = set_begin_[child]; i < set_end_[child] && total < limit; ++i) {
      std::uint64_t fresh = set_bits_[i] & ~scratch_[set_block_[i]];
      if (fresh == 0) continue;
      touch(set_block_[i], fresh);
      for (; fresh != 0; fresh &= fresh - 1) {
        total += price_of_rank_[set_block_[i] * 64 + static_cast<std::uint32_t>(std::countr_zero(fresh))];
      }
    }
  }
  for (const std::uint32_t block : touched_) scratch_[block] = 0;
  touched_.clear();
  return total;
}

void Greedy::settle(std::uint32_t class_id, std::uint32_t node, double node_price, Sharing sharing) {
  settled_[class_id] = true;
  if (sharing == Sharing::tree) return;
  const auto rank = static_cast<std::uint32_t>(price_of_rank_.size());
  rank_[class_id] = rank;
  price_of_rank_.push_back(node_price);
  set_begin_[class_id] = static_cast<std::uint32_t>(set_block_.size());
  if (set_block_.size() > kMostBlocks) {
    price_of_rank_.back() = total_[class_id];
  } else {
    for (const std::uint32_t child : instance_.children_of(node)) {
      for (std::uint32_t i = set_begin_[child]; i < set_end_[child]; ++i) {
        if (scratch_[set_block_[i]] == 0) touched_.push_back(set_block_[i]);
        scratch_[set_block_[i]] |= set_bits_[i];
      }
    }
  }
  if (scratch_[rank / 64] == 0) touched_.push_back(rank / 64);
  scratch_[rank / 64] |= std::uint64_t{1} << (rank % 64);
  for (const std::uint32_t block : touched_) {
    set_block_.push_back(block);
    set_bits_.push_back(scratch_[block]);
    scratch_[block] = 0;
  }
  touched_.clear();
  set_end_[class_id] = static_cast<std::uint32_t>(set_block_.size());
}

Choice Greedy::run(std::span<const double> price, Sharing sharing, std::span<const std::uint32_t> fixed) {
  const std::size_t classes = instance_.class_count();
  waiting_ = child_counts_;
  total_.assign(classes, kInfinity);
  settled_.assign(classes, false);
  heap_.clear();
  price_of_rank_.clear();
  set_block_.clear();
  set_bits_.clear();
  Choice choice(classes, kNone);
  // A node that is ready offers itself to its class.
  const auto offer = [&](std::uint32_t node) {
    const std::uint32_t class_id = class_of_[node];
    if (settled_[class_id] || price[node] == kInfinity) return;
    double total = 0;
    if (sharing == Sharing::dag) {
      total = total_of(node, price[node], total_[class_id]);
    } else {
      total = price[node];
      for (const std::uint32_t child : instance_.children_of(node)) total += total_[child];
    }
    if (total < total_[class_id]) {
      total_[class_id] = total;
      choice[class_id] = node;
      push(total, class_id);
    }
  };
  const auto wake_users = [&](std::uint32_t class_id) {
    for (std::uint32_t i = user_begin_[class_id]; i < user_begin_[class_id + 1]; ++i) {
      if (--waiting_[users_[i]] == 0) offer(users_[i]);
    }
  };
  if (!fixed.empty()) {
    for (std::uint32_t c = 0; c < classes; ++c) {
      if (fixed[c] == kNone) continue;
      choice[c] = fixed[c];
      total_[c] = 0;
      settled_[c] = true;
      set_begin_[c] = set_end_[c] = 0;
    }
    for (std::uint32_t c = 0; c < classes; ++c) {
      if (fixed[c] != kNone) wake_users(c);
    }
  }
  for (std::uint32_t n = 0; n < child_counts_.size(); ++n) {
    if (child_counts_[n] == 0) offer(n);
  }
  while (!heap_.empty()) {
    std::pop_heap(heap_.begin(), heap_.end());
    const Entry entry = heap_.back();
    heap_.pop_back();
    if (settled_[entry.class_id]) continue;
    settle(entry.class_id, choice[entry.class_id], price[choice[entry.class_id]], sharing);
    wake_users(entry.class_id);
  }
  return choice;
}

}  // namespace nntune::dag
