#include "tuner/neighbour.h"

#include <fmt/format.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

namespace nntune::tuner {

Expected<BusyNeighbour> BusyNeighbour::start(std::optional<int> cpu) {
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) return fail(ErrorKind::io, fmt::format("cannot start a process: {}", std::strerror(errno)));
  if (pid == 0) {
    // System calls only: the parent may have had threads.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(0);
    if (cpu) {
      cpu_set_t set;
      CPU_ZERO(&set);
      CPU_SET(static_cast<std::size_t>(*cpu), &set);
      sched_setaffinity(0, sizeof set, &set);
    }
    while (true) asm volatile("");  // not pause: a hypervisor may take the core away from one that seems to wait
  }
  return BusyNeighbour(pid);
}

BusyNeighbour::BusyNeighbour(BusyNeighbour&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}

BusyNeighbour& BusyNeighbour::operator=(BusyNeighbour&& other) noexcept {
  std::swap(pid_, other.pid_);
  return *this;
}

BusyNeighbour::~BusyNeighbour() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

}  // namespace nntune::tuner
