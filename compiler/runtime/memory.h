/// Large zeroed memory in huge pages where the system grants them: fewer TLB misses for weights and KV caches.
#pragma once

#include <cstddef>
#include <span>

#include "base/error.h"

namespace nntune::runtime {

class Memory {
 public:
  /// Zeroed, page-aligned (2 MiB-aligned from 2 MiB on). `purpose` is for the error. Pages are taken when first touched.
  [[nodiscard]] static Expected<Memory> allocate(std::size_t bytes, const char* purpose);
  Memory() = default;
  Memory(Memory&& other) noexcept;
  Memory& operator=(Memory&& other) noexcept;
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  ~Memory();

  /// Lets this and `other` lie in each other's pages, as far as whole huge pages of the smaller one reach; addresses and bytes stay
  /// what they are, for which reason it is const. Nobody may use either meanwhile. How fast a virtual machine reads depends on
  /// which pages those are. False, and nothing has changed, if the system cannot (Linux before 5.7) or has no memory for it.
  [[nodiscard]] bool exchange_pages(const Memory& other) const;

  [[nodiscard]] std::byte* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::span<std::byte> bytes() const { return {data_, size_}; }

 private:
  /// Without asking whether there is so much. Empty if the system refuses.
  [[nodiscard]] static Memory map(std::size_t bytes);

  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  void* mapped_ = nullptr;
  std::size_t mapped_size_ = 0;
};

}  // namespace nntune::runtime
