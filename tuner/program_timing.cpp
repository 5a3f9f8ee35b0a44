#include "tuner/program_timing.h"

#include <algorithm>
#include <chrono>
#include <numeric>

#include "base/bandwidth.h"
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
      // Decode last: it finds the prompt of the largest phase in the KV cache.
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
  for (std::size_t step = 0; step < watched.workloads.size(); ++step) {  // a workload may have several places
    const auto found = variants_.find(watched.workloads[step]);
    const std::size_t variants = found == variants_.end() ? 1 : found->second.kernels.size();
    auto& calls = run.calls[watched.workloads[step]];
    calls.resize(std::max(calls.size(), variants));
    for (std::size_t variant = 0; variant < variants; ++variant) {
      const auto& some = watched.clock.seconds(step, variant);
      calls[variant].insert(calls[variant].end(), some.begin(), some.end());
      run.seconds = std::accumulate(some.begin(), some.end(), run.seconds);
    }
  }
  for (auto& [workload, calls] : run.calls) {
    if (run.rows == 1) {
      for (auto& seconds : calls) {
        if (!seconds.empty()) seconds = {median(std::move(seconds))};
      }
    }
    const std::size_t least = std::ranges::min(calls, {}, &std::vector<double>::size).size();
    if (least == 0) continue;  // called once a run, say: variants take turns from run to run
    for (auto& seconds : calls) seconds.resize(least);
  }
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
  NNTUNE_TRY(watched.contestant->begin_text(0));
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
      if (turns > 1 && turn == turns / 2) exchange_pages();
      const std::size_t first = runs_.size();
      for (const auto& watched : phases_[p]) NNTUNE_TRY(run_phase(*watched));
      if (phases_[p].front()->rows > 1) continue;
      const runtime::Session& session = phases_[p].front()->contestant->session();
      const double read = measure_read_bandwidth(session.module().weights(), session.threads(), 1);
      for (std::size_t run = first; run < runs_.size(); ++run) runs_[run].read_bytes_per_s = read;
    }
  }
  last_round_seconds_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return {};
}

void ProgramTiming::exchange_pages() {
  const auto& programs = phases_.back();
  for (std::size_t i = 1; i < programs.size(); ++i) {
    (void)tuner::exchange_pages(*programs[i - 1]->contestant, *programs[i]->contestant);
  }
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

std::vector<const ProgramTiming::Run*> ProgramTiming::usual_runs() const {
  std::map<std::int64_t, std::vector<double>> times;
  for (const Run& run : runs_) times[run.rows].push_back(run.seconds);
  std::map<std::int64_t, double> lowest;
  for (auto& [rows, seconds] : times) lowest[rows] = densest(std::move(seconds), kWindow);
  std::vector<const Run*> usual;
  for (const Run& run : runs_) {
    const double low = lowest[run.rows];
    if (run.seconds >= low && run.seconds <= low * kWindow) usual.push_back(&run);
  }
  return usual;
}

ProgramTiming::Samples ProgramTiming::samples() const {
  Samples samples;
  for (const Run* run : usual_runs()) {
    for (const auto& [workload, calls] : run->calls) {
      auto& of_workload = samples[workload];
      of_workload.resize(std::max(of_workload.size(), calls.size()));
      for (std::size_t variant = 0; variant < calls.size(); ++variant) {
        of_workload[variant].insert(of_workload[variant].end(), calls[variant].begin(), calls[variant].end());
      }
    }
  }
  return samples;
}

double ProgramTiming::read_bytes_per_s() const {
  std::vector<double> speeds;
  for (const Run* run : usual_runs()) {
    if (run->read_bytes_per_s > 0) speeds.push_back(run->read_bytes_per_s);
  }
  return speeds.empty() ? db::Measurement::kUnknown : median(std::move(speeds));
}

}  // namespace nntune::tuner
