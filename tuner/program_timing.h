/// Times kernels where they run in the end: in their places in whole programs, several schedules of each in turn.
///
/// Alone in a worker a kernel finds other caches, pages and neighbours than in its program, and the machine drifts between
/// two workloads. Here all meet the same conditions within milliseconds, since each layer of a program may take another
/// variant of each kernel; and the times of a program's steps add up to its time.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "compiler/runtime/kernel_abi.h"
#include "compiler/runtime/step_clock.h"
#include "tuner/end_to_end.h"

namespace nntune::tuner {

class ProgramTiming {
 public:
  struct Variants {
    std::vector<runtime::KernelFn> kernels;  ///< checked, of one workload
    std::int64_t scratch_bytes = 0;          ///< the most that one of them needs
  };
  /// By the canonical text of the workload.
  using VariantsByWorkload = std::map<std::string, Variants>;

  /// Steps without variants run the module's own kernel. `code` keeps the kernels in memory.
  [[nodiscard]] static Expected<std::shared_ptr<ProgramTiming>> make(std::vector<std::shared_ptr<Contestant>> contestants,
                                                                     VariantsByWorkload variants,
                                                                     std::shared_ptr<const void> code);
  ProgramTiming(const ProgramTiming&) = delete;
  ProgramTiming& operator=(const ProgramTiming&) = delete;
  ~ProgramTiming();

  /// Runs each phase of the contestants in turn, decode for kDecodeTurns times kDecodeRuns tokens behind the prompt; for half of
  /// these in each other's pages, and so is every other round's prefill.
  [[nodiscard]] Status round();
  [[nodiscard]] double last_round_seconds() const { return last_round_seconds_; }

  /// Seconds of a call by workload and variant: of prefill, of which there are few runs, of each call; of decode one sample a
  /// run, the median of its calls there. As many of each variant in a run that has them all, so that samples of the same index
  /// are of the same moment. Only of runs at the speed that the machine had most of the time: those whose time is in the window of kWindow that holds the most.
  using Samples = std::map<std::string, std::vector<std::vector<double>>>;
  [[nodiscard]] Samples samples() const;
  /// Bytes a second of plain reads of the weights by the same threads, between those runs of decode.
  [[nodiscard]] double read_bytes_per_s() const;

  static constexpr int kDecodeTurns = 4;
  static constexpr std::int64_t kDecodeRuns = 6;
  static constexpr double kWindow = 1.2;

  /// The lower end of the window [t, t * width] that holds the most of the values; the lowest such, 0 of none.
  [[nodiscard]] static double densest(std::vector<double> values, double width);

 private:
  struct Watched {
    std::shared_ptr<Contestant> contestant;
    std::size_t phase = 0;
    std::int64_t rows = 1;
    std::vector<std::string> workloads;  ///< by step
    runtime::StepClock clock;
  };
  /// One run of a phase.
  struct Run {
    std::int64_t rows = 1;
    double seconds = 0;                                             ///< of all steps
    double read_bytes_per_s = 0;                                    ///< measured beside it; 0: not
    std::map<std::string, std::vector<std::vector<double>>> calls;  ///< seconds, by workload and variant
  };
  ProgramTiming() = default;
  [[nodiscard]] Run read(const Watched& watched) const;
  /// The runs that samples() takes.
  [[nodiscard]] std::vector<const Run*> usual_runs() const;
  [[nodiscard]] Status run_phase(Watched& watched);
  /// Each goes to the pages of the next.
  void exchange_pages();

  std::shared_ptr<const void> code_;
  VariantsByWorkload variants_;
  /// Prefills by rising rows, then decode; of each contestant.
  std::vector<std::vector<std::unique_ptr<Watched>>> phases_;
  std::vector<Run> runs_;
  double last_round_seconds_ = 0;
};

}  // namespace nntune::tuner
