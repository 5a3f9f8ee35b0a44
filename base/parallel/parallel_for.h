/// Loops over the CPUs of this machine; TBB's threads do the work.
#pragma once

#include <cstddef>

#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#endif

namespace nntune {

namespace parallel_detail {

void run(std::size_t count, int threads, void (*call)(const void* work, std::size_t i), const void* work);

/// What was done before published() by one thread comes before what another does after observed(). TBB sees to that; Debian's
/// library is not instrumented, so ThreadSanitizer has to be told.
inline void published([[maybe_unused]] const void* work) {
#ifdef __SANITIZE_THREAD__
  __tsan_release(const_cast<void*>(work));
#endif
}
inline void observed([[maybe_unused]] const void* work) {
#ifdef __SANITIZE_THREAD__
  __tsan_acquire(const_cast<void*>(work));
#endif
}

}  // namespace parallel_detail

/// Calls work(i) for each i below `count`, several at once and in any order, and returns when all of them have. What one throws
/// is thrown here, and those that have not begun are left out.
///
/// \param threads  at most so many, the caller's among them; 0: as many as TBB has
template <class Work>
void parallel_for(std::size_t count, const Work& work, int threads = 0) {
  parallel_detail::published(&work);
  parallel_detail::run(
      count, threads,
      [](const void* erased, std::size_t i) {
        parallel_detail::observed(erased);
        (*static_cast<const Work*>(erased))(i);
        parallel_detail::published(erased);
      },
      &work);
  parallel_detail::observed(&work);
}

}  // namespace nntune
