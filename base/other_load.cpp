#include "base/other_load.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <sstream>

#include "base/clock.h"
#include "base/file.h"
#include "base/target.h"

namespace nntune {
namespace {

double seconds_of_ticks(double ticks) { return ticks / static_cast<double>(sysconf(_SC_CLK_TCK)); }

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
}

/// Of this process, its reaped children and `children`.
double own_seconds(std::span<const pid_t> children) {
  double sum = 0;
  for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage usage{};
    getrusage(who, &usage);
    sum += seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
  }
  for (const pid_t child : children) {
    if (child > 0) sum += parse_process_seconds(read_kernel_text(fmt::format("/proc/{}/stat", child)));
  }
  return sum;
}

/// What all took of the CPUs of this process, but for itself.
double others_seconds(std::span<const pid_t> children) {
  const CpuTimes all = read_cpu_times(allowed_cpus());
  return all.busy_seconds + all.stolen_seconds - own_seconds(children);
}

}  // namespace

CpuTimes parse_cpu_times(const std::string& proc_stat, std::span<const int> cpus) {
  CpuTimes sum;
  std::istringstream lines(proc_stat);
  for (std::string line; std::getline(lines, line) && line.starts_with("cpu");) {
    std::istringstream fields(line);
    std::string name;
    double user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0;
    if (!(fields >> name >> user >> nice >> system >> idle >> iowait >> irq >> softirq >> steal)) continue;
    int cpu = -1;  // the first line, of all
    std::from_chars(name.data() + 3, name.data() + name.size(), cpu);
    const bool counts = cpus.empty() ? cpu < 0 : std::ranges::find(cpus, cpu) != cpus.end();
    if (!counts) continue;
    sum.stolen_seconds += seconds_of_ticks(steal);
    sum.busy_seconds += seconds_of_ticks(user + nice + system + irq + softirq);
  }
  return sum;
}

CpuTimes read_cpu_times(std::span<const int> cpus) { return parse_cpu_times(read_kernel_text("/proc/stat"), cpus); }

double parse_process_seconds(const std::string& proc_pid_stat) {
  // The name, in brackets, may hold anything.
  const std::size_t name_end = proc_pid_stat.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(proc_pid_stat.substr(name_end + 1));
  std::string state;
  fields >> state;
  constexpr int kFieldsBetween = 10;  // ppid to cmajflt
  double skipped = 0;
  for (int i = 0; i < kFieldsBetween; ++i) fields >> skipped;
  double user = 0, system = 0, children_user = 0, children_system = 0;
  if (!(fields >> user >> system >> children_user >> children_system)) return 0;
  return seconds_of_ticks(user + system + children_user + children_system);
}

OtherLoad::OtherLoad(std::span<const pid_t> children) : begin_(Clock::now()), others_seconds_(others_seconds(children)) {}

double OtherLoad::cores(std::span<const pid_t> children) const {
  const double seconds = seconds_since(begin_);
  if (!(seconds > 0)) return 0;
  const double rounding = seconds_of_ticks(static_cast<double>(allowed_cpus().size()));
  const double cores = (others_seconds(children) - others_seconds_ - rounding) / seconds;
  // No more digits than mean something: millions of such are stored.
  return std::round(std::clamp(cores, 0.0, static_cast<double>(allowed_cpus().size())) * 1e3) / 1e3;
}

std::string other_load_text(double load_cores, int cores) {
  return fmt::format("other processes took {:.1f} of {} core{}", load_cores, cores, cores == 1 ? "" : "s");
}

}  // namespace nntune
