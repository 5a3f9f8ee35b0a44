/// How a kernel computes: one point in the schedule space of its workload.
#pragma once

#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/hash.h"
#include "base/json_fwd.h"
#include "compiler/schedule/knobs.h"

namespace nntune::schedule {

/// Knob values by name, e.g. {"mr": 6, "nv": 2, "ku": 4}.
struct Schedule {
  Knobs knobs;

  auto operator<=>(const Schedule&) const = default;
  [[nodiscard]] std::int64_t at(std::string_view knob) const { return knobs.at(knob); }
  [[nodiscard]] std::string text() const;  ///< compact JSON
  [[nodiscard]] Hash128 hash() const { return hash128(text()); }
};

/// The finite set of schedules of one workload on one target.
struct Space {
  struct Knob {
    std::string name;
    std::vector<std::int64_t> values;  ///< in an order where neighbours behave alike
  };
  std::vector<Knob> knobs;
  /// Why this combination is pointless or impossible (e.g. registers), "" if it is fine. All values are in range.
  std::function<std::string(const Schedule&)> refuse = [](const Schedule&) { return std::string(); };

  /// Number of combinations, refused ones included.
  [[nodiscard]] double size() const;
  /// Reads a schedule; unknown, missing, non-integer or out-of-range knobs and refused combinations are bad_input.
  [[nodiscard]] Expected<Schedule> read(const Json& json) const;
  [[nodiscard]] Status validate(const Schedule& schedule) const;
  /// A valid schedule drawn at random, or nothing if none was found in 200 draws.
  [[nodiscard]] Expected<Schedule> random(std::mt19937_64& rng) const;
  /// One or two knobs moved, mostly to a neighbouring value; valid.
  [[nodiscard]] Expected<Schedule> mutate(const Schedule& parent, std::mt19937_64& rng) const;
  /// Each knob from one of the two parents; valid.
  [[nodiscard]] Expected<Schedule> cross(const Schedule& a, const Schedule& b, std::mt19937_64& rng) const;
};

}  // namespace nntune::schedule
