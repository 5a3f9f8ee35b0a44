/// Long calls that cannot be stopped in the middle, and Ctrl-C that must end the search within two seconds all the same.
#pragma once

#include <chrono>
#include <future>
#include <memory>
#include <thread>
#include <type_traits>
#include <utility>

#include "base/error.h"
#include "tuner/interrupt.h"

namespace nntune::tuner {

/// Runs `work` (returning an Expected) on a thread of its own and waits. When interrupted meanwhile, the thread is left
/// behind and the answer is ErrorKind::interrupted: `work` must own all it uses, and the process must end soon by _exit.
template <class Work>
[[nodiscard]] auto run_interruptibly(Work work) -> std::invoke_result_t<Work&> {
  using Result = std::invoke_result_t<Work&>;
  auto task = std::make_shared<std::packaged_task<Result()>>(std::move(work));
  std::future<Result> result = task->get_future();
  std::thread([task] { (*task)(); }).detach();
  while (result.wait_for(std::chrono::milliseconds(20)) != std::future_status::ready) {
    if (interrupted()) return fail(ErrorKind::interrupted, "interrupted");
  }
  return result.get();
}

}  // namespace nntune::tuner
