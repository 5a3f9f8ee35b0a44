#include "compiler/dag/solver_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "compiler/dag/integer_program.h"

namespace nntune::dag {

namespace {

enum class Tag : std::uint32_t { bound, choice, end };

struct Header {
  Tag tag;
  std::uint32_t bytes;
};

void send(int pipe, Tag tag, const void* data, std::size_t bytes) {
  const Header header{tag, static_cast<std::uint32_t>(bytes)};
  std::string message(sizeof header + bytes, '\0');
  std::memcpy(message.data(), &header, sizeof header);
  if (bytes > 0) std::memcpy(message.data() + sizeof header, data, bytes);
  for (std::size_t sent = 0; sent < message.size();) {
    const ssize_t count = write(pipe, message.data() + sent, message.size() - sent);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) _exit(1);  // nobody listens any more
    sent += static_cast<std::size_t>(count);
  }
}

[[noreturn]] void child(int pipe, pid_t parent, const ExtractionInstance& instance, const Choice& start) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
  // Ctrl-C reaches the whole group; the parent decides.
  signal(SIGINT, SIG_IGN);
  signal(SIGTERM, SIG_DFL);
  signal(SIGPIPE, SIG_IGN);
  const int nowhere = open("/dev/null", O_RDWR);
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    dup2(nowhere, stream);
  }
  try {
    prove(instance, start,
          {[pipe](double bound) { send(pipe, Tag::bound, &bound, sizeof bound); },
           [pipe](const Choice& choice) { send(pipe, Tag::choice, choice.data(), choice.size() * sizeof choice[0]); }});
  } catch (...) {
    _exit(1);
  }
  send(pipe, Tag::end, nullptr, 0);
  _exit(0);  // without destructors and buffers, which are the parent's
}

/// Takes whole messages out of `data`. True at the last one.
bool take_messages(std::string& data, const ExtractionInstance& instance, ProcessResult& result) {
  std::size_t at = 0;
  bool ended = false;
  Header header{};
  while (data.size() - at >= sizeof header) {
    std::memcpy(&header, data.data() + at, sizeof header);
    if (data.size() - at - sizeof header < header.bytes) break;
    const char* const content = data.data() + at + sizeof header;
    if (header.tag == Tag::bound && header.bytes == sizeof(double)) {
      double bound = 0;
      std::memcpy(&bound, content, sizeof bound);
      result.lower_bound = std::max(result.lower_bound, bound);
    } else if (header.tag == Tag::choice && header.bytes == instance.class_count() * sizeof(std::uint32_t)) {
      result.cheaper.resize(instance.class_count());
      std::memcpy(result.cheaper.data(), content, header.bytes);
    } else {
      ended = ended || header.tag == Tag::end;
    }
    at += sizeof header + header.bytes;
  }
  data.erase(0, at);
  return ended;
}

}  // namespace

ProcessResult prove_in_process(const ExtractionInstance& instance, const Choice& start,
                               std::chrono::steady_clock::time_point deadline, const std::function<bool()>& stop) {
  ProcessResult result;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    result.trouble = fmt::format("cannot start the solver: {}", std::strerror(errno));
    return result;
  }
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) {
    close(ends[0]);
    child(ends[1], parent, instance, start);
  }
  close(ends[1]);
  bool ended = pid < 0;
  if (ended) result.trouble = fmt::format("cannot start the solver: {}", std::strerror(errno));
  std::string data;
  char buffer[1 << 16];
  while (!ended && !stop()) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    if (left <= 0) break;
    pollfd event = {ends[0], POLLIN, 0};
    constexpr long kMostWait = 20;  // ms between two looks at `stop`
    if (poll(&event, 1, static_cast<int>(std::min(left, kMostWait))) <= 0) continue;
    const ssize_t count = read(ends[0], buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      result.trouble = "the solver died; the result stands, without its proof";
      break;
    }
    data.append(buffer, static_cast<std::size_t>(count));
    ended = take_messages(data, instance, result);
  }
  close(ends[0]);
  if (pid > 0) {
    kill(pid, SIGKILL);
    while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  return result;
}

}  // namespace nntune::dag
