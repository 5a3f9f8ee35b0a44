/// Proves how cheap an extraction can be, by linear and integer programs.
#pragma once

#include <functional>

#include "compiler/dag/evaluate.h"

namespace nntune::dag {

struct ProgramListener {
  std::function<void(double)> bound;           ///< no extraction costs less
  std::function<void(const Choice&)> cheaper;  ///< than all before; acyclic, within the capacity
};

/// Runs until the optimum is proved (its cost is then the last bound) or until it does not know how to go on. It cannot be stopped
/// and may use any amount of memory: see run_in_process().
///
/// Rounds of: reduce; solve the linear relaxation, with inequalities where it breaks them; take out nodes that cannot be part of
/// a cheaper extraction by their reduced costs; follow the solution to a choice. When nothing changes any more, branch and cut by
/// CBC; should its solution be cyclic, the inequalities that it breaks join and it starts again.
/// \param instance  from drop_useless()
/// \param start     the cheapest choice known, or one that is incomplete or does not fit
void prove(const ExtractionInstance& instance, const Choice& start, const ProgramListener& listener);

}  // namespace nntune::dag
