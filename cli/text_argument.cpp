#include "cli/text_argument.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace nntune::cli {
namespace {

/// Reads on to the end. \param name  for errors
Expected<std::string> read_all(int fd, const std::string& name, std::size_t most_bytes) {
  std::string text;
  std::array<char, 1 << 16> block;
  while (true) {
    const ssize_t bytes = ::read(fd, block.data(), block.size());
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0) {
      return fail(ErrorKind::io, fmt::format("cannot read {}: {}", name, std::strerror(errno)), "name a file with the text");
    }
    if (bytes == 0) return text;
    text.append(block.data(), static_cast<std::size_t>(bytes));
    if (text.size() > most_bytes) {
      return fail(ErrorKind::bad_input, fmt::format("{} has more than {} bytes", name, most_bytes),
                  "give it in smaller parts");
    }
  }
}

}  // namespace

Expected<std::string> read_text_argument(const std::string& given, std::size_t most_bytes) {
  if (given == "-") return read_all(STDIN_FILENO, "standard input", most_bytes);
  if (!given.starts_with('@')) return given;
  const std::string path = given.substr(1);
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return fail(
        ErrorKind::io, fmt::format("cannot open {}: {}", path, std::strerror(errno)),
        "@ stands before the name of a file; a text that begins with @ itself can be given on standard input, with -");
  }
  auto text = read_all(fd, path, most_bytes);
  ::close(fd);
  return text;
}

}  // namespace nntune::cli
