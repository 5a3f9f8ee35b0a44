/// Memory for large arrays that grow.
///
/// Read at random, they spend much of their time on address translation and page faults; 2 MB pages take most of it away.
/// For that blocks must begin at multiples of 2 MB, also where they move to: the C library's `realloc` moves a block to any
/// page, and the system takes its huge pages apart.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

namespace nntune::egraph {

/// A block of so many bytes is mapped, a smaller one from the C library: what huge pages waste at its end must not matter.
constexpr std::size_t kMappedBytes = std::size_t{8} << 20;
constexpr std::size_t kHugePageBytes = std::size_t{2} << 20;

namespace detail {

inline std::size_t mapped_bytes(std::size_t bytes) { return (bytes + kHugePageBytes - 1) & ~(kHugePageBytes - 1); }

/// Address space for a block, aligned; throws std::bad_alloc.
inline std::byte* map_aligned(std::size_t bytes, int protection) {
  const std::size_t size = mapped_bytes(bytes);
  void* all = mmap(nullptr, size + kHugePageBytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (all == MAP_FAILED) throw std::bad_alloc();
  auto* const begin = static_cast<std::byte*>(all);
  auto* const block = begin + (mapped_bytes(reinterpret_cast<std::uintptr_t>(all)) - reinterpret_cast<std::uintptr_t>(all));
  if (block != begin) munmap(begin, static_cast<std::size_t>(block - begin));
  if (const auto behind = static_cast<std::size_t>(begin + kHugePageBytes - block); behind > 0) munmap(block + size, behind);
  return block;
}

inline void prefer_huge_pages(void* block, std::size_t bytes) {
  (void)madvise(block, mapped_bytes(bytes), MADV_HUGEPAGE);  // refused: it is slower, no more
}

}  // namespace detail

/// `bytes` zeros; throws std::bad_alloc.
inline void* new_zeros(std::size_t bytes) {
  if (bytes < kMappedBytes) {
    void* block = std::calloc(bytes, 1);
    if (block == nullptr) throw std::bad_alloc();
    return block;
  }
  void* block = detail::map_aligned(bytes, PROT_READ | PROT_WRITE);
  detail::prefer_huge_pages(block, bytes);
  return block;
}

/// `bytes` are those it was made with; null is fine.
inline void free_block(void* block, std::size_t bytes) {
  if (bytes < kMappedBytes) {
    std::free(block);
  } else {
    munmap(block, detail::mapped_bytes(bytes));
  }
}

/// The block with more bytes behind it, which are not set, perhaps elsewhere. Large ones move by remapping their pages:
/// nothing is copied, and old and new are never held at once. Throws std::bad_alloc.
inline void* grow_block(void* block, std::size_t old_bytes, std::size_t bytes) {
  if (bytes < kMappedBytes) {
    void* grown = std::realloc(block, bytes);
    if (grown == nullptr) throw std::bad_alloc();
    return grown;
  }
  if (old_bytes < kMappedBytes) {
    void* grown = new_zeros(bytes);
    if (old_bytes > 0) std::memcpy(grown, block, old_bytes);
    std::free(block);
    return grown;
  }
  const std::size_t old_size = detail::mapped_bytes(old_bytes);
  const std::size_t size = detail::mapped_bytes(bytes);
  void* grown = mremap(block, old_size, size, 0);
  if (grown == MAP_FAILED) {
    void* const place = detail::map_aligned(bytes, PROT_NONE);
    grown = mremap(block, old_size, size, MREMAP_MAYMOVE | MREMAP_FIXED, place);
    if (grown == MAP_FAILED) {
      munmap(place, size);
      throw std::bad_alloc();
    }
  }
  detail::prefer_huge_pages(grown, bytes);
  return grown;
}

}  // namespace nntune::egraph
