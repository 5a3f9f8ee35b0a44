/// The other side of worker_process.h: what runs in a worker.
#pragma once

#include <sys/types.h>

namespace nntune::tuner {

/// Serves requests on kWorkerSocket until it is closed. `parent` started it; without that parent it ends at once.
/// \return the exit code
int worker_main(pid_t parent);

}  // namespace nntune::tuner
