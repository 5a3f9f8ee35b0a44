/// One worker: this same binary in a process of its own, so that a bad candidate kills a worker and never the search.
///
/// It dies with its parent, also on kill -9: it asks the kernel for SIGKILL at the parent's death (and checks that the parent
/// was alive when it asked), and the end of its socket ends it as well. The parent enforces time limits and the memory cap.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <string>

#include "base/error.h"
#include "base/json.h"
#include "db/records.h"
#include "tuner/protocol.h"

namespace nntune::tuner {

/// The hidden subcommand that runs worker_main().
inline constexpr const char* kWorkerCommand = "__worker";
/// A worker finds its socket here.
inline constexpr int kWorkerSocket = 3;
/// How a worker leaves that could get no more memory.
inline constexpr int kOutOfMemoryExit = 77;

/// A reply, or how the worker failed to give one; then it is dead and reaped.
struct Reply {
  Json json;
  db::Verdict verdict = db::Verdict::ok;  ///< not ok: crash, timeout, out_of_memory
  std::string detail;
};

class WorkerProcess {
 public:
  /// Starts `binary` as a worker and sets it up. io if it cannot be started.
  [[nodiscard]] static Expected<WorkerProcess> start(const std::filesystem::path& binary, const WorkerSetup& setup);
  WorkerProcess(WorkerProcess&& other) noexcept;
  WorkerProcess& operator=(WorkerProcess&& other) noexcept;
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;
  ~WorkerProcess();  ///< kills it

  /// Sends a request whose reply must come within `limit`. The worker must be idle.
  void send(const Json& request, std::chrono::milliseconds limit);
  [[nodiscard]] bool busy() const { return busy_; }
  [[nodiscard]] bool alive() const { return pid_ > 0; }
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] int socket() const { return socket_; }  ///< for poll()

  /// Looks whether the reply has come, without waiting; enforces the limits. True when `reply` was filled.
  [[nodiscard]] bool poll_reply(Reply& reply);

  void kill();

 private:
  WorkerProcess(pid_t pid, int socket, std::int64_t memory_bytes)
      : pid_(pid), socket_(socket), memory_bytes_(memory_bytes) {}
  [[nodiscard]] Reply reap(db::Verdict verdict, std::string detail);
  [[nodiscard]] Reply classify_death();

  pid_t pid_ = -1;
  int socket_ = -1;
  std::int64_t memory_bytes_ = 0;
  bool busy_ = false;
  std::chrono::milliseconds limit_{};
  std::chrono::steady_clock::time_point deadline_{};
  std::string received_;
};

/// The running executable, to start workers from.
[[nodiscard]] std::filesystem::path own_binary();

}  // namespace nntune::tuner
