/// Memory for the operands of kernels under test.
#pragma once

#include <cstddef>
#include <span>

#include "base/error.h"

namespace nntune::tuner {

/// Zeroed pages of their own, huge ones where the system has them, with an inaccessible page behind: a kernel that writes
/// far beyond its output faults instead of spoiling its neighbour.
class Pages {
 public:
  Pages() = default;
  /// infeasible if there is not so much memory.
  [[nodiscard]] static Expected<Pages> allocate(std::size_t bytes);
  Pages(Pages&& other) noexcept;
  Pages& operator=(Pages&& other) noexcept;
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;
  ~Pages();

  [[nodiscard]] std::byte* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::span<std::byte> bytes() const { return {data_, size_}; }

 private:
  Pages(std::byte* data, std::size_t size, std::size_t mapped) : data_(data), size_(size), mapped_(mapped) {}
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t mapped_ = 0;
};

}  // namespace nntune::tuner
