/// A growing array of plain values.
///
/// Where it is large it grows by remapping its pages (grow_block): that copies nothing and never holds old and new at once,
/// which std::vector does at the very moment an e-graph is largest.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>

#include "compiler/egraph/huge_pages.h"

namespace nntune::egraph {

template <class T>
class FlatArray {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  FlatArray() = default;
  FlatArray(const FlatArray&) = delete;
  FlatArray& operator=(const FlatArray&) = delete;
  FlatArray(FlatArray&& other) noexcept { swap(other); }
  FlatArray& operator=(FlatArray&& other) noexcept {
    swap(other);
    return *this;
  }
  ~FlatArray() { free_block(data_, capacity_bytes()); }

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::size_t capacity_bytes() const { return capacity_ * sizeof(T); }
  [[nodiscard]] T* data() { return data_; }
  [[nodiscard]] const T* data() const { return data_; }
  [[nodiscard]] T* begin() { return data_; }
  [[nodiscard]] T* end() { return data_ + size_; }
  [[nodiscard]] const T* begin() const { return data_; }
  [[nodiscard]] const T* end() const { return data_ + size_; }
  [[nodiscard]] T& operator[](std::size_t i) {
    assert(i < size_);
    return data_[i];
  }
  [[nodiscard]] const T& operator[](std::size_t i) const {
    assert(i < size_);
    return data_[i];
  }
  [[nodiscard]] T& back() { return data_[size_ - 1]; }
  [[nodiscard]] std::span<const T> part(std::size_t first, std::size_t count) const { return {data_ + first, count}; }

  void push_back(T value) {
    if (size_ == capacity_) [[unlikely]] {
      reserve(size_ + 1);
    }
    data_[size_++] = value;
  }
  void pop_back() { --size_; }
  /// `values` may not lie in this array.
  void append(std::span<const T> values) { std::copy(values.begin(), values.end(), extend(values.size())); }
  /// Makes room for `count` values, which are not set, and returns the first.
  T* extend(std::size_t count) {
    reserve(size_ + count);
    size_ += count;
    return data_ + (size_ - count);
  }
  void assign(std::size_t count, T value) {
    clear();
    std::fill_n(extend(count), count, value);
  }
  void resize_down(std::size_t count) { size_ = std::min(size_, count); }
  void clear() { size_ = 0; }
  void release() { FlatArray().swap(*this); }
  void swap(FlatArray& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }

 private:
  void reserve(std::size_t count) {
    if (count <= capacity_) return;
    const std::size_t capacity = std::max({count, capacity_ + capacity_ / 2, std::size_t{16}});
    data_ = static_cast<T*>(grow_block(static_cast<void*>(data_), capacity_bytes(), capacity * sizeof(T)));
    capacity_ = capacity;
  }

  T* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace nntune::egraph
