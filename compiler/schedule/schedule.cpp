#include "compiler/schedule/schedule.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/json.h"

namespace nntune::schedule {
namespace {

constexpr int kDraws = 200;

std::size_t draw(std::size_t count, std::mt19937_64& rng) {
  return std::uniform_int_distribution<std::size_t>(0, count - 1)(rng);
}

bool in_range(const Space::Knob& knob, std::int64_t value) {
  return std::ranges::find(knob.values, value) != knob.values.end();
}

tl::unexpected<Error> bad(std::string what) {
  return fail(ErrorKind::bad_input, std::move(what), "take a schedule from this workload's own space");
}

}  // namespace

std::string Schedule::text() const { return Json(knobs).dump(); }

double Space::size() const {
  double product = 1;
  for (const Knob& knob : knobs) product *= static_cast<double>(knob.values.size());
  return product;
}

Expected<Schedule> Space::read(const Json& json) const {
  if (!json.is_object()) return bad("a schedule must be a JSON object of integers");
  Schedule schedule;
  for (const auto& [name, value] : json.items()) {
    // Json holds integers beyond int64 as unsigned; no knob goes there.
    if (!value.is_number_integer() || (value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX)) {
      return bad(fmt::format("schedule knob \"{}\" is {}, not an integer in range", name, value.dump()));
    }
    schedule.knobs[name] = value.get<std::int64_t>();
  }
  NNTUNE_TRY(validate(schedule));
  return schedule;
}

Status Space::validate(const Schedule& schedule) const {
  for (const Knob& knob : knobs) {
    const std::int64_t* const value = schedule.knobs.find(knob.name);
    if (value == nullptr) return bad(fmt::format("schedule knob \"{}\" is missing", knob.name));
    if (!in_range(knob, *value)) {
      return bad(
          fmt::format("schedule knob \"{}\" is {}, must be one of {}", knob.name, *value, fmt::join(knob.values, ", ")));
    }
  }
  for (const auto& [name, value] : schedule.knobs) {
    if (std::ranges::find(knobs, name, &Knob::name) == knobs.end())
      return bad(fmt::format("unknown schedule knob \"{}\"", name));
  }
  const std::string why = refuse(schedule);
  if (!why.empty()) return bad(fmt::format("schedule {} is refused: {}", schedule.text(), why));
  return {};
}

Expected<Schedule> Space::random(std::mt19937_64& rng) const {
  const bool empty = std::ranges::any_of(knobs, [](const Knob& knob) { return knob.values.empty(); });
  for (int i = 0; i < kDraws && !empty; ++i) {
    Schedule schedule;
    for (const Knob& knob : knobs) schedule.knobs[knob.name] = knob.values[draw(knob.values.size(), rng)];
    if (refuse(schedule).empty()) return schedule;
  }
  return fail(ErrorKind::infeasible, fmt::format("no valid schedule among {} drawn", kDraws));
}

Expected<Schedule> Space::mutate(const Schedule& parent, std::mt19937_64& rng) const {
  std::vector<const Knob*> movable;
  for (const Knob& knob : knobs) {
    if (knob.values.size() > 1) movable.push_back(&knob);
  }
  for (int i = 0; i < kDraws && !movable.empty(); ++i) {
    Schedule child = parent;
    for (std::size_t moves = 1 + draw(2, rng); moves > 0; --moves) {
      const Knob& knob = *movable[draw(movable.size(), rng)];
      std::int64_t& value = child.knobs[knob.name];
      const auto at = static_cast<std::size_t>(std::ranges::find(knob.values, value) - knob.values.begin());
      const bool neighbour = at < knob.values.size() && draw(4, rng) != 0;
      if (!neighbour) {
        value = knob.values[draw(knob.values.size(), rng)];
      } else if (at + 1 == knob.values.size() || (at > 0 && draw(2, rng) == 0)) {
        value = knob.values[at - 1];
      } else {
        value = knob.values[at + 1];
      }
    }
    if (child != parent && validate(child)) return child;
  }
  return fail(ErrorKind::infeasible, "no valid schedule near this one");
}

Expected<Schedule> Space::cross(const Schedule& a, const Schedule& b, std::mt19937_64& rng) const {
  for (int i = 0; i < kDraws; ++i) {
    Schedule child;
    for (const Knob& knob : knobs) {
      const Schedule& parent = draw(2, rng) == 0 ? a : b;
      if (const std::int64_t* const value = parent.knobs.find(knob.name)) child.knobs[knob.name] = *value;
    }
    if (validate(child)) return child;
  }
  return fail(ErrorKind::infeasible, "these two schedules have no valid offspring");
}

}  // namespace nntune::schedule
