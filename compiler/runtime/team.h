/// A persistent team of threads: created once, woken for each run, pinned while they work.
#pragma once

#include <thread>
#include <type_traits>
#include <vector>

#include "base/barrier.h"
#include "compiler/runtime/turns.h"

namespace nntune::runtime {

/// Thread 0 is the caller of run(); the others are the team's own. Each is pinned to one of allowed_cpus() if there are
/// enough of them: the own ones for good, the caller during run() only, so that threads it creates later (TBB's) do not
/// inherit its single CPU. One run at a time: callers that share a team hold turns() meanwhile.
class Team {
 public:
  /// Throws std::system_error if the system refuses so many threads.
  explicit Team(int threads);
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  [[nodiscard]] int threads() const { return barrier_.threads(); }

  /// Calls work(thread) on every thread, 0 <= thread < threads(); returns when all have returned. It must not throw.
  template <class Work>
  void run(Work&& work) {
    using Plain = std::remove_reference_t<Work>;
    run_erased([](void* context, int thread) { (*static_cast<Plain*>(context))(thread); },
               const_cast<void*>(static_cast<const void*>(&work)));
  }

  /// Who holds it may run; given away in the order in which it was asked for.
  [[nodiscard]] Turns& turns() { return turns_; }

  /// For use inside work, by every thread of the team.
  [[nodiscard]] Barrier& barrier() { return barrier_; }

 private:
  using ErasedWork = void (*)(void* context, int thread);

  void run_erased(ErasedWork work, void* context);
  void serve(int thread);
  void stop();

  const bool pinned_;
  const std::uint64_t spin_ticks_;
  std::vector<int> cpus_;
  Turns turns_;
  Barrier barrier_;
  Epoch posted_;
  // Written before posted_.advance(), read after the wait: the epoch orders them.
  ErasedWork work_ = nullptr;
  void* context_ = nullptr;
  bool stop_ = false;
  std::vector<std::jthread> members_;
};

}  // namespace nntune::runtime
