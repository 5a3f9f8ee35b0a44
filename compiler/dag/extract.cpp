#include "compiler/dag/extract.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/clock.h"
#include "compiler/dag/local_search.h"
#include "compiler/dag/reduce.h"
#include "compiler/dag/solver_process.h"

namespace nntune::dag {

namespace {

/// Rounds without success after which the local search leaves the rest of the time to the integer program.
constexpr std::int64_t kPatience = 300;
constexpr std::int64_t kUnlimited = std::int64_t{1} << 60;

std::string name_of(const ExtractionInstance& instance, std::uint32_t class_id) {
  return instance.class_names.empty() ? fmt::format("{}", class_id) : fmt::format("'{}'", instance.class_names[class_id]);
}

/// Choices of reached classes alone.
Choice reached_part(const ExtractionInstance& instance, const Choice& choice) {
  std::vector<std::uint32_t> order;
  (void)evaluate(instance, choice, &order);
  Choice result(choice.size(), kNone);
  for (const std::uint32_t c : order) result[c] = choice[c];
  return result;
}

bool meets(double cost, double bound) { return bound >= cost - 1e-7 * std::abs(cost); }

}  // namespace

Choice greedy_choice(const ExtractionInstance& instance) {
  const Reduction useful = drop_useless(instance);
  if (underivable_root(useful.instance) != kNone) return Choice(instance.class_count(), kNone);
  Greedy greedy(useful.instance);
  return useful.lift(greedy_start(useful.instance, greedy), instance.class_count());
}

Expected<DagExtraction> extract(const ExtractionInstance& instance, const ExtractOptions& options) {
  const Clock::time_point begin = Clock::now();
  const auto elapsed = [begin] { return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin); };
  const auto asked = [&] { return options.stop && options.stop(); };
  const auto limit = options.exact ? std::min(options.search_time, options.limit) : options.search_time;
  const std::function<bool()> stop = [&] { return asked() || elapsed() >= limit; };

  const Reduction useful = drop_useless(instance);
  if (const std::uint32_t root = underivable_root(useful.instance); root != kNone) {
    return fail(ErrorKind::infeasible,
                fmt::format("every derivation of root class {} needs itself", name_of(instance, useful.class_of[root])),
                "give it a node whose children lead to leaves");
  }
  Greedy greedy(useful.instance);
  Choice best = greedy_start(useful.instance, greedy);
  Value value = evaluate(useful.instance, best);
  DagExtraction result;
  result.greedy_cost = value.feasible() ? value.cost : std::numeric_limits<double>::infinity();
  if (Choice start; belongs(instance, options.start) && useful.lower(options.start, start)) {
    if (const Value known = evaluate(useful.instance, start); known.complete() && !better(value, known)) {
      best = std::move(start);
      value = known;
    }
  }
  const double grid = cost_grid(useful.instance);

  if (options.search_time.count() > 0) {
    const auto cutoff = [&] { return value.feasible() ? value.cost : std::numeric_limits<double>::infinity(); };
    Reduced reduced = reduce(useful.instance, cutoff(), stop);
    result.lower_bound = round_up(reduced.lower_bound, grid);
    if (!value.feasible() || !meets(value.cost, result.lower_bound)) {
      Choice start;
      (void)reduced.reduction.lower(best, start);
      const Choice found = local_search(reduced.reduction.instance, start,
                                        {.rounds = options.search_rounds,
                                         .patience = options.exact ? kPatience : kUnlimited,
                                         .seed = options.seed,
                                         .lower_bound = result.lower_bound,
                                         .stop = stop});
      Choice lifted = reduced.reduction.lift(found, useful.instance.class_count());
      const Value found_value = evaluate(useful.instance, lifted);
      if (better(found_value, value)) {
        best = std::move(lifted);
        value = found_value;
      }
    }
  }

  const bool open = !value.feasible() || !meets(value.cost, result.lower_bound);
  if (options.exact && open && !asked()) {
    ProcessResult proof = prove_in_process(useful.instance, best, begin + options.limit, asked);
    result.solver_trouble = std::move(proof.trouble);
    if (!proof.cheaper.empty() && belongs(useful.instance, proof.cheaper)) {
      if (const Value found = evaluate(useful.instance, proof.cheaper); found.complete() && better(found, value)) {
        best = std::move(proof.cheaper);
        value = found;
      }
    }
    result.lower_bound = std::max(result.lower_bound, round_up(proof.lower_bound, grid));
  }

  if (!value.feasible()) {
    return fail(ErrorKind::infeasible, fmt::format("no extraction found that fits {} bytes", instance.capacity),
                "allow more, or search longer");
  }
  result.choice = useful.lift(reached_part(useful.instance, best), instance.class_count());
  result.cost = value.cost;
  result.bytes = value.bytes;
  result.lower_bound = std::min(result.lower_bound, result.cost);
  result.optimal = meets(result.cost, result.lower_bound);
  if (result.optimal) result.lower_bound = result.cost;
  result.stopped = asked();
  return result;
}

}  // namespace nntune::dag
