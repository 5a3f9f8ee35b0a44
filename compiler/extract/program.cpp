#include "compiler/extract/program.h"

namespace nntune::extract {

double PhaseProgram::seconds() const {
  double result = 0;
  for (const SectionProgram& section : sections) {
    for (const KernelStep& step : section.steps) {
      result += step.cost.seconds * static_cast<double>(section.repeat);
    }
  }
  return result;
}

}  // namespace nntune::extract
