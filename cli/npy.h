/// Matrices in NumPy's file format (version 1.0), written row by row.
#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "base/error.h"

namespace nntune::cli {

/// A f32 matrix [rows, columns], the rows counted as they come. Written under a temporary name and renamed by finish().
class NpyWriter {
 public:
  [[nodiscard]] static Expected<NpyWriter> create(const std::filesystem::path& path, std::int64_t columns);
  NpyWriter(NpyWriter&&) noexcept = default;
  NpyWriter& operator=(NpyWriter&&) noexcept = default;
  ~NpyWriter();

  [[nodiscard]] Status append(std::span<const float> row);
  /// Completes the header; without it no file appears.
  [[nodiscard]] Status finish();

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  NpyWriter(std::filesystem::path path, std::filesystem::path temporary, std::int64_t columns)
      : path_(std::move(path)), temporary_(std::move(temporary)), columns_(columns) {}
  [[nodiscard]] tl::unexpected<Error> failed() const;

  std::filesystem::path path_;
  std::filesystem::path temporary_;
  std::int64_t columns_;
  std::int64_t rows_ = 0;
  std::unique_ptr<std::FILE, Close> file_;
};

/// The first bytes of such a file, always 128, so that they can be replaced when the number of rows is known.
[[nodiscard]] std::string npy_header(std::int64_t rows, std::int64_t columns);

}  // namespace nntune::cli
