#include "cost_model/session_speed.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/statistics.h"
#include "compiler/schedule/workload.h"

namespace nntune::cost_model {
namespace {

using Candidate = std::pair<std::string, Hash128>;  // workload and schedule
using Times = std::map<Candidate, double>;          // ns

/// The sessions of one kind of phase, newest last.
struct History {
  std::vector<std::int64_t> order;
  std::map<std::int64_t, Times> sessions;

  void add(const db::ProgramTiming& timing) {
    std::erase(order, timing.session_id);
    order.push_back(timing.session_id);
    sessions[timing.session_id][{timing.workload, timing.schedule_hash}] = timing.median_ns;
  }
};

}  // namespace

SessionSpeeds::SessionSpeeds(std::span<const db::ProgramTiming> timings) {
  std::map<bool, History> histories;
  for (const db::ProgramTiming& timing : timings) {
    const auto workload = schedule::Workload::parse(timing.workload);
    if (workload && timing.median_ns > 0) histories[workload->one_row()].add(timing);
  }
  for (const auto& [one_row, history] : histories) {
    Times known;  // as in the newest session
    for (auto session = history.order.rbegin(); session != history.order.rend(); ++session) {
      const Times& times = history.sessions.at(*session);
      std::vector<std::pair<double, double>> ratios;
      for (const auto& [candidate, ns] : times) {
        if (const auto found = known.find(candidate); found != known.end()) ratios.emplace_back(found->second / ns, ns);
      }
      const double factor = ratios.size() < kLeastShared ? 1 : weighted_median(std::move(ratios));
      factors_[{*session, one_row}] = factor;
      for (const auto& [candidate, ns] : times) known.try_emplace(candidate, ns * factor);
    }
  }
}

double SessionSpeeds::to_newest(std::int64_t session_id, bool one_row) const {
  const auto found = factors_.find({session_id, one_row});
  return found == factors_.end() ? 1 : found->second;
}

}  // namespace nntune::cost_model
