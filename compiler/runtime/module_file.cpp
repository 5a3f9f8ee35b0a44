#include "compiler/runtime/module_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "compiler/runtime/kernel_abi.h"

namespace nntune::runtime {
namespace {

constexpr std::array<char, 8> kMagic = {'\x89', 'N', 'N', 'T', 'U', 'N', 'E', '\n'};
constexpr std::size_t kSumBytes = std::size_t{4} << 20;

enum Kind : std::size_t { manifest, code, tokenizer, sums, weights, kKinds };
constexpr std::array<std::string_view, kKinds> kKindNames = {"manifest", "code", "tokenizer", "table of checksums",
                                                             "weights"};

struct Entry {
  std::uint64_t kind = 0;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  Hash128 hash;  ///< of the bytes up to the next section; all zero for the weights, which have their sums
};

/// The first page of the file.
struct Header {
  std::array<char, 8> magic = kMagic;
  std::uint32_t format = kModuleFormat;
  std::uint32_t abi = kAbiVersion;
  std::uint64_t file_bytes = 0;
  Hash128 hash;  ///< of the page with this field zero
  std::array<Entry, kKinds> entries;
  std::array<std::byte, kPageBytes - 40 - kKinds * sizeof(Entry)> padding = {};
};
static_assert(sizeof(Header) == kPageBytes && sizeof(Entry) == 40);

Hash128 hash_of(Header header) {
  header.hash = {};
  return hash128(std::as_bytes(std::span(&header, 1)));
}

std::size_t align_up(std::size_t value, std::size_t to) { return (value + to - 1) / to * to; }

/// Where the section after `kind` begins: a checksum covers the bytes up to there.
std::uint64_t end_of(const Header& header, std::size_t kind) {
  return kind + 1 < kKinds ? header.entries[kind + 1].offset : header.file_bytes;
}

/// Calls work(i) for 0 <= i < count on `threads` threads.
template <class Work>
void for_each_parallel(std::size_t count, int threads, const Work& work) {
  std::atomic<std::size_t> next = 0;
  const auto loop = [&] {
    for (std::size_t i = next++; i < count; i = next++) work(i);
  };
  std::vector<std::jthread> helpers;
  for (int i = 1; i < threads && static_cast<std::size_t>(i) < count; ++i) helpers.emplace_back(loop);
  loop();
}

std::vector<Hash128> sums_of(std::span<const std::byte> bytes, int threads) {
  std::vector<Hash128> result((bytes.size() + kSumBytes - 1) / kSumBytes);
  for_each_parallel(result.size(), threads, [&](std::size_t i) {
    const std::size_t begin = i * kSumBytes;
    result[i] = hash128(bytes.subspan(begin, std::min(kSumBytes, bytes.size() - begin)));
  });
  return result;
}

std::span<const std::byte> as_bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

// Reading.

tl::unexpected<Error> damaged(const std::filesystem::path& path, std::string_view how) {
  return fail(ErrorKind::bad_input, fmt::format("{} is damaged: {}", path.string(), how), "compile or copy it again");
}

/// The header of `bytes` if it can be trusted, i.e. its sections lie in order inside the file.
Expected<Header> read_header(std::span<const std::byte> bytes, const std::filesystem::path& path) {
  Header header;
  if (bytes.size() < sizeof(header.magic) || std::memcmp(bytes.data(), kMagic.data(), sizeof(kMagic)) != 0) {
    return fail(ErrorKind::bad_input, fmt::format("{} is not a module", path.string()), "make one with `nntune compile`");
  }
  if (bytes.size() < sizeof(Header)) return damaged(path, "it ends inside its header");
  std::memcpy(&header, bytes.data(), sizeof(header));
  if (header.hash != hash_of(header)) return damaged(path, "the checksum of its header is wrong");
  if (header.format != kModuleFormat || header.abi != static_cast<std::uint32_t>(kAbiVersion)) {
    return fail(ErrorKind::unsupported,
                fmt::format("{} has module format {}.{}, this nntune reads {}.{}", path.string(), header.format, header.abi,
                            kModuleFormat, kAbiVersion),
                "compile the model again with this nntune");
  }
  if (header.file_bytes != bytes.size()) {
    return damaged(path, fmt::format("it has {} of {} bytes", bytes.size(), header.file_bytes));
  }
  std::uint64_t begin = sizeof(Header);
  for (std::size_t kind = 0; kind < kKinds; ++kind) {
    const Entry& entry = header.entries[kind];
    const std::uint64_t end = end_of(header, kind);
    if (entry.kind != kind || entry.offset < begin || end < entry.offset || end > bytes.size() ||
        entry.size > end - entry.offset) {
      return damaged(path, "its table of sections is wrong");
    }
    begin = end;
  }
  const Entry& entry = header.entries[weights];
  const std::uint64_t sum_count = (entry.size + kSumBytes - 1) / kSumBytes;
  if (header.entries[sums].size != sum_count * sizeof(Hash128) || entry.offset % kPageBytes != 0 ||
      entry.offset + entry.size != bytes.size()) {
    return damaged(path, "its table of sections is wrong");
  }
  return header;
}

// Writing.

tl::unexpected<Error> cannot_write(const std::filesystem::path& path, int code) {
  const bool full = code == ENOSPC || code == EFBIG || code == EDQUOT;
  return fail(ErrorKind::io, fmt::format("cannot write {}: {}", path.string(), std::strerror(code)),
              full ? "free some space or choose another folder" : "check the folder and its permissions");
}

/// A file under a temporary name that goes away unless it is committed.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::filesystem::path& target)
      : target_(target), path_(target.string() + fmt::format(".tmp{}", ::getpid())) {
    fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    error_ = fd_ < 0 ? errno : 0;
  }
  ~TemporaryFile() {
    if (data_ != nullptr) ::munmap(data_, size_);
    if (fd_ >= 0) ::close(fd_);
    if (!committed_ && fd_ >= 0) ::unlink(path_.c_str());
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  /// Reserves the space and maps it.
  Expected<std::span<std::byte>> map(std::size_t size) {
    if (fd_ < 0) return cannot_write(target_, error_);
    // A store into a mapped hole of a full disk would be a SIGBUS.
    if (const int code = ::posix_fallocate(fd_, 0, static_cast<off_t>(size)); code != 0) return cannot_write(target_, code);
    void* data = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0);
    if (data == MAP_FAILED) return cannot_write(target_, errno);
    data_ = data;
    size_ = size;
    return std::span(static_cast<std::byte*>(data), size);
  }

  Status commit() {
    if (::fsync(fd_) != 0) return cannot_write(target_, errno);
    if (::rename(path_.c_str(), target_.c_str()) != 0) return cannot_write(target_, errno);
    committed_ = true;
    // So that the new name is on disk too; some file systems cannot, which is no failure.
    const std::filesystem::path folder = target_.has_parent_path() ? target_.parent_path() : ".";
    if (const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); fd >= 0) {
      (void)::fsync(fd);
      ::close(fd);
    }
    return {};
  }

 private:
  std::filesystem::path target_;
  std::filesystem::path path_;
  int fd_ = -1;
  int error_ = 0;
  void* data_ = nullptr;
  std::size_t size_ = 0;
  bool committed_ = false;
};

}  // namespace

Expected<ModuleFile> ModuleFile::open(const std::filesystem::path& path, int threads) {
  NNTUNE_ASSIGN(MappedFile file, MappedFile::open(path, kHugePageBytes));
  const auto bytes = file.bytes();
  NNTUNE_ASSIGN(const Header header, read_header(bytes, path));

  const auto section = [&](std::size_t kind) {
    return bytes.subspan(header.entries[kind].offset, header.entries[kind].size);
  };
  for (std::size_t kind = 0; kind < weights; ++kind) {
    const Entry& entry = header.entries[kind];
    if (hash128(bytes.subspan(entry.offset, end_of(header, kind) - entry.offset)) != entry.hash) {
      return damaged(path, fmt::format("the checksum of its {} is wrong", kKindNames[kind]));
    }
  }
  const std::vector<Hash128> found = sums_of(section(weights), threads);
  if (!found.empty() && std::memcmp(found.data(), section(sums).data(), section(sums).size()) != 0) {
    return damaged(path, "the checksum of its weights is wrong");
  }

  const auto text = [&](std::size_t kind) {
    return std::string_view(reinterpret_cast<const char*>(section(kind).data()), section(kind).size());
  };
  return ModuleFile(std::move(file), {text(manifest), section(code), text(tokenizer), section(weights)});
}

Status write_module_file(const std::filesystem::path& path, const ModuleParts& parts, std::size_t weight_bytes,
                         const std::function<Status(std::span<std::byte> weights)>& fill, int threads) {
  // Renaming would silently replace a device or a folder's name.
  std::error_code ignored;
  if (std::filesystem::exists(path, ignored) && !std::filesystem::is_regular_file(path, ignored)) {
    return fail(ErrorKind::io, fmt::format("{} is not a regular file", path.string()), "give another name after -o");
  }
  const std::size_t sum_count = (weight_bytes + kSumBytes - 1) / kSumBytes;
  const std::array<std::size_t, kKinds> sizes = {parts.manifest.size(), parts.code.size(), parts.tokenizer.size(),
                                                 sum_count * sizeof(Hash128), weight_bytes};
  Header header;
  std::size_t at = sizeof(Header);
  for (std::size_t kind = 0; kind < kKinds; ++kind) {
    at = align_up(at, kind == weights ? kHugePageBytes : kPageBytes);
    header.entries[kind] = {.kind = kind, .offset = at, .size = sizes[kind], .hash = {}};
    at += sizes[kind];
  }
  header.file_bytes = at;

  TemporaryFile file(path);
  NNTUNE_ASSIGN(const auto bytes, file.map(at));
  const auto section = [&](std::size_t kind) {
    return bytes.subspan(header.entries[kind].offset, header.entries[kind].size);
  };
  NNTUNE_TRY(fill(section(weights)));

  const std::vector<Hash128> weight_sums = sums_of(section(weights), threads);
  const std::array<std::span<const std::byte>, weights> contents = {
      as_bytes(parts.manifest), parts.code, as_bytes(parts.tokenizer), std::as_bytes(std::span(weight_sums))};
  for (std::size_t kind = 0; kind < weights; ++kind) {
    std::ranges::copy(contents[kind], section(kind).begin());
    const std::uint64_t begin = header.entries[kind].offset;
    header.entries[kind].hash = hash128(std::span<const std::byte>(bytes).subspan(begin, end_of(header, kind) - begin));
  }
  header.hash = hash_of(header);
  std::memcpy(bytes.data(), &header, sizeof(header));
  return file.commit();
}

}  // namespace nntune::runtime
