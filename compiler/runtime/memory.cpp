#include "compiler/runtime/memory.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>

#include "base/cgroup.h"

namespace nntune::runtime {
namespace {

constexpr std::size_t kHuge = std::size_t{2} << 20;
/// From here on it is asked whether there is so much: the system promises more than it has and kills later.
constexpr std::size_t kAskFrom = std::size_t{256} << 20;

tl::unexpected<Error> no_memory(std::size_t bytes, const char* purpose, std::string_view why) {
  return fail(ErrorKind::io,
              fmt::format("no memory for {}: {:.2f} GB needed{}", purpose, static_cast<double>(bytes) / 1e9, why),
              "close other programs, or take a smaller model or context (--ctx)");
}

/// Moves the pages below `bytes` at `from` to `to`, in place of those there; what is left is mapped and empty, so that no other
/// thread is given these addresses meanwhile.
bool move_pages(std::byte* from, std::byte* to, std::size_t bytes) {
  return ::mremap(from, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, to) != MAP_FAILED;
}

}  // namespace

Expected<Memory> Memory::allocate(std::size_t bytes, const char* purpose) {
  if (bytes >= kAskFrom) {
    const std::int64_t available = available_memory_bytes();
    if (static_cast<std::int64_t>(bytes) > available) {
      return no_memory(bytes, purpose, fmt::format(", {:.2f} GB available", static_cast<double>(available) / 1e9));
    }
  }
  Memory memory = map(bytes);
  if (bytes != 0 && memory.mapped_ == nullptr) return no_memory(bytes, purpose, "");
  return memory;
}

Memory Memory::map(std::size_t bytes) {
  Memory memory;
  if (bytes == 0) return memory;
  const bool huge = bytes >= kHuge;
  const std::size_t mapped_size = huge ? bytes + kHuge : bytes;
  if (mapped_size < bytes) return memory;
  void* const mapped = ::mmap(nullptr, mapped_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return memory;
  memory.mapped_ = mapped;
  memory.mapped_size_ = mapped_size;
  memory.size_ = bytes;
  void* aligned = mapped;
  if (huge) {
    std::size_t room = mapped_size;
    aligned = std::align(kHuge, bytes, aligned, room);
    // Only advice: without it everything works, somewhat slower.
    (void)::madvise(aligned, bytes, MADV_HUGEPAGE);
  }
  memory.data_ = static_cast<std::byte*>(aligned);
  return memory;
}

bool Memory::exchange_pages(const Memory& other) const {
  const std::size_t bytes = std::min(size_, other.size_) / kHuge * kHuge;
  if (bytes == 0 || data_ == other.data_) return true;
  const Memory between = map(bytes);  // aligned alike, so that huge pages move as a whole
  if (between.mapped_ == nullptr || !move_pages(data_, between.data_, bytes)) return false;
  if (!move_pages(other.data_, data_, bytes)) {
    // Undoing asks no more of the system than what it has just done.
    (void)move_pages(between.data_, data_, bytes);
    return false;
  }
  if (!move_pages(between.data_, other.data_, bytes)) {
    (void)move_pages(data_, other.data_, bytes);
    (void)move_pages(between.data_, data_, bytes);
    return false;
  }
  std::swap_ranges(data_, data_ + bytes, other.data_);
  return true;
}

Memory::Memory(Memory&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      mapped_(std::exchange(other.mapped_, nullptr)),
      mapped_size_(std::exchange(other.mapped_size_, 0)) {}

Memory& Memory::operator=(Memory&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(mapped_, other.mapped_);
  std::swap(mapped_size_, other.mapped_size_);
  return *this;
}

Memory::~Memory() {
  if (mapped_ != nullptr) ::munmap(mapped_, mapped_size_);
}

}  // namespace nntune::runtime
