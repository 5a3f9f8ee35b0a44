#include "compiler/runtime/memory.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <cstdint>
#include <utility>

namespace nntune::runtime {
namespace {

constexpr std::size_t kHuge = std::size_t{2} << 20;

}  // namespace

Expected<Memory> Memory::allocate(std::size_t bytes, const char* purpose) {
  Memory memory;
  if (bytes == 0) return memory;
  const bool huge = bytes >= kHuge;
  const std::size_t mapped_size = huge ? bytes + kHuge : bytes;
  void* mapped = mapped_size < bytes
                     ? MAP_FAILED
                     : ::mmap(nullptr, mapped_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) {
    return fail(ErrorKind::io, fmt::format("no memory for {} ({:.1f} MB)", purpose, static_cast<double>(bytes) / 1e6),
                "close other programs, or take a smaller model or --ctx");
  }
  memory.mapped_ = mapped;
  memory.mapped_size_ = mapped_size;
  memory.size_ = bytes;
  auto address = reinterpret_cast<std::uintptr_t>(mapped);
  if (huge) {
    address = (address + kHuge - 1) / kHuge * kHuge;
    // Only advice: without it everything works, somewhat slower.
    (void)::madvise(reinterpret_cast<void*>(address), bytes, MADV_HUGEPAGE);
  }
  memory.data_ = reinterpret_cast<std::byte*>(address);
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
