/// Large arrays read at random spend much of their time on address translation and page faults; 2 MB pages take most of it away.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>

namespace nntune::egraph {

/// Asks for huge pages where a block is so large that what they waste at its end does not matter.
inline void prefer_huge_pages(void* block, std::size_t bytes) {
  constexpr std::size_t kWorthwhileBytes = std::size_t{8} << 20;
  constexpr std::uintptr_t kPageBytes = 4096;
  if (bytes < kWorthwhileBytes) return;
  const auto begin = (reinterpret_cast<std::uintptr_t>(block) + kPageBytes - 1) & ~(kPageBytes - 1);
  const auto end = (reinterpret_cast<std::uintptr_t>(block) + bytes) & ~(kPageBytes - 1);
  (void)madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);  // refused: it is slower, no more
}

}  // namespace nntune::egraph
