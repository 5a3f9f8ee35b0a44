#include "cli/npy.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <cstring>

namespace nntune::cli {
namespace {

constexpr std::size_t kHeaderBytes = 128;

}  // namespace

std::string npy_header(std::int64_t rows, std::int64_t columns) {
  std::string text = fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", rows, columns);
  constexpr std::size_t kPrefixBytes = 10;  // magic, version, length of the text
  text.resize(kHeaderBytes - kPrefixBytes - 1, ' ');
  text += '\n';
  std::string header = "\x93NUMPY";
  header += '\x01';
  header += '\0';
  header += static_cast<char>(text.size());
  header += '\0';
  return header + text;
}

Expected<NpyWriter> NpyWriter::create(const std::filesystem::path& path, std::int64_t columns) {
  std::error_code ignored;
  if (std::filesystem::exists(path, ignored) && !std::filesystem::is_regular_file(path, ignored)) {
    return fail(ErrorKind::io, fmt::format("{} is not a regular file", path.string()), "give another name");
  }
  NpyWriter writer(path, path.string() + fmt::format(".tmp{}", ::getpid()), columns);
  writer.file_.reset(std::fopen(writer.temporary_.c_str(), "wb"));
  const std::string header = npy_header(0, columns);
  if (!writer.file_ || std::fwrite(header.data(), 1, header.size(), writer.file_.get()) != header.size())
    return writer.failed();
  return writer;
}

NpyWriter::~NpyWriter() {
  if (!file_) return;
  file_.reset();
  std::error_code ignored;
  std::filesystem::remove(temporary_, ignored);
}

tl::unexpected<Error> NpyWriter::failed() const {
  return fail(ErrorKind::io, fmt::format("cannot write {}: {}", path_.string(), std::strerror(errno)),
              "check the folder, its permissions and the free space");
}

Status NpyWriter::append(std::span<const float> row) {
  assert(static_cast<std::int64_t>(row.size()) == columns_);
  if (std::fwrite(row.data(), sizeof(float), row.size(), file_.get()) != row.size()) return failed();
  ++rows_;
  return {};
}

Status NpyWriter::finish() {
  const std::string header = npy_header(rows_, columns_);
  if (std::fseek(file_.get(), 0, SEEK_SET) != 0 ||
      std::fwrite(header.data(), 1, header.size(), file_.get()) != header.size() || std::fflush(file_.get()) != 0 ||
      std::rename(temporary_.c_str(), path_.c_str()) != 0) {
    return failed();
  }
  file_.reset();
  return {};
}

}  // namespace nntune::cli
