#include "compiler/runtime/code.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <cassert>
#include <cerrno>
#include <cstring>
#include <utility>

namespace nntune::runtime {
namespace {

tl::unexpected<Error> no_code_memory(std::string_view doing) {
  return fail(ErrorKind::io, fmt::format("cannot {} memory for machine code: {}", doing, std::strerror(errno)),
              "free some memory, or allow executable mappings for this process");
}

}  // namespace

Expected<LoadedCode> LoadedCode::load(std::span<const std::byte> image) {
  if (image.empty()) return fail(ErrorKind::bad_input, "a kernel has no machine code", "compile it again");
  void* data = ::mmap(nullptr, image.size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) return no_code_memory("map");
  LoadedCode code(data, image.size());
  std::memcpy(data, image.data(), image.size());
  // Never writable and executable at once.
  if (::mprotect(data, image.size(), PROT_READ | PROT_EXEC) != 0) return no_code_memory("protect");
  return code;
}

LoadedCode::LoadedCode(LoadedCode&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

LoadedCode& LoadedCode::operator=(LoadedCode&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

LoadedCode::~LoadedCode() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

KernelFn LoadedCode::entry(std::uint64_t offset) const {
  assert(offset < size_);
  return reinterpret_cast<KernelFn>(static_cast<std::byte*>(data_) + offset);
}

}  // namespace nntune::runtime
