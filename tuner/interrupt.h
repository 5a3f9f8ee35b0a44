/// Ctrl-C as a flag: the search looks at it often enough to end within two seconds.
#pragma once

#include <csignal>

namespace nntune::tuner {

/// While one lives, SIGINT, SIGTERM and SIGHUP set a flag instead of ending the process; a second one ends it at once, as
/// it would have. Nothing measured is lost even then: every result is on the disk before the next begins.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

 private:
  struct sigaction old_int_ {};
  struct sigaction old_term_ {};
  struct sigaction old_hup_ {};
};

/// True once a signal came during the life of a guard.
[[nodiscard]] bool interrupted();

}  // namespace nntune::tuner
