/// Whole files in and out, and read-only memory maps; every failure names the path and the system's reason.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace nntune {

[[nodiscard]] Expected<std::string> read_file(const std::filesystem::path& path);

/// A file of /proc or /sys, whose size is not known before it is read; "" where it cannot be read.
[[nodiscard]] std::string read_kernel_text(const std::filesystem::path& path);

/// Writes beside `path` and renames, so that a reader sees the old file or the whole new one.
[[nodiscard]] Status write_file_atomically(const std::filesystem::path& path, std::string_view content);

/// Whether write_file_atomically could write here, found out by trying; for those who would else find out after long work.
[[nodiscard]] Status check_writable(const std::filesystem::path& path);

/// A file mapped read-only for the lifetime of this object.
class MappedFile {
 public:
  /// The first byte lies at a multiple of `alignment`, a power of two of at least a page.
  [[nodiscard]] static Expected<MappedFile> open(const std::filesystem::path& path, std::size_t alignment = 4096);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  [[nodiscard]] std::span<const std::byte> bytes() const { return {data_, size_}; }

 private:
  MappedFile(const std::byte* data, std::size_t size) : data_(data), size_(size) {}
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace nntune
