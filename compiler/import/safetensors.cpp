#include "compiler/import/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

#include "base/json.h"

namespace nntune::import {
namespace {

constexpr std::size_t kLengthBytes = 8;                  // of the header's length, before the header
constexpr std::uint64_t kMostHeaderBytes = 100'000'000;  // the limit of the reference implementation
constexpr const char* kHint = "download the file again";

struct DTypeSize {
  std::string_view name;
  std::uint64_t bytes;
};
constexpr std::array<DTypeSize, 15> kDTypes = {{{"F64", 8},
                                                {"F32", 4},
                                                {"F16", 2},
                                                {"BF16", 2},
                                                {"F8_E4M3", 1},
                                                {"F8_E5M2", 1},
                                                {"I64", 8},
                                                {"I32", 4},
                                                {"I16", 2},
                                                {"I8", 1},
                                                {"U64", 8},
                                                {"U32", 4},
                                                {"U16", 2},
                                                {"U8", 1},
                                                {"BOOL", 1}}};

/// Makes errors that begin with the file's path.
struct Complain {
  std::string path;
  tl::unexpected<Error> operator()(std::string_view what) const {
    return fail(ErrorKind::bad_input, fmt::format("{}: {}", path, what), kHint);
  }
};

/// A non-negative integer of `json`, or nothing.
bool read_unsigned(const Json& json, std::uint64_t& out) {
  if (!json.is_number_unsigned()) return false;
  out = json.get<std::uint64_t>();
  return true;
}

/// Bytes of a tensor of this shape, or false on overflow.
bool size_of(const std::vector<std::int64_t>& shape, std::uint64_t element_bytes, std::uint64_t& bytes) {
  bytes = element_bytes;
  for (const std::int64_t size : shape) {
    if (__builtin_mul_overflow(bytes, static_cast<std::uint64_t>(size), &bytes)) return false;
  }
  return true;
}

/// One entry of the header; `data` is everything behind it.
Expected<StoredTensor> parse_entry(const std::string& name, const Json& entry, std::span<const std::byte> data,
                                   const Complain& complain) {
  const auto bad = [&](std::string_view what) { return complain(fmt::format("tensor \"{}\" {}", name, what)); };
  if (!entry.is_object()) return bad("is not described by an object");
  for (const char* field : {"dtype", "shape", "data_offsets"}) {
    if (!entry.contains(field)) return bad(fmt::format("has no \"{}\"", field));
  }
  const Json& dtype = entry["dtype"];
  const Json& shape = entry["shape"];
  const Json& offsets = entry["data_offsets"];
  if (!dtype.is_string()) return bad("has a \"dtype\" that is not a string");
  if (!shape.is_array() || shape.size() > 8) return bad("has a \"shape\" that is not a list of at most 8 sizes");
  StoredTensor tensor{.dtype = dtype.get<std::string>(), .shape = {}, .bytes = {}, .file = complain.path};
  const auto known = std::ranges::find(kDTypes, tensor.dtype, &DTypeSize::name);
  if (known == kDTypes.end()) return bad(fmt::format("has the unknown dtype \"{}\"", tensor.dtype));
  for (const Json& size : shape) {
    std::uint64_t value = 0;
    if (!read_unsigned(size, value) || value > INT64_MAX) return bad("has a size that is not a non-negative integer");
    tensor.shape.push_back(static_cast<std::int64_t>(value));
  }
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  if (!offsets.is_array() || offsets.size() != 2 || !read_unsigned(offsets[0], begin) || !read_unsigned(offsets[1], end)) {
    return bad("has \"data_offsets\" that are not two non-negative integers");
  }
  if (begin > end) return bad("ends before it begins");
  std::uint64_t bytes = 0;
  if (!size_of(tensor.shape, known->bytes, bytes) || bytes != end - begin) {
    return bad(
        fmt::format("is {} bytes long, which does not match its shape {} of {}", end - begin, shape.dump(), tensor.dtype));
  }
  if (end > data.size()) {
    return bad(fmt::format("lies at bytes {} to {}, but only {} are there: the file is truncated", begin, end, data.size()));
  }
  tensor.bytes = data.subspan(begin, end - begin);
  return tensor;
}

/// The tensors must fill the data from its first to its last byte, each byte once.
Status check_coverage(const std::vector<std::pair<std::string, StoredTensor>>& entries, std::span<const std::byte> data,
                      const Complain& complain) {
  std::vector<const std::pair<std::string, StoredTensor>*> order;
  order.reserve(entries.size());
  for (const auto& entry : entries) order.push_back(&entry);
  std::ranges::sort(order, {},
                    [](const auto* entry) { return std::pair(entry->second.bytes.data(), entry->second.bytes.size()); });
  const std::byte* next = data.data();
  std::string_view before = "the header";
  for (const auto* entry : order) {
    const std::byte* begin = entry->second.bytes.data();
    if (begin < next) return complain(fmt::format(R"(tensors "{}" and "{}" overlap)", before, entry->first));
    if (begin > next) return complain(fmt::format(R"(there are unused bytes before tensor "{}")", entry->first));
    next = begin + entry->second.bytes.size();
    before = entry->first;
  }
  if (next != data.data() + data.size()) return complain("there are unused bytes after the last tensor");
  return {};
}

}  // namespace

Status SafeTensors::add_file(const std::filesystem::path& path) {
  const Complain complain{path.string()};
  NNTUNE_ASSIGN(MappedFile file, MappedFile::open(path));
  const std::span<const std::byte> all = file.bytes();
  if (all.size() < kLengthBytes) return complain(fmt::format("the file has {} bytes, too few for safetensors", all.size()));
  std::uint64_t header_bytes = 0;
  for (std::size_t i = 0; i < kLengthBytes; ++i) header_bytes |= std::to_integer<std::uint64_t>(all[i]) << (8 * i);
  if (header_bytes > kMostHeaderBytes) return complain("the header's length is absurd: this is not a safetensors file");
  if (header_bytes > all.size() - kLengthBytes) return complain("the file ends within its header: it is truncated");
  const std::string_view text(reinterpret_cast<const char*>(all.data()) + kLengthBytes, header_bytes);
  NNTUNE_ASSIGN(const Json header, parse_json(text, fmt::format("the header of {}", path.string())));
  if (!header.is_object()) return complain("the header is not a JSON object");

  const std::span<const std::byte> data = all.subspan(kLengthBytes + header_bytes);
  std::vector<std::pair<std::string, StoredTensor>> entries;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") continue;
    NNTUNE_ASSIGN(StoredTensor tensor, parse_entry(name, entry, data, complain));
    entries.emplace_back(name, std::move(tensor));
  }
  NNTUNE_TRY(check_coverage(entries, data, complain));
  for (auto& [name, tensor] : entries) {
    const auto [at, fresh] = tensors_.emplace(name, std::move(tensor));
    if (!fresh) return complain(fmt::format("tensor \"{}\" is in {}, too", name, at->second.file));
  }
  files_.push_back(std::move(file));
  return {};
}

Expected<SafeTensors> SafeTensors::open_file(const std::filesystem::path& path) {
  SafeTensors result;
  NNTUNE_TRY(result.add_file(path));
  return result;
}

Expected<SafeTensors> SafeTensors::open_folder(const std::filesystem::path& folder) {
  std::error_code ignored;
  const std::filesystem::path single = folder / "model.safetensors";
  if (std::filesystem::exists(single, ignored)) return open_file(single);
  const std::filesystem::path index_path = folder / "model.safetensors.index.json";
  if (!std::filesystem::exists(index_path, ignored)) {
    return fail(ErrorKind::bad_input,
                fmt::format("{} has neither model.safetensors nor model.safetensors.index.json", folder.string()),
                "give a Hugging Face model folder with its weights");
  }
  const Complain complain{index_path.string()};
  NNTUNE_ASSIGN(const Json index, read_json(index_path));
  if (!index.is_object() || !index.contains("weight_map") || !index["weight_map"].is_object()) {
    return complain("there is no object \"weight_map\"");
  }
  std::map<std::string, std::string> shard_of;
  std::set<std::string> shards;
  for (const auto& [name, shard] : index["weight_map"].items()) {
    if (!shard.is_string()) return complain(fmt::format("the shard of tensor \"{}\" is not a string", name));
    const auto file = shard.get<std::string>();
    // A shard lies beside its index; anything else could name any file of this machine.
    if (file.empty() || file.find('/') != std::string::npos || file == ".." || file == ".") {
      return complain(fmt::format("the shard \"{}\" is not a plain file name", file));
    }
    shard_of[name] = file;
    shards.insert(file);
  }
  SafeTensors result;
  for (const std::string& shard : shards) NNTUNE_TRY(result.add_file(folder / shard));
  for (const auto& [name, shard] : shard_of) {
    const StoredTensor* tensor = result.find(name);
    if (tensor == nullptr || tensor->file != (folder / shard).string()) {
      return complain(fmt::format("tensor \"{}\" is not in its shard {}", name, shard));
    }
  }
  return result;
}

const StoredTensor* SafeTensors::find(const std::string& name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : &found->second;
}

}  // namespace nntune::import
