#include "tuner/memory.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <utility>

namespace nntune::tuner {

Expected<Pages> Pages::allocate(std::size_t bytes) {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const auto too_much = [&] { return fail(ErrorKind::infeasible, fmt::format("no memory for {} MB", bytes >> 20)); };
  if (bytes > SIZE_MAX / 2) return too_much();
  const std::size_t usable = (bytes + page - 1) / page * page;
  void* memory = mmap(nullptr, usable + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return too_much();
  auto* const data = static_cast<std::byte*>(memory);
  if (usable > 0) madvise(data, usable, MADV_HUGEPAGE);
  mprotect(data + usable, page, PROT_NONE);
  return Pages(data, bytes, usable + page);
}

Pages::Pages(Pages&& other) noexcept { *this = std::move(other); }

Pages& Pages::operator=(Pages&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(mapped_, other.mapped_);
  return *this;
}

Pages::~Pages() {
  if (data_ != nullptr) munmap(data_, mapped_);
}

}  // namespace nntune::tuner
