#include "base/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <utility>

namespace nntune {
namespace {

tl::unexpected<Error> system_error(std::string_view doing, const std::filesystem::path& path, std::string_view hint) {
  return fail(ErrorKind::io, fmt::format("cannot {} {}: {}", doing, path.string(), std::strerror(errno)), std::string(hint));
}

std::filesystem::path temporary_of(const std::filesystem::path& path) {
  return path.string() + fmt::format(".tmp{}", ::getpid());
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace

Expected<std::string> read_file(const std::filesystem::path& path) {
  NNTUNE_ASSIGN(const MappedFile file, MappedFile::open(path));
  const auto bytes = file.bytes();
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

std::string read_kernel_text(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

Status check_writable(const std::filesystem::path& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    return fail(ErrorKind::io, fmt::format("cannot write {}: it is a folder", path.string()), "name a file");
  }
  const std::filesystem::path temporary = temporary_of(path);
  const Descriptor fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (fd.get() < 0) return system_error("create", temporary, "check the folder and its permissions");
  ::unlink(temporary.c_str());
  return {};
}

Status write_file_atomically(const std::filesystem::path& path, std::string_view content) {
  const std::filesystem::path temporary = temporary_of(path);
  {
    const Descriptor fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (fd.get() < 0) return system_error("create", temporary, "check the folder and its permissions");
    while (!content.empty()) {
      const ssize_t written = ::write(fd.get(), content.data(), content.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) {
        auto error = system_error("write", temporary, "free some space or choose another folder");
        ::unlink(temporary.c_str());
        return error;
      }
      content.remove_prefix(static_cast<std::size_t>(written));
    }
    if (::fsync(fd.get()) != 0) {
      auto error = system_error("write", temporary, "free some space or choose another folder");
      ::unlink(temporary.c_str());
      return error;
    }
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    auto error = system_error("write", path, "check the folder and its permissions");
    ::unlink(temporary.c_str());
    return error;
  }
  return {};
}

Expected<MappedFile> MappedFile::open(const std::filesystem::path& path, std::size_t alignment) {
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return system_error("open", path, "check the path and its permissions");
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return system_error("read", path, "check the path and its permissions");
  if (!S_ISREG(info.st_mode))
    return fail(ErrorKind::io, fmt::format("{} is not a regular file", path.string()), "give a file");
  const auto size = static_cast<std::size_t>(info.st_size);
  if (size == 0) return MappedFile(nullptr, 0);
  // Addresses first: enough of them to cut an aligned range out of.
  constexpr std::size_t kPage = 4096;
  const std::size_t pages = (size + kPage - 1) / kPage * kPage;
  const std::size_t reserved = pages + alignment - kPage;
  void* const raw = ::mmap(nullptr, reserved, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (raw == MAP_FAILED) return system_error("map", path, "free some memory");
  auto* const begin = static_cast<std::byte*>(raw);
  std::byte* const aligned = begin + (alignment - reinterpret_cast<std::uintptr_t>(raw) % alignment) % alignment;
  std::byte* const end = aligned + pages;
  if (aligned > begin) ::munmap(begin, static_cast<std::size_t>(aligned - begin));
  if (begin + reserved > end) ::munmap(end, static_cast<std::size_t>(begin + reserved - end));
  void* const data = ::mmap(aligned, size, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd.get(), 0);
  if (data == MAP_FAILED) {
    auto error = system_error("map", path, "free some memory");
    ::munmap(aligned, pages);
    return error;
  }
  return MappedFile(static_cast<const std::byte*>(data), size);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

}  // namespace nntune
