#include "tuner/program_timing.h"

#include <algorithm>
#include <chrono>
#include <numeric>

#include "tuner/measurer.h"

namespace nntune::tuner {

Expected<std::shared_ptr<ProgramTiming>> ProgramTiming::make(std::vector<std::shared_ptr<Contestant>> contestants,
                                                             VariantsByWorkload variants, std::shared_ptr<const void> code) {
  std::shared_ptr<ProgramTiming> timing(new ProgramTiming);
  timing->code_ = std::move(code);
  timing->variants_ = std::move(variants);
  for (const auto& contestant : contestants) {
    runtime::Session& session = contestant->session();
    const runtime::Plan& plan = session.module().plan();
    timing->phases_.resize(plan.phases.size());
    for (std::size_t p = 0; p < plan.phases.size(); ++p) {
      const runtime::Phase& phase = plan.phases[p];
      std::vector<std::string> workloads;
      std::size_t most = 1;
      for (const runtime::Section& section : phase.sections) {
        for (const runtime::Step& step : section.steps) {
          workloads.push_back(plan.kernels[step.kernel].workload);
          const auto found = timing->variants_.find(workloads.back());
          if (found == timing->variants_.end()) continue;
          most = std::max(most, found->second.kernels.size());
          NNTUNE_TRY(session.set_variants(p, workloads.size() - 1, found->second.kernels, found->second.scratch_bytes));
        }
      }
      runtime::StepClock clock(workloads.size(), most);
      // Decode last: it wants the prompt of the largest phase in the KV cache.
      auto& watched = timing->phases_[(p + plan.phases.size() - 1) % plan.phases.size()];
      watched.push_back(std::make_unique<Watched>(Watched{
          .contestant = contestant, .phase = p, .rows = phase.rows, .workloads = std::move(workloads), .clock = clock}));
      session.watch(p, &watched.back()->clock);
    }
  }
  return timing;
}

ProgramTiming::~ProgramTiming() {
  for (const auto& phase : phases_) {
    for (const auto& watched : phase) {
      runtime::Session& session = watched->contestant->session();
      session.watch(watched->phase, nullptr);
      for (std::size_t step = 0; step < watched->workloads.size(); ++step) {
        (void)session.set_variants(watched->phase, step, {}, 0);  // needs no memory
      }
    }
  }
}

ProgramTiming::Run ProgramTiming::read(const Watched& watched) const {
  Run run;
  run.rows = watched.rows;
  std::map<std::pair<std::string, std::size_t>, std::vector<double>> calls;  // a workload may have several places
  for (std::size_t step = 0; step < watched.workloads.size(); ++step) {
    const auto found = variants_.find(watched.workloads[step]);
    const std::size_t variants = found == variants_.end() ? 1 : found->second.kernels.size();
    for (std::size_t variant = 0; variant < variants; ++variant) {
      const auto& some = watched.clock.seconds(step, variant);
      if (some.empty()) continue;
      auto& all = calls[{watched.workloads[step], variant}];
      all.insert(all.end(), some.begin(), some.end());
      run.seconds = std::accumulate(some.begin(), some.end(), run.seconds);
    }
  }
  for (auto& [key, seconds] : calls) run.medians.emplace(key, median(std::move(seconds)));
  return run;
}

Status ProgramTiming::run_phase(Watched& watched) {
  runtime::Session& session = watched.contestant->session();
  const std::span<const std::int32_t> prompt = watched.contestant->prompt();
  if (watched.rows > 1) {
    session.rewind();
    watched.clock.clear();
    NNTUNE_TRY(session.prefill(prompt.first(std::min(prompt.size(), static_cast<std::size_t>(watched.rows)))));
    runs_.push_back(read(watched));
    return {};
  }
  session.rewind(std::min(session.position(), static_cast<std::int64_t>(prompt.size())));
  NNTUNE_TRY(session.decode(prompt.front()));  // what ran before left the caches in another state
  for (std::int64_t run = 0; run < kDecodeRuns; ++run) {
    watched.clock.clear();
    NNTUNE_TRY(session.decode(session.argmax()));
    runs_.push_back(read(watched));
  }
  return {};
}

Status ProgramTiming::round() {
  const auto begin = std::chrono::steady_clock::now();
  for (std::size_t p = 0; p < phases_.size(); ++p) {
    const int turns = p + 1 == phases_.size() ? kDecodeTurns : 1;
    for (int turn = 0; turn < turns; ++turn) {
      for (const auto& watched : phases_[p]) NNTUNE_TRY(run_phase(*watched));
    }
  }
  last_round_seconds_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return {};
}

double ProgramTiming::densest(std::vector<double> values, double width) {
  std::ranges::sort(values);
  double best = 0;
  std::ptrdiff_t most = 0;
  for (auto low = values.begin(); low != values.end(); ++low) {
    const auto held = std::upper_bound(low, values.end(), *low * width) - low;
    if (held > most) {
      most = held;
      best = *low;
    }
  }
  return best;
}

ProgramTiming::Samples ProgramTiming::samples() const {
  std::map<std::int64_t, std::vector<double>> times;
  for (const Run& run : runs_) times[run.rows].push_back(run.seconds);
  Samples samples;
  for (const auto& [rows, seconds] : times) {
    const double low = densest(seconds, kWindow);
    for (const Run& run : runs_) {
      if (run.rows != rows || run.seconds < low || run.seconds > low * kWindow) continue;
      for (const auto& [key, median_seconds] : run.medians) {
        auto& of_workload = samples[key.first];
        of_workload.resize(std::max(of_workload.size(), key.second + 1));
        of_workload[key.second].push_back(median_seconds);
      }
    }
  }
  return samples;
}

}  // namespace nntune::tuner
