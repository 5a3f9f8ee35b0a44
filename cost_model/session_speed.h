/// How fast the machine was in each session, told from what was timed in several of them.
///
/// Times of one session are comparable, because all took turns in one program. Between sessions the machine changes: a
/// neighbour, another process, another mode of the memory. A kernel that was timed again on a slow day must not lose to one
/// that was timed on a fast day only.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <utility>

#include "db/query.h"

namespace nntune::cost_model {

class SessionSpeeds {
 public:
  /// Medians of the schedules that sessions have in common: log(time) = schedule + session, sessions placed one after the
  /// other from the newest backwards, each by the median over what it shares with those placed before (kLeastShared at least,
  /// else 1). Each counts with its time: what a small kernel takes in its place depends on its neighbours, which differ from
  /// program to program.
  /// \param timings  oldest first
  explicit SessionSpeeds(std::span<const db::ProgramTiming> timings);
  SessionSpeeds() = default;

  /// What a time of that session is multiplied with to be one of the newest session. Decode, which memory bounds, and prefill,
  /// which arithmetic bounds, slow down apart.
  [[nodiscard]] double to_newest(std::int64_t session_id, bool one_row) const;

  static constexpr std::size_t kLeastShared = 3;

 private:
  std::map<std::pair<std::int64_t, bool>, double> factors_;
};

}  // namespace nntune::cost_model
