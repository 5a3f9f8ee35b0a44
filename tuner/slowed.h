/// A kernel made slower by a known fraction, to test the measuring with.
#pragma once

#include "compiler/codegen/object.h"

namespace nntune::tuner {

/// The same kernel behind a few instructions that call it and then go on executing (reading the time stamp counter in a loop)
/// for `fraction` of the time that this very call took, on each thread. So the difference is what is asked for in every mode
/// of the machine, and nothing has to be calibrated.
/// \param fraction  0 to 100
[[nodiscard]] codegen::ObjectCode slowed(const codegen::ObjectCode& kernel, double fraction);

}  // namespace nntune::tuner
