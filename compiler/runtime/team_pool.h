/// Teams of threads for sessions that run beside each other.
#pragma once

#include <map>
#include <memory>
#include <mutex>

#include "compiler/runtime/team.h"

namespace nntune::runtime {

/// Gives one team for each number of threads, so that two sessions that run at once take turns on the cores instead of
/// pinning two teams to the same ones. For use by several threads.
class TeamPool {
 public:
  /// The team of `threads` threads; it lives as long as someone holds it. Throws what Team does.
  [[nodiscard]] std::shared_ptr<Team> team(int threads);

 private:
  std::mutex mutex_;
  std::map<int, std::weak_ptr<Team>> teams_;
};

}  // namespace nntune::runtime
