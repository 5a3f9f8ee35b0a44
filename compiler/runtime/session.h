/// Sequences of a module, each with states (such as a KV cache) and a position of its own, run by a team of threads.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "base/error.h"
#include "compiler/runtime/kernel_abi.h"
#include "compiler/runtime/memory.h"
#include "compiler/runtime/module.h"
#include "compiler/runtime/session_memory.h"
#include "compiler/runtime/solo_switch.h"
#include "compiler/runtime/step_clock.h"
#include "compiler/runtime/team.h"

namespace nntune::runtime {

struct SessionOptions {
  int threads = 1;
  std::int64_t ctx = 4096;     ///< tokens that each sequence has room for
  std::int64_t sequences = 1;  ///< numbered from 0
};

class Session {
 public:
  /// Gets the logits f32[vocab] after the token at `position`; valid during the call only.
  using LogitsSink = std::function<void(std::int64_t position, std::span<const float> logits)>;

  [[nodiscard]] static Expected<std::unique_ptr<Session>> create(std::shared_ptr<const Module> module,
                                                                 const SessionOptions& options);
  /// Run by `team`, which other sessions may share: they take turns, a step at a time, instead of fighting for the cores.
  [[nodiscard]] static Expected<std::unique_ptr<Session>> create(std::shared_ptr<const Module> module,
                                                                 std::shared_ptr<Team> team, std::int64_t ctx,
                                                                 std::int64_t sequences = 1);
  ~Session();

  /// Whether prefill(ids, {}, sequence) would run: bad_input if there are none, they do not fit into ctx, one is not in the
  /// vocabulary or there is no such sequence.
  [[nodiscard]] Status check(std::span<const std::int32_t> ids, std::size_t sequence = 0) const;
  /// Appends `ids` (at least one) to a sequence, in the largest steps the module was compiled for. With a `sink` the head runs for
  /// every token, else for the last one. Errors: those of check(); nothing has changed then.
  [[nodiscard]] Status prefill(std::span<const std::int32_t> ids, const LogitsSink& sink = {}, std::size_t sequence = 0);
  /// Appends one token.
  [[nodiscard]] Status decode(std::int32_t id, std::size_t sequence = 0) { return prefill({&id, 1}, {}, sequence); }

  /// f32[vocab] after the last token of whichever sequence ran last; valid until the next call.
  [[nodiscard]] std::span<const float> logits() const { return logits_; }
  /// The most likely next token, the lowest id among equals.
  [[nodiscard]] std::int32_t argmax() const { return *argmax_; }

  /// Counts from now on where the time of phase `phase` of the plan goes; steps are numbered in the order of its sections.
  /// Null: no longer. `clock` must outlive the session or its use.
  void watch(std::size_t phase, StepClock* clock) { phases_[phase].clock = clock; }

  /// Several kernels for the workload of a step: each call takes one of them, in an order that mixes the variants of all
  /// steps, so that they meet the same machine and the same neighbours. Their code must outlive the session. None: the
  /// module's own again. Errors: no memory for `scratch_bytes` (a thread).
  [[nodiscard]] Status set_variants(std::size_t phase, std::size_t step, std::vector<KernelFn> kernels,
                                    std::int64_t scratch_bytes);

  /// Tokens of a sequence.
  [[nodiscard]] std::int64_t position(std::size_t sequence = 0) const { return positions_[sequence]; }
  /// Forgets all tokens of a sequence from `position` on.
  void rewind(std::int64_t position = 0, std::size_t sequence = 0);
  [[nodiscard]] std::size_t sequences() const { return positions_.size(); }
  [[nodiscard]] std::int64_t ctx() const { return ctx_; }
  [[nodiscard]] int threads() const { return team_->threads(); }
  [[nodiscard]] const Module& module() const { return *module_; }

 private:
  /// A section with every address worked out.
  struct BoundSection {
    struct Call {
      KernelFn kernel;
      std::size_t first_operand;
      bool wait_before;
      std::vector<KernelFn> variants = {};  ///< instead of `kernel`, if there are any
    };
    std::vector<Call> calls;
    std::size_t first_step = 0;  ///< of the phase
    std::int64_t repeat = 1;
    std::size_t operands_per_repeat = 0;
    std::vector<KernelOperand> operands;
    std::vector<std::size_t> x_operands;  ///< of the head: they move to the row it runs on
    /// Operands that are states, and where those lie in the memory of a sequence.
    std::vector<std::pair<std::size_t, std::size_t>> state_operands;
  };
  struct BoundPhase {
    std::int64_t rows = 1;
    std::vector<BoundSection> sections;  ///< all but the head
    BoundSection head;
    const float* logits = nullptr;
    const std::int32_t* argmax = nullptr;
    KernelOperand x{};  ///< the input of the head: row 0
    StepClock* clock = nullptr;
    SoloSwitch solo;  ///< of decode, whose steps are short
    double barriers = 0;
  };

  Session(std::shared_ptr<const Module> module, std::shared_ptr<Team> team, std::int64_t ctx, std::int64_t sequences);
  [[nodiscard]] Status allocate();
  void bind();
  [[nodiscard]] BoundSection bind_section(const Section& section, bool head, std::size_t& x_parity, KernelOperand& x);
  [[nodiscard]] BoundPhase bind_phase(const Phase& phase);
  [[nodiscard]] BoundPhase& phase_for(std::size_t ids);
  /// Lets all operands that are states be those of `sequence`.
  void select(std::size_t sequence);
  void run_rows(BoundPhase& phase, std::span<const std::int32_t> ids, bool with_head);
  void run_head(BoundPhase& phase, std::int64_t row, std::int64_t tokens);
  void place_head(BoundPhase& phase, std::int64_t row);
  /// Who calls, of how many.
  struct Caller {
    int thread = 0;
    int threads = 1;
  };
  void call_section(const BoundSection& section, const KernelSequence& sequence, std::int64_t rows, Caller caller,
                    bool wait_first, StepClock* clock);
  void call_all(const BoundPhase& phase, const KernelSequence& sequence, Caller caller, bool with_head);

  std::shared_ptr<const Module> module_;
  std::int64_t ctx_;
  std::int64_t capacity_;                ///< ctx, rounded up to whole blocks of attention
  std::vector<std::int64_t> positions_;  ///< by sequence
  std::size_t selected_ = 0;             ///< the sequence that runs
  std::uint32_t turn_ = 0;               ///< counts runs: variants change places
  std::shared_ptr<Team> team_;
  Memory states_, rope_, ids_, arena_, scratch_;
  Memory x_[2];  ///< what repetitions write in turn
  SessionMemory memory_;
  std::size_t scratch_bytes_ = 0;  ///< of one thread
  std::vector<BoundPhase> phases_;
  std::span<const float> logits_;
  const std::int32_t* argmax_ = nullptr;
};

}  // namespace nntune::runtime
