#include "tuner/selftest.h"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <numeric>
#include <optional>

#include "base/clock.h"
#include "compiler/kernels/family.h"
#include "compiler/module/object_cache.h"
#include "tuner/neighbour.h"
#include "tuner/slowed.h"
#include "tuner/worker_pool.h"

namespace nntune::tuner {
namespace {

using graph::DType;

constexpr std::chrono::milliseconds kPrepareLimit{60'000};
constexpr double kMostDuelSeconds = 4;

/// A tenth of a millisecond or so of one core: 32 rows times weights of 1 MB, or one row times 4 MB that rotate.
Expected<schedule::Workload> workload_of(const SelftestRow& row) {
  const bool compute = row.kernel == "compute";
  const std::int64_t rows = compute ? 32 : 1;
  const std::int64_t size = compute ? 512 : 1024;
  return schedule::Workload::make(graph::matmul(), {{DType::f32, {rows, size}, {}}, {DType::f32, {size, size}, {{0, 32}}}},
                                  0, row.threads);
}

std::vector<SelftestRow> conditions(int cores) {
  std::vector<SelftestRow> rows;
  const auto add = [&](int threads, Load load) {
    for (const char* kernel : {"compute", "memory"}) {
      SelftestRow row;
      row.kernel = kernel;
      row.threads = threads;
      row.load = load;
      rows.push_back(std::move(row));
    }
  };
  add(1, Load::none);
  add(1, Load::some_core);
  add(1, Load::own_core);
  if (cores > 1) add(2, Load::none);
  return rows;
}

class Condition {
 public:
  Condition(const SelftestOptions& options, SelftestRow& row, WorkerPool& pool)
      : options_(options), row_(row), pool_(pool) {}

  /// `deadline_seconds` from now; later duels are shorter if it comes near.
  Status run(int duels, double deadline_seconds) {
    const Clock::time_point begin = Clock::now();
    NNTUNE_ASSIGN(workload_, workload_of(row_));
    NNTUNE_ASSIGN(schedule_, kernels::default_schedule(workload_, options_.target));
    NNTUNE_ASSIGN(const codegen::ObjectCode object, module::compile_kernel(workload_, schedule_, options_.target.isa));
    slowed_ = slowed(object, kSlowedBy);
    std::vector<double> ratios;
    for (int i = 0; i < 2 * duels; ++i) {
      const double left = deadline_seconds - seconds_since(begin);
      request_.limit_seconds = std::clamp(2 * left / (2 * duels - i), 0.05, kMostDuelSeconds);
      // Each side of the contrast is the slower one as often.
      NNTUNE_TRY(i % 2 == 0 ? twins() : slower(i % 4 == 1, ratios));
    }
    row_.ratio = median(std::move(ratios));
    row_.seconds = seconds_since(begin);
    return {};
  }

 private:
  Expected<Contrast> duel(const std::optional<codegen::ObjectCode>& first,
                          const std::optional<codegen::ObjectCode>& second) {
    const std::vector<Candidate> candidates = {{workload_, schedule_, first}, {workload_, schedule_, second}};
    NNTUNE_ASSIGN(const std::vector<Prepared> prepared, pool_.prepare_together(candidates, kPrepareLimit));
    for (const Prepared& each : prepared) {
      if (each.verdict != db::Verdict::ok) {
        return fail(ErrorKind::internal, "the kernel of the self-test failed: " + each.detail, "please report this");
      }
    }
    NNTUNE_ASSIGN(const DuelResult result, pool_.duel(prepared, request_, kPrepareLimit));
    if (result.verdict != db::Verdict::ok) return fail(ErrorKind::internal, "a duel failed: " + result.detail);
    row_.rounds += static_cast<std::int64_t>(result.samples_ns.front().size());
    row_.dropped += result.dropped;
    return result.contrast(1, request_);
  }

  Status twins() {
    NNTUNE_ASSIGN(const Contrast contrast, duel(std::nullopt, std::nullopt));
    ++row_.twins;
    row_.told_apart += contrast.decision != Decision::not_told_apart ? 1 : 0;
    return {};
  }

  Status slower(bool challenger, std::vector<double>& ratios) {
    const std::optional<codegen::ObjectCode> none;
    NNTUNE_ASSIGN(const Contrast contrast, challenger ? duel(none, slowed_) : duel(slowed_, none));
    ++row_.slowed;
    row_.found += contrast.decision == (challenger ? Decision::slower : Decision::faster) ? 1 : 0;
    ratios.push_back(challenger ? contrast.ratio : 1 / contrast.ratio);
    return {};
  }

  const SelftestOptions& options_;
  SelftestRow& row_;
  WorkerPool& pool_;
  schedule::Workload workload_;
  schedule::Schedule schedule_;
  std::optional<codegen::ObjectCode> slowed_;
  DuelRequest request_;
};

int sum(const std::vector<SelftestRow>& rows, int SelftestRow::*count) {
  return std::accumulate(rows.begin(), rows.end(), 0, [&](int total, const SelftestRow& row) { return total + row.*count; });
}

}  // namespace

std::string_view to_string(Load load) {
  switch (load) {
    case Load::none: return "none";
    case Load::some_core: return "a core";
    case Load::own_core: return "its core";
  }
  assert(false && "a load outside the enumeration");
  return "";
}

int SelftestReport::twins() const { return sum(rows, &SelftestRow::twins); }
int SelftestReport::told_apart() const { return sum(rows, &SelftestRow::told_apart); }
int SelftestReport::slowed() const { return sum(rows, &SelftestRow::slowed); }
int SelftestReport::found() const { return sum(rows, &SelftestRow::found); }
bool SelftestReport::twins_fine() const { return told_apart() <= kMostTold * twins(); }
bool SelftestReport::slowed_fine() const { return found() >= kLeastFound * slowed(); }

Expected<SelftestReport> selftest(const SelftestOptions& options, const std::function<void(const SelftestRow&)>& done) {
  const Clock::time_point begin = Clock::now();
  SelftestReport report;
  report.rows = conditions(options.target.cores);
  const int count = static_cast<int>(report.rows.size());
  for (int i = 0; i < count; ++i) {
    SelftestRow& row = report.rows[static_cast<std::size_t>(i)];
    const int duels = options.duels * (i + 1) / count - options.duels * i / count;
    if (duels == 0) continue;
    // A worker of its own: another layout of the memory.
    NNTUNE_ASSIGN(WorkerPool pool, WorkerPool::start(options.worker_binary, options.target, 1));
    std::optional<BusyNeighbour> neighbour;
    if (row.load != Load::none) {
      // The first thread of a team runs on the first CPU.
      const auto cpu = row.load == Load::own_core ? std::optional(allowed_cpus().front()) : std::nullopt;
      NNTUNE_ASSIGN(neighbour, BusyNeighbour::start(cpu));
    }
    NNTUNE_TRY(Condition(options, row, pool).run(duels, (options.budget_seconds - seconds_since(begin)) / (count - i)));
    done(row);
  }
  std::erase_if(report.rows, [](const SelftestRow& row) { return row.twins == 0; });
  report.seconds = seconds_since(begin);
  return report;
}

}  // namespace nntune::tuner
