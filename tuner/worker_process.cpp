#include "tuner/worker_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <utility>

extern char** environ;  // POSIX leaves its declaration to the program

namespace nntune::tuner {
namespace {

using Clock = std::chrono::steady_clock;

/// Resident bytes of a process, 0 if it is gone.
std::int64_t resident_bytes(pid_t pid) {
  std::FILE* file = std::fopen(fmt::format("/proc/{}/statm", pid).c_str(), "re");
  if (file == nullptr) return 0;
  long long size = 0;
  long long resident = 0;
  const int fields = std::fscanf(file, "%lld %lld", &size, &resident);
  std::fclose(file);
  return fields == 2 ? resident * sysconf(_SC_PAGESIZE) : 0;
}

std::string describe_signal(int number) {
  const char* abbreviation = sigabbrev_np(number);
  return abbreviation == nullptr ? fmt::format("signal {}", number) : fmt::format("SIG{}", abbreviation);
}

}  // namespace

std::filesystem::path own_binary() { return "/proc/self/exe"; }

Expected<WorkerProcess> WorkerProcess::start(const std::filesystem::path& binary, const WorkerSetup& setup) {
  int sockets[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) {
    return fail(ErrorKind::io, fmt::format("cannot make a socket pair: {}", std::strerror(errno)));
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  // What a dying worker prints would tear up the live table; NNTUNE_WORKER_STDERR shows it.
  if (std::getenv("NNTUNE_WORKER_STDERR") == nullptr) {
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  }
  posix_spawn_file_actions_adddup2(&actions, sockets[1], kWorkerSocket);

  const std::string path = binary.string();
  const std::string parent = std::to_string(getpid());
  std::string name = "nntune";
  std::string command = kWorkerCommand;
  std::string parent_argument = parent;
  char* const arguments[] = {name.data(), command.data(), parent_argument.data(), nullptr};
  pid_t pid = -1;
  const int error = posix_spawn(&pid, path.c_str(), &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  close(sockets[1]);
  if (error != 0) {
    close(sockets[0]);
    return fail(ErrorKind::io, fmt::format("cannot start a worker from {}: {}", path, std::strerror(error)));
  }
  fcntl(sockets[0], F_SETFL, O_NONBLOCK);
  WorkerProcess worker(pid, sockets[0], setup.memory_bytes);
  // The setup has no reply: what is wrong with it shows at the first request.
  worker.send(setup.to_json(), std::chrono::seconds(30));
  worker.busy_ = false;
  return worker;
}

WorkerProcess::WorkerProcess(WorkerProcess&& other) noexcept { *this = std::move(other); }

WorkerProcess& WorkerProcess::operator=(WorkerProcess&& other) noexcept {
  if (this != &other) {
    kill();
    pid_ = std::exchange(other.pid_, -1);
    socket_ = std::exchange(other.socket_, -1);
    memory_bytes_ = other.memory_bytes_;
    busy_ = std::exchange(other.busy_, false);
    limit_ = other.limit_;
    deadline_ = other.deadline_;
    received_ = std::move(other.received_);
  }
  return *this;
}

WorkerProcess::~WorkerProcess() { kill(); }

void WorkerProcess::kill() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  if (socket_ >= 0) {
    close(socket_);
    socket_ = -1;
  }
  busy_ = false;
}

void WorkerProcess::send(const Json& request, std::chrono::milliseconds limit) {
  const std::string line = request.dump() + "\n";
  std::size_t sent = 0;
  while (sent < line.size()) {
    const ssize_t count = ::send(socket_, line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
    if (count > 0) {
      sent += static_cast<std::size_t>(count);
    } else if (errno == EAGAIN) {
      usleep(100);  // the worker is idle, so it is reading
    } else if (errno != EINTR) {
      break;  // it died; poll_reply() will tell how
    }
  }
  busy_ = true;
  limit_ = limit;
  deadline_ = Clock::now() + limit;
  received_.clear();
}

Reply WorkerProcess::reap(db::Verdict verdict, std::string detail) {
  kill();
  return {{}, verdict, std::move(detail)};
}

Reply WorkerProcess::classify_death() {
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  if (WIFEXITED(status) && WEXITSTATUS(status) == kOutOfMemoryExit) {
    return reap(db::Verdict::out_of_memory, fmt::format("more than {} MB", memory_bytes_ >> 20));
  }
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
    return reap(db::Verdict::out_of_memory, "killed by the system");  // only its memory killer does that
  }
  return reap(db::Verdict::crash,
              WIFSIGNALED(status) ? describe_signal(WTERMSIG(status)) : fmt::format("exit code {}", WEXITSTATUS(status)));
}

bool WorkerProcess::poll_reply(Reply& reply) {
  char buffer[65536];
  while (true) {
    const ssize_t count = read(socket_, buffer, sizeof buffer);
    if (count > 0) {
      received_.append(buffer, static_cast<std::size_t>(count));
      if (received_.back() != '\n') continue;
      busy_ = false;
      auto json = parse_json(received_, "the worker's reply");
      reply = json ? Reply{std::move(*json), db::Verdict::ok, {}} : reap(db::Verdict::crash, json.error().message());
      return true;
    }
    if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
      reply = classify_death();
      return true;
    }
    if (errno == EAGAIN) break;
  }
  if (resident_bytes(pid_) > memory_bytes_) {
    reply = reap(db::Verdict::out_of_memory, fmt::format("more than {} MB", memory_bytes_ >> 20));
    return true;
  }
  if (Clock::now() > deadline_) {
    reply = reap(db::Verdict::timeout, fmt::format("no result after {} ms", limit_.count()));
    return true;
  }
  return false;
}

}  // namespace nntune::tuner
