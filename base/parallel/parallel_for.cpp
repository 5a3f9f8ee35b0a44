#include "base/parallel/parallel_for.h"

#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

namespace nntune::parallel_detail {

void run(std::size_t count, int threads, void (*call)(const void* work, std::size_t i), const void* work) {
  const auto loop = [&] { oneapi::tbb::parallel_for(std::size_t{0}, count, [&](std::size_t i) { call(work, i); }); };
  if (threads == 0) {
    loop();
  } else {
    oneapi::tbb::task_arena(threads).execute(loop);
  }
}

}  // namespace nntune::parallel_detail
