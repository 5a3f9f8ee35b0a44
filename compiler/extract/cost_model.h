/// What the compiler asks about time. Implemented in cost_model/ (measured, learned, roofline); declared here, with its user.
#pragma once

#include <optional>
#include <string>

#include "compiler/schedule/schedule.h"
#include "compiler/schedule/workload.h"

namespace nntune::extract {

enum class CostSource { measured, estimated };

struct Cost {
  double seconds = 0;  ///< one call by all threads; infinity: no kernel for it on this CPU
  CostSource source = CostSource::estimated;
  double relative_error = 0;  ///< how far the true time may be off, e.g. 0.5 for an estimate
};

class CostModel {
 public:
  virtual ~CostModel() = default;
  /// Thread-safe; the same answer for the same workload while the model lives.
  [[nodiscard]] virtual Cost cost(const schedule::Workload& workload) const = 0;
  /// The schedule behind that cost: the best measured, else the default one.
  [[nodiscard]] virtual Expected<schedule::Schedule> schedule(const schedule::Workload& workload) const = 0;
};

}  // namespace nntune::extract
