/// Executable memory for the flat images of generated kernels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/error.h"
#include "compiler/runtime/kernel_abi.h"

namespace nntune::runtime {

/// A copy of an image in memory that is executable and not writable, for the lifetime of this object.
class LoadedCode {
 public:
  [[nodiscard]] static Expected<LoadedCode> load(std::span<const std::byte> image);
  LoadedCode(LoadedCode&& other) noexcept;
  LoadedCode& operator=(LoadedCode&& other) noexcept;
  LoadedCode(const LoadedCode&) = delete;
  LoadedCode& operator=(const LoadedCode&) = delete;
  ~LoadedCode();

  [[nodiscard]] KernelFn entry(std::uint64_t offset) const;

 private:
  LoadedCode(void* data, std::size_t size) : data_(data), size_(size) {}
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace nntune::runtime
