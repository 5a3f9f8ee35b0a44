#include "tuner/call_clock.h"

#include <sys/resource.h>

#include <atomic>
#include <chrono>

namespace nntune::tuner {
namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

long preemptions() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nivcsw;
}

CallClock::Sample CallClock::run(const CallableKernel& kernel, std::int64_t calls, std::int64_t untimed) {
  double seconds = 0;
  std::atomic<bool> preempted = false;
  team_.run([&](int thread) {
    const runtime::KernelSequence sequence{
        .position = operands_.workload().past, .length = rows_of(operands_.workload()), .row_table = nullptr};
    runtime::KernelCall call = runtime::call_for(sequence);
    call.thread = thread;
    call.threads = team_.threads();
    call.scratch = kernel.scratch + static_cast<std::size_t>(thread) * kernel.scratch_stride;
    std::size_t copy = next_copy_;
    const auto make = [&](std::int64_t count) {
      for (std::int64_t i = 0; i < count; ++i) {
        call.operands = operands_.call(copy).data();
        kernel.function(&call);
        team_.barrier().arrive_and_wait();
        copy = copy + 1 == operands_.copies() ? 0 : copy + 1;
      }
    };
    team_.barrier().arrive_and_wait();
    make(untimed);
    const long before = preemptions();
    const Clock::time_point begin = Clock::now();
    make(calls);
    if (thread == 0) seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    if (preemptions() != before) preempted = true;
  });
  next_copy_ = (next_copy_ + static_cast<std::size_t>(calls + untimed)) % operands_.copies();
  return {seconds / static_cast<double>(calls), preempted};
}

}  // namespace nntune::tuner
