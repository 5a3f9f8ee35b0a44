/// Tensors of a Hugging Face model folder, mapped and not copied (format: github.com/huggingface/safetensors).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"

namespace nntune::import {

/// One tensor in a file. The memory lives as long as the SafeTensors it came from.
struct StoredTensor {
  std::string dtype;  ///< as in the file: "F32", "BF16", "F16", "I64", ...
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;  ///< row-major, little-endian, of exactly the size of shape and dtype; may be unaligned
  std::string file;                  ///< for messages
};

/// The tensors of one file, or of all shards of a folder, by name.
///
/// Everything the header says is checked before any tensor is handed out: lengths within the file, known dtypes, sizes that
/// match the shapes, no overlap and no gap, and for shards that the index and the files agree.
class SafeTensors {
 public:
  [[nodiscard]] static Expected<SafeTensors> open_file(const std::filesystem::path& path);
  /// model.safetensors, else the shards of model.safetensors.index.json.
  [[nodiscard]] static Expected<SafeTensors> open_folder(const std::filesystem::path& folder);

  [[nodiscard]] const std::map<std::string, StoredTensor>& tensors() const { return tensors_; }
  /// nullptr if there is none.
  [[nodiscard]] const StoredTensor* find(const std::string& name) const;

 private:
  Status add_file(const std::filesystem::path& path);

  std::vector<MappedFile> files_;
  std::map<std::string, StoredTensor> tensors_;
};

}  // namespace nntune::import
