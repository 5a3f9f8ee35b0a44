/// Proves that the measuring can be believed: it must not tell twins apart, and must find 3 % of executed work.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/target.h"
#include "tuner/protocol.h"

namespace nntune::tuner {

/// Where a neighbour is busy meanwhile.
enum class Load { none, some_core, own_core };
[[nodiscard]] std::string_view to_string(Load load);

struct SelftestOptions {
  int duels = 200;  ///< of twins, and as many against the slowed kernel
  std::filesystem::path worker_binary;
  Target target;
  double budget_seconds = 540;
};

/// What is measured under one set of conditions.
struct SelftestRow {
  std::string kernel;  ///< "compute" or "memory": what bounds it
  int threads = 1;
  Load load = Load::none;
  int twins = 0;
  int told_apart = 0;
  int slowed = 0;
  int found = 0;            ///< of the slowed, found slower
  double ratio = 1;         ///< median of those of the slowed
  std::int64_t rounds = 0;  ///< kept
  std::int64_t dropped = 0;
  double seconds = 0;
};

struct SelftestReport {
  std::vector<SelftestRow> rows;
  double seconds = 0;

  [[nodiscard]] int twins() const;
  [[nodiscard]] int told_apart() const;
  [[nodiscard]] int slowed() const;
  [[nodiscard]] int found() const;
  [[nodiscard]] bool twins_fine() const;
  [[nodiscard]] bool slowed_fine() const;
};

/// Twins are told apart in no more than this.
inline constexpr double kMostTold = 0.05;
/// What is slower by kSlowedBy is found in no less than this.
inline constexpr double kLeastFound = 0.90;
inline constexpr double kSlowedBy = 0.03;

/// Duels under each set of conditions in turn, each with images that were compiled and loaded for it alone: twins are the same
/// schedule compiled twice; the slowed one is tuner/slowed.h. Kernels bound by arithmetic and by memory, with one thread on a
/// quiet machine and beside a neighbour that loads a core (any, or the very core), and with two threads on a quiet machine.
/// \param done  called after each row
[[nodiscard]] Expected<SelftestReport> selftest(const SelftestOptions& options,
                                                const std::function<void(const SelftestRow&)>& done);

}  // namespace nntune::tuner
