#include "compiler/runtime/team.h"

#include <pthread.h>

#include <cassert>
#include <optional>

#include "base/target.h"

namespace nntune::runtime {
namespace {

void pin_this_thread(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(cpu), &set);
  // May fail if the allowed CPUs have just changed; then the thread runs where the system lets it.
  ::pthread_setaffinity_np(::pthread_self(), sizeof(set), &set);
}

/// Pins the calling thread and gives it back its CPUs at the end.
class PinnedHere {
 public:
  explicit PinnedHere(int cpu) {
    valid_ = ::pthread_getaffinity_np(::pthread_self(), sizeof(before_), &before_) == 0;
    if (valid_) pin_this_thread(cpu);
  }
  ~PinnedHere() {
    if (valid_) ::pthread_setaffinity_np(::pthread_self(), sizeof(before_), &before_);
  }
  PinnedHere(const PinnedHere&) = delete;
  PinnedHere& operator=(const PinnedHere&) = delete;

 private:
  cpu_set_t before_{};
  bool valid_ = false;
};

bool enough_cpus(int threads) { return static_cast<std::size_t>(threads) <= allowed_cpus().size(); }

}  // namespace

Team::Team(int threads)
    : pinned_(enough_cpus(threads)),
      spin_ticks_(pinned_ ? kSpinTicks : 0),
      cpus_(allowed_cpus()),
      barrier_(threads, spin_ticks_) {
  assert(threads >= 1);
  members_.reserve(static_cast<std::size_t>(threads - 1));
  try {
    for (int thread = 1; thread < threads; ++thread) {
      members_.emplace_back([this, thread] { serve(thread); });
    }
  } catch (...) {
    stop();  // or those that did start would wait for work forever
    throw;
  }
}

Team::~Team() { stop(); }

void Team::stop() {
  stop_ = true;
  posted_.advance();
  // members_ join in their destructors, before the barrier and the epoch go.
  members_.clear();
}

void Team::serve(int thread) {
  if (pinned_) pin_this_thread(cpus_[static_cast<std::size_t>(thread)]);
  // Counted, not read: a run posted before this thread got here must not be missed.
  for (std::uint32_t seen = 0;; ++seen) {
    posted_.wait_past(seen, spin_ticks_);
    if (stop_) return;
    work_(context_, thread);
    barrier_.arrive_and_wait();
  }
}

void Team::run_erased(ErasedWork work, void* context) {
  std::optional<PinnedHere> pinned;
  if (pinned_) pinned.emplace(cpus_.front());
  work_ = work;
  context_ = context;
  if (!members_.empty()) posted_.advance();
  work(context, 0);
  barrier_.arrive_and_wait();
}

}  // namespace nntune::runtime
