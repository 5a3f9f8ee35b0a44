#include "compiler/runtime/memory.h"

#include <fmt/format.h>
#include <sys/mman.h>

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

}  // namespace

Expected<Memory> Memory::allocate(std::size_t bytes, const char* purpose) {
  Memory memory;
  if (bytes == 0) return memory;
  if (bytes >= kAskFrom) {
    const std::int64_t available = available_memory_bytes();
    if (static_cast<std::int64_t>(bytes) > available) {
      return no_memory(bytes, purpose, fmt::format(", {:.2f} GB available", static_cast<double>(available) / 1e9));
    }
  }
  const bool huge = bytes >= kHuge;
  const std::size_t mapped_size = huge ? bytes + kHuge : bytes;
  void* mapped = mapped_size < bytes
                     ? MAP_FAILED
                     : ::mmap(nullptr, mapped_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return no_memory(bytes, purpose, "");
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
