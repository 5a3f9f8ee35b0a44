#include "tuner/environment.h"

#include <chrono>
#include <cmath>
#include <fstream>
#include <optional>
#include <sstream>

#include "base/file.h"
#include "base/huge_page_mode.h"
#include "base/json.h"

namespace nntune::tuner {
namespace {

double now_seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// The first number behind `key` at the beginning of a line.
std::optional<double> number_after(const std::string& text, const std::string& key) {
  std::size_t at = text.rfind(key, 0) == 0 ? 0 : text.find("\n" + key);
  if (at == std::string::npos) return std::nullopt;
  at = text.find_first_of("0123456789", at + key.size());
  if (at == std::string::npos) return std::nullopt;
  std::istringstream rest(text.substr(at, 40));
  double value = 0;
  return rest >> value ? std::optional(value) : std::nullopt;
}

std::optional<double> cpu_mhz() {
  // The frequency of the moment where the system scales it; virtual machines show what they were promised.
  if (const auto khz = number_after(read_kernel_text("/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq"), "")) {
    return *khz / 1e3;
  }
  // Line by line: the kernel makes the text as it is read, and many CPUs take it milliseconds.
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (const auto mhz = number_after(line, "cpu MHz")) return mhz;
  }
  return std::nullopt;
}

}  // namespace

Json environment_now() {
  Json json = Json::object();
  if (const auto mode = huge_page_mode(); !mode.empty()) json["huge_pages"] = mode;
  if (const auto kilobytes = number_after(read_kernel_text("/proc/self/smaps_rollup"), "AnonHugePages:")) {
    json["huge_page_bytes"] = static_cast<std::int64_t>(*kilobytes) << 10;
  }
  if (const auto mhz = cpu_mhz()) json["cpu_mhz"] = *mhz;
  if (const auto load = number_after(read_kernel_text("/proc/loadavg"), "")) json["load_average"] = *load;
  return json;
}

EnvironmentWatch::EnvironmentWatch() : begin_(read_cpu_times()), begin_seconds_(now_seconds()) {}

Json EnvironmentWatch::so_far() const {
  Json json = environment_now();
  const CpuTimes end = read_cpu_times();
  // Millions of such are stored: no more digits than mean something.
  const auto rounded = [](double seconds) { return std::round(seconds * 1e4) / 1e4; };
  json["steal_seconds"] = rounded(end.stolen_seconds - begin_.stolen_seconds);
  json["busy_seconds"] = rounded(end.busy_seconds - begin_.busy_seconds);
  json["seconds"] = rounded(now_seconds() - begin_seconds_);
  return json;
}

}  // namespace nntune::tuner
