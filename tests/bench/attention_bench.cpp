// Decode attention, whole and in splits over the keys with their merge, taking turns on the same machine: the best schedule of
// each, found here, with the KV cache cold as in decoding. The queries come with their norm and rotary embedding.
//
//     ./dev bench attention
//
// Prints microseconds of a call with its barriers, and the whole over the splits: above 1 splitting pays. They are the medians of
// the fastest quarter of many short samples: a waiting thread whose core is in use is not seen by the system's counters, and
// other processes only ever add time.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/statistics.h"
#include "base/target.h"
#include "compiler/kernels/family.h"
#include "compiler/module/object_cache.h"
#include "compiler/reference/evaluate.h"
#include "compiler/runtime/code.h"
#include "compiler/runtime/team.h"
#include "tuner/call_clock.h"
#include "tuner/check.h"
#include "tuner/evolution.h"
#include "tuner/operands.h"
#include "tuner/timing.h"

namespace nntune {
namespace {

constexpr int kCandidates = 24;
/// Rounds in which no other process was given a core, of at most kMostRounds.
constexpr std::size_t kRounds = 240;
constexpr int kMostRounds = 4000;
/// Calls of a sample: short, so that it may pass undisturbed.
constexpr std::size_t kCalls = 3;
constexpr std::int64_t kMostCopiesBytes = std::int64_t{2} << 30;

/// The best kernel of a workload with its operands.
class Tuned {
 public:
  static Expected<std::unique_ptr<Tuned>> make(const schedule::Workload& workload, const Target& target,
                                               runtime::Team& team) {
    NNTUNE_ASSIGN(const kernels::Family* family, kernels::find_family(workload));
    if (const std::string why = family->refuse(workload, target.isa); !why.empty()) {
      return fail(ErrorKind::unsupported, why);
    }
    NNTUNE_ASSIGN(tuner::Operands operands, tuner::Operands::create(workload));
    auto tuned = std::make_unique<Tuned>(std::move(operands), team);
    NNTUNE_TRY(tuned->tune(*family, target));
    return tuned;
  }
  Tuned(tuner::Operands operands, runtime::Team& team) : operands_(std::move(operands)), team_(team) {}

  [[nodiscard]] const tuner::Operands& operands() const { return operands_; }
  void call(std::span<const runtime::KernelOperand> operands, int thread) {
    const runtime::KernelSequence sequence{.position = operands_.workload().past, .length = 1, .row_table = nullptr};
    runtime::KernelCall call = runtime::call_for(sequence);
    call.operands = operands.data();
    call.thread = thread;
    call.threads = team_.threads();
    call.scratch = scratch_.data() + static_cast<std::size_t>(thread) * scratch_stride_;
    code_->entry(entry_)(&call);
  }

 private:
  Status tune(const kernels::Family& family, const Target& target) {
    const schedule::Workload& workload = operands_.workload();
    const auto inputs = tuner::random_inputs(workload);
    NNTUNE_ASSIGN(const auto expected,
                  reference::evaluate<float>(workload.op(), std::span(inputs), {.past = workload.past}));
    NNTUNE_TRY(operands_.add_cold_copies(4 * target.l3_bytes, kMostCopiesBytes));
    tuner::Evolution evolution(
        family.space(workload, target),
        [&](const schedule::Schedule& schedule) { return family.estimate_seconds(workload, schedule, target); }, 1);
    for (int tried = 0; tried < kCandidates;) {
      const auto schedules = evolution.propose(4);
      if (schedules.empty()) break;
      for (const schedule::Schedule& schedule : schedules) {
        ++tried;
        double seconds = std::numeric_limits<double>::infinity();
        if (load(schedule, target.isa) && tuner::check(operands_, kernel(), team_, expected).ok()) {
          const tuner::TimingRequest request{
              .samples = 3, .sample_seconds = 0.01, .budget_seconds = 1e9, .give_up_seconds = 1e30};
          const auto timed = tuner::time_kernel(operands_, kernel(), team_, request);
          seconds = median(timed.samples_ns) * 1e-9;
        }
        evolution.record(schedule, seconds);
      }
    }
    if (evolution.elite().empty()) return fail(ErrorKind::unsupported, "no right kernel for " + workload.text());
    const bool loaded = load(evolution.elite().front().schedule, target.isa);
    return loaded ? Status{} : fail(ErrorKind::internal, "a kernel that loaded does not load again");
  }

  /// What load() loaded.
  [[nodiscard]] tuner::CallableKernel kernel() { return {code_->entry(entry_), scratch_.data(), scratch_stride_}; }

  bool load(const schedule::Schedule& schedule, const Isa& isa) {
    const auto object = module::compile_kernel(operands_.workload(), schedule, isa);
    if (!object || object->vector_spills > 0) return false;
    auto code = runtime::LoadedCode::load(object->image);
    if (!code) return false;
    code_.emplace(std::move(*code));
    entry_ = object->entry;
    scratch_stride_ = (static_cast<std::size_t>(object->scratch_bytes) + 4095) / 4096 * 4096;
    scratch_.resize(scratch_stride_ * static_cast<std::size_t>(team_.threads()) + 1);
    return true;
  }

  tuner::Operands operands_;
  runtime::Team& team_;
  std::optional<runtime::LoadedCode> code_;
  std::uint64_t entry_ = 0;
  std::size_t scratch_stride_ = 0;
  std::vector<std::byte> scratch_;
};

/// Attention, and what merges its splits if it has some.
class Program {
 public:
  Program(std::unique_ptr<Tuned> attention, std::unique_ptr<Tuned> merge, runtime::Team& team)
      : attention_(std::move(attention)), merge_(std::move(merge)), team_(team) {
    if (!merge_) return;
    const auto merge_call = merge_->operands().call(0);
    merge_operands_.assign(merge_call.begin(), merge_call.end());
    merge_operands_.front() = attention_->operands().call(0).back();
  }

  /// Seconds of a call, each with another copy of the caches; nothing if another process was given a core meanwhile.
  std::optional<double> sample() {
    std::atomic<bool> preempted = false;
    double seconds = 0;
    team_.run([&](int thread) {
      team_.barrier().arrive_and_wait();
      const long before = tuner::preemptions();
      const auto begin = Clock::now();
      for (std::size_t i = 0; i < kCalls; ++i) {
        attention_->call(attention_->operands().call((next_copy_ + i) % attention_->operands().copies()), thread);
        team_.barrier().arrive_and_wait();
        if (!merge_) continue;
        merge_->call(merge_operands_, thread);
        team_.barrier().arrive_and_wait();
      }
      if (thread == 0) seconds = seconds_since(begin) / kCalls;
      if (tuner::preemptions() != before) preempted = true;
    });
    next_copy_ += kCalls;
    return preempted ? std::nullopt : std::optional(seconds);
  }

 private:
  std::unique_ptr<Tuned> attention_, merge_;
  std::vector<runtime::KernelOperand> merge_operands_;
  std::size_t next_copy_ = 0;
  runtime::Team& team_;
};

struct Shape {
  int heads, kv_heads, past, threads, splits;
};

Expected<Program> make_program(const Shape& shape, int splits, bool bf16, const Target& target, runtime::Team& team) {
  const char* dtype = bf16 ? "bf16" : "f32";
  const std::string op = fmt::format("attention{{{},{},0.08838834764831845{};rms(1e-06,128)|scale|rope(128);}}", shape.heads,
                                     shape.kv_heads, splits == 1 ? "" : fmt::format(",{}", splits));
  const std::string cache = fmt::format("{}[{},?,128]", dtype, shape.kv_heads);
  const std::string keys = cache + (bf16 ? "<1:16,2:2>" : "<1:16>");
  const std::string values = cache + (bf16 ? "<1:2>" : "");
  const int columns = splits == 1 ? shape.heads * 128 : splits * shape.heads * 129;
  NNTUNE_ASSIGN(const auto workload,
                schedule::Workload::parse(fmt::format("{}(f32[1,{}],f32[128],f32[?,128],{},{})->f32[1,{}] past={} t={}", op,
                                                      shape.heads * 128, keys, values, columns, shape.past, shape.threads)));
  NNTUNE_ASSIGN(auto attention, Tuned::make(workload, target, team));
  std::unique_ptr<Tuned> merge;
  if (splits > 1) {
    NNTUNE_ASSIGN(const auto merging,
                  schedule::Workload::parse(fmt::format("attention_merge{{{},{};}}(f32[1,{}])->f32[1,{}] past=0 t={}",
                                                        shape.heads, splits, columns, shape.heads * 128, shape.threads)));
    NNTUNE_ASSIGN(merge, Tuned::make(merging, target, team));
  }
  return Program(std::move(attention), std::move(merge), team);
}

double median_of_fastest_quarter(std::vector<double> seconds) {
  std::ranges::sort(seconds);
  seconds.resize((seconds.size() + 3) / 4);
  return median(std::move(seconds));
}

int run() {
  const auto target = measure_target();
  if (!target) {
    fmt::print(stderr, "{}\n", target.error().message());
    return 1;
  }
  constexpr Shape kShapes[] = {{16, 8, 2048, 2, 2}, {16, 8, 4096, 2, 2}, {8, 1, 512, 2, 2},
                               {8, 1, 2048, 2, 2},  {8, 1, 4096, 2, 2},  {12, 3, 2048, 2, 2}};
  fmt::print("{}: microseconds a token\n{:<8}{:>7}{:>10}{:>6}{:>9}{:>9}{:>8}{:>20}{:>8}\n", target->short_name, "cache",
             "heads", "kv heads", "past", "threads", "whole", "splits", "whole over splits", "rounds");
  for (const bool bf16 : {false, true}) {
    if (bf16 && !target->isa.avx512bf16) continue;
    for (const Shape& shape : kShapes) {
      runtime::Team team(shape.threads);
      auto whole = make_program(shape, 1, bf16, *target, team);
      auto split = make_program(shape, shape.splits, bf16, *target, team);
      if (!whole || !split) {
        fmt::print(stderr, "{}\n", (whole ? split : whole).error().message());
        return 1;
      }
      std::vector<double> a, b;
      for (int round = 0; round < kMostRounds && a.size() < kRounds; ++round) {
        const auto once = whole->sample(), in_splits = split->sample();
        if (!once || !in_splits) continue;
        a.push_back(*once);
        b.push_back(*in_splits);
      }
      if (a.empty()) {
        fmt::print(stderr, "other processes take the cores all the time\n");
        return 1;
      }
      const double whole_seconds = median_of_fastest_quarter(a), split_seconds = median_of_fastest_quarter(b);
      fmt::print("{:<8}{:>7}{:>10}{:>6}{:>9}{:>9.1f}{:>8.1f}{:>19.2f}x{:>8}\n", bf16 ? "bf16" : "f32", shape.heads,
                 shape.kv_heads, shape.past, shape.threads, whole_seconds * 1e6, split_seconds * 1e6,
                 whole_seconds / split_seconds, a.size());
      std::fflush(stdout);
    }
  }
  return 0;
}

}  // namespace
}  // namespace nntune

int main() { return nntune::run(); }
