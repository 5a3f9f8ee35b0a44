/// A few workers: compile and check on all of them at once, time on one while the others wait.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <span>
#include <vector>

#include "base/error.h"
#include "tuner/protocol.h"
#include "tuner/worker_process.h"

namespace nntune::tuner {

/// A folder of this process under the system's temporary folder, removed at the end; those of dead processes are removed at
/// the beginning.
class SharedFolder {
 public:
  [[nodiscard]] static Expected<SharedFolder> create();
  SharedFolder(SharedFolder&& other) noexcept { path_.swap(other.path_); }
  SharedFolder& operator=(SharedFolder&& other) noexcept {
    path_.swap(other.path_);
    return *this;
  }
  ~SharedFolder();
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  explicit SharedFolder(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

class WorkerPool {
 public:
  /// \param memory_bytes  a worker's cap; 0: its share of half the available memory, at least 1 GB
  [[nodiscard]] static Expected<WorkerPool> start(const std::filesystem::path& binary, const Target& target, int workers,
                                                  std::int64_t memory_bytes = 0);

  /// Compiles, loads and checks each candidate, one worker a core. A worker that dies or exceeds `limit` gives its candidate
  /// a verdict and is replaced. Errors: interrupted; io when workers cannot be started.
  [[nodiscard]] Expected<std::vector<Prepared>> prepare(std::span<const Candidate> candidates,
                                                        std::chrono::milliseconds limit);

  /// Times one prepared candidate while nothing else of ours runs. infeasible if its worker was replaced meanwhile, so
  /// that it must be prepared again.
  [[nodiscard]] Expected<Timed> time(const Prepared& prepared, const TimingRequest& request,
                                     std::chrono::milliseconds limit);

  /// Prepares all in one worker, so that their machine code is in memory side by side for a duel. What crashes gets its verdict,
  /// and what was ready before it is prepared again.
  [[nodiscard]] Expected<std::vector<Prepared>> prepare_together(std::span<const Candidate> candidates,
                                                                 std::chrono::milliseconds limit);

  /// Lets candidates that were prepared together take turns while nothing else of ours runs. infeasible as for time().
  [[nodiscard]] Expected<DuelResult> duel(std::span<const Prepared> candidates, const DuelRequest& request,
                                          std::chrono::milliseconds limit);

  /// Computes the reference outputs of workloads, in parallel. One result each: what failed cannot be tuned.
  [[nodiscard]] Expected<std::vector<Status>> compute_references(std::span<const schedule::Workload> workloads,
                                                                 std::chrono::milliseconds limit);

  [[nodiscard]] std::size_t size() const { return slots_.size(); }
  [[nodiscard]] pid_t pid(std::size_t worker) const { return slots_[worker].process ? slots_[worker].process->pid() : -1; }
  /// Of those that live; they work for this process (OtherLoad).
  [[nodiscard]] std::vector<pid_t> pids() const;
  [[nodiscard]] int replaced() const { return replaced_; }  ///< workers that died or were killed

 private:
  struct Slot {
    std::optional<WorkerProcess> process;
    std::uint64_t generation = 0;
  };
  struct Answer {
    Reply reply;
    std::size_t worker = 0;
    std::uint64_t generation = 0;
  };

  WorkerPool(std::filesystem::path binary, WorkerSetup setup, SharedFolder folder, std::size_t workers)
      : binary_(std::move(binary)), setup_(std::move(setup)), folder_(std::move(folder)), slots_(workers) {}
  [[nodiscard]] Status ensure_alive(Slot& slot);
  /// Hands the requests to idle workers until each has an answer.
  [[nodiscard]] Expected<std::vector<Answer>> run(std::span<const Json> requests, std::chrono::milliseconds limit);
  void wait_for_any() const;
  [[nodiscard]] Expected<Prepared> prepare_in(std::size_t worker, const Candidate& candidate,
                                              std::chrono::milliseconds limit);
  /// The reply to one request, while all other workers wait.
  [[nodiscard]] Expected<Reply> ask(Slot& slot, const Json& request, std::chrono::milliseconds limit);
  [[nodiscard]] bool is_there(const Prepared& prepared) const;

  std::filesystem::path binary_;
  WorkerSetup setup_;
  SharedFolder folder_;
  std::vector<Slot> slots_;
  std::uint64_t next_handle_ = 1;
  int replaced_ = 0;
};

}  // namespace nntune::tuner
