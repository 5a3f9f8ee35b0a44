/// Measures again what a row of the database says, in a worker of its own.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/target.h"
#include "db/records.h"

namespace nntune::tuner {

struct Replay {
  db::Verdict verdict = db::Verdict::ok;
  std::string detail;             ///< of a verdict that is not ok
  std::optional<Hash128> object;  ///< of the machine code made now
  std::vector<double> samples_ns;
  double max_error = db::Measurement::kUnknown;
  bool same_inputs = true;  ///< false: another version drew other random inputs from the workload
};

/// The same workload, schedule, inputs, threads and cores in a fresh process: compiled, checked, timed. A crash there is a
/// verdict here, and so is a schedule that is no longer in the space. bad_input if the workload cannot be read.
[[nodiscard]] Expected<Replay> replay(const db::Measurement& row, const Target& target,
                                      const std::filesystem::path& worker_binary);

}  // namespace nntune::tuner
