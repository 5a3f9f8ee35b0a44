#include "cost_model/estimate_cost.h"

#include <cmath>
#include <limits>

#include "compiler/kernels/family.h"

namespace nntune::cost_model {
namespace {

constexpr double kImpossible = std::numeric_limits<double>::infinity();

struct Estimate {
  double seconds = kImpossible;
  Expected<schedule::Schedule> schedule;
};

Estimate estimate(const schedule::Workload& workload, const Target& target) {
  auto family = kernels::find_family(workload);
  if (!family) {
    return {kImpossible, tl::unexpected<Error>(family.error())};
  }
  if (std::string reason = (*family)->refuse(workload, target.isa); !reason.empty()) {
    return {kImpossible, fail(ErrorKind::unsupported, "no kernel for " + workload.text() + ": " + reason)};
  }
  auto schedule = kernels::default_schedule(workload, target);
  if (!schedule) {
    return {kImpossible, std::move(schedule)};
  }
  const double seconds = (*family)->estimate_seconds(workload, *schedule, target);
  // An estimate that is no positive number is a bug of the family; it must not attract the extraction.
  return {std::isfinite(seconds) && seconds > 0 ? seconds : kImpossible, std::move(schedule)};
}

}  // namespace

const EstimateCostModel::Entry& EstimateCostModel::entry(const schedule::Workload& workload) const {
  Entry* found = nullptr;
  {
    const std::lock_guard lock(mutex_);
    auto& slot = entries_[workload.hash()];
    if (!slot) {
      slot = std::make_unique<Entry>();
    }
    found = slot.get();
  }
  std::call_once(found->once, [&] {
    auto [seconds, schedule] = estimate(workload, target_);
    found->seconds = seconds;
    found->schedule = std::move(schedule);
  });
  return *found;
}

extract::Cost EstimateCostModel::cost(const schedule::Workload& workload) const {
  return {entry(workload).seconds, extract::CostSource::estimated, kEstimateRelativeError};
}

Expected<schedule::Schedule> EstimateCostModel::schedule(const schedule::Workload& workload) const {
  return entry(workload).schedule;
}

}  // namespace nntune::cost_model
