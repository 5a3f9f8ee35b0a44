#include "compiler/runtime/team_pool.h"

namespace nntune::runtime {

std::shared_ptr<Team> TeamPool::team(int threads) {
  const std::lock_guard lock(mutex_);
  std::weak_ptr<Team>& kept = teams_[threads];
  std::shared_ptr<Team> team = kept.lock();
  if (!team) {
    team = std::make_shared<Team>(threads);
    kept = team;
  }
  return team;
}

}  // namespace nntune::runtime
