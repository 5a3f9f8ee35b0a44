/// Another process that keeps a core busy, for as long as this object lives.
#pragma once

#include <sys/types.h>

#include <optional>

#include "base/error.h"

namespace nntune::tuner {

class BusyNeighbour {
 public:
  /// \param cpu  where it runs; none: where the system puts it
  [[nodiscard]] static Expected<BusyNeighbour> start(std::optional<int> cpu);
  BusyNeighbour(BusyNeighbour&& other) noexcept;
  BusyNeighbour& operator=(BusyNeighbour&& other) noexcept;
  BusyNeighbour(const BusyNeighbour&) = delete;
  BusyNeighbour& operator=(const BusyNeighbour&) = delete;
  ~BusyNeighbour();

 private:
  explicit BusyNeighbour(pid_t pid) : pid_(pid) {}
  pid_t pid_ = -1;
};

}  // namespace nntune::tuner
