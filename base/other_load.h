/// How much of this machine other processes took while something was measured: times taken meanwhile flatter nobody.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <span>
#include <string>

namespace nntune {

/// From so many cores' worth of time on users are told: it moves a time by more than most tuning wins.
inline constexpr double kToldLoadCores = 0.1;

/// CPU time since boot in seconds; 0 where it cannot be read.
struct CpuTimes {
  double stolen_seconds = 0;  ///< the host ran others while we wanted to
  double busy_seconds = 0;    ///< of all processes, and of the kernel for them
};
/// Reads a text in the form of /proc/stat; of `cpus` together, or of all where none are named.
[[nodiscard]] CpuTimes parse_cpu_times(const std::string& proc_stat, std::span<const int> cpus = {});
/// Of this machine.
[[nodiscard]] CpuTimes read_cpu_times(std::span<const int> cpus = {});

/// Seconds that a process and its reaped children computed, from a text in the form of /proc/<pid>/stat; 0 if it is none.
[[nodiscard]] double parse_process_seconds(const std::string& proc_pid_stat);

/// Watches from its construction on. Only the CPUs that this process may use count (allowed_cpus()), and only what is visible: in
/// a container the times of the host's CPUs, so that neighbours count, and with them what the host stole. The kernel counts
/// in ticks, mostly of 10 ms: one for each CPU may be rounding and does not count, so that a short watch tells of no load that
/// is none.
class OtherLoad {
 public:
  /// \param children  living ones that work for this process; those that were reaped are known
  explicit OtherLoad(std::span<const pid_t> children = {});

  /// Cores' worth of time that others took on average since then, at least 0; 0 where it cannot be read.
  [[nodiscard]] double cores(std::span<const pid_t> children = {}) const;

 private:
  std::chrono::steady_clock::time_point begin_;
  double others_seconds_ = 0;
};

/// "other processes took 0.9 of 2 cores".
[[nodiscard]] std::string other_load_text(double load_cores, int cores);

}  // namespace nntune
