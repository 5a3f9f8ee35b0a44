/// The container format `.nnm`: a header page with a checksummed table, then sections; every byte of the file is covered by
/// a checksum, so that damage is one clear line and never wrong code or wrong numbers.
///
///     page 0    magic, format, ABI version, file size, XXH3-128 of the page, table of sections (kind, offset, size, XXH3-128)
///     manifest  the plan, JSON
///     code      the images of the kernels, each 64-byte aligned
///     tokenizer JSON, may be empty
///     sums      XXH3-128 of each 4 MiB of the weights
///     weights   begins at a multiple of 2 MiB, each tensor at a multiple of 4096
///
/// A section's checksum covers it up to the start of the next. All numbers are little-endian (x86).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/file.h"

namespace nntune::runtime {

inline constexpr std::uint32_t kModuleFormat = 2;
inline constexpr std::size_t kPageBytes = 4096;
inline constexpr std::size_t kHugePageBytes = std::size_t{2} << 20;

/// The parts of a module in memory, as they lie in the file.
struct ModuleParts {
  std::string_view manifest;
  std::span<const std::byte> code;
  std::string_view tokenizer;
  std::span<const std::byte> weights;
};

/// A module file, mapped and verified.
class ModuleFile {
 public:
  /// Verifies everything: header, manifest, code, tokenizer, and the weights with `threads` threads (about 10 GB/s each
  /// once the file is in memory). Errors: io; bad_input (no module, truncated, damaged); unsupported (other version).
  [[nodiscard]] static Expected<ModuleFile> open(const std::filesystem::path& path, int threads);

  [[nodiscard]] const ModuleParts& parts() const { return parts_; }

 private:
  ModuleFile(MappedFile file, ModuleParts parts) : file_(std::move(file)), parts_(parts) {}
  MappedFile file_;
  ModuleParts parts_;
};

/// Writes a module: `fill` gets the zeroed weights section, mapped, to pack into. The file is written beside `path` and
/// renamed when it is complete and on disk; the space is reserved first, so that a full disk is an error before any work.
/// `parts.weights` is not read. The same parts and weights give the same bytes.
[[nodiscard]] Status write_module_file(const std::filesystem::path& path, const ModuleParts& parts, std::size_t weight_bytes,
                                       const std::function<Status(std::span<std::byte> weights)>& fill, int threads);

}  // namespace nntune::runtime
