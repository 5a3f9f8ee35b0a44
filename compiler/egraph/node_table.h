/// A hash set of nodes whose keys lie elsewhere: open addressing over (hash, node), so that a probe looks at a node only when
/// all 32 bits of its hash agree. Erasing shifts the followers back; there are no tombstones.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "compiler/egraph/huge_pages.h"

namespace nntune::egraph {

class NodeTable {
 public:
  static constexpr std::uint32_t kNone = 0xffffffff;

  /// The node for which `same(node)`, or kNone.
  template <class Same>
  [[nodiscard]] std::uint32_t find(std::uint32_t hash, Same&& same) const {
    if (count_ == 0) return kNone;
    for (std::size_t at = hash & mask_; slots_[at].node_plus_one != 0; at = (at + 1) & mask_) {
      if (slots_[at].hash == hash && same(slots_[at].node_plus_one - 1)) return slots_[at].node_plus_one - 1;
    }
    return kNone;
  }

  /// `node` is not in the table.
  void insert(std::uint32_t hash, std::uint32_t node) {
    if ((count_ + 1) * 4 > (mask_ + 1) * 3 || slots_ == nullptr) grow();
    put({hash, node + 1});
    ++count_;
  }

  /// `node` is in the table with this hash.
  void erase(std::uint32_t hash, std::uint32_t node) {
    std::size_t at = hash & mask_;
    while (slots_[at].node_plus_one != node + 1) {
      assert(slots_[at].node_plus_one != 0 && "the node is missing in the table");
      at = (at + 1) & mask_;
    }
    // A follower may fill the gap if its own place is not behind the gap.
    for (std::size_t next = (at + 1) & mask_; slots_[next].node_plus_one != 0; next = (next + 1) & mask_) {
      const std::size_t home = slots_[next].hash & mask_;
      if (((next - home) & mask_) >= ((next - at) & mask_)) {
        slots_[at] = slots_[next];
        at = next;
      }
    }
    slots_[at] = {};
    --count_;
  }

  void prefetch(std::uint32_t hash) const {
    if (count_ != 0) __builtin_prefetch(&slots_[hash & mask_]);
  }
  /// The node at the place of this hash, which is most often the one that `find` compares first; or kNone.
  [[nodiscard]] std::uint32_t peek(std::uint32_t hash) const {
    return count_ == 0 ? kNone : slots_[hash & mask_].node_plus_one - 1;
  }
  [[nodiscard]] std::size_t memory_bytes() const { return slots_ == nullptr ? 0 : (mask_ + 1) * sizeof(Slot); }

 private:
  struct Slot {
    std::uint32_t hash = 0;
    std::uint32_t node_plus_one = 0;  // 0: free, as fresh pages are zero
  };
  struct Free {
    std::size_t bytes;
    void operator()(Slot* slots) const { free_block(slots, bytes); }
  };

  void put(Slot slot) {
    std::size_t at = slot.hash & mask_;
    while (slots_[at].node_plus_one != 0) at = (at + 1) & mask_;
    slots_[at] = slot;
  }

  void grow() {
    const std::size_t old_size = slots_ == nullptr ? 0 : mask_ + 1;
    const std::size_t size = old_size == 0 ? 64 : 2 * old_size;
    const std::size_t bytes = size * sizeof(Slot);
    std::unique_ptr<Slot[], Free> old(static_cast<Slot*>(new_zeros(bytes)), Free{bytes});
    old.swap(slots_);
    mask_ = size - 1;
    for (std::size_t i = 0; i < old_size; ++i) {
      if (old[i].node_plus_one != 0) put(old[i]);
    }
  }

  std::unique_ptr<Slot[], Free> slots_;
  std::size_t mask_ = 0;
  std::size_t count_ = 0;
};

}  // namespace nntune::egraph
