// `nntune bench`: tokens a second of prompts and generations, in the manner of llama-bench.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <numeric>
#include <vector>

#include "base/bandwidth.h"
#include "base/other_load.h"
#include "base/target.h"
#include "cli/bench_report.h"
#include "cli/command.h"
#include "cli/model_source.h"
#include "cli/options.h"
#include "compiler/runtime/session.h"

namespace nntune::cli {
namespace {

using Clock = std::chrono::steady_clock;
using Ids = std::vector<std::int32_t>;

constexpr std::int64_t kMostTokens = 1 << 20;

void declare(Options& options) {
  declare_model_options(options);
  options.add("p,n-prompt", "lengths of prompts, 0: none", "N,N", "512");
  options.add("n,n-gen", "lengths of generations, 0: none", "N,N", "128");
  options.add("d,n-depth", "tokens in the KV cache before", "N,N", "0");
  options.add("r,repetitions", "samples of each test, after one to warm up", "N", "5");
  options.add("o,output", "md, csv, json or jsonl", "FORMAT", "md");
}

struct BenchOptions {
  ModelOptions model;
  std::vector<int> threads;
  std::vector<std::int64_t> prompts, gens, depths;
  std::int64_t repetitions = 0;
  BenchFormat format = BenchFormat::md;
};

Expected<BenchOptions> read(const Arguments& arguments) {
  BenchOptions result;
  NNTUNE_ASSIGN(result.model, read_model_options(arguments, &result.threads));
  NNTUNE_ASSIGN(result.prompts, parse_integers(arguments.text("n-prompt"), "-p", 0, kMostTokens));
  NNTUNE_ASSIGN(result.gens, parse_integers(arguments.text("n-gen"), "-n", 0, kMostTokens));
  NNTUNE_ASSIGN(result.depths, parse_integers(arguments.text("n-depth"), "-d", 0, kMostTokens));
  NNTUNE_ASSIGN(result.repetitions, parse_integer(arguments.text("repetitions"), "-r", 1, 10'000));
  NNTUNE_ASSIGN(result.format, parse_bench_format(arguments.text("output")));
  std::erase(result.prompts, 0);
  std::erase(result.gens, 0);
  if (result.prompts.empty() && result.gens.empty()) {
    return fail(ErrorKind::usage, "there is nothing to measure", "give -p or -n a length above 0");
  }
  if (!result.model.ctx_given) {  // the program is made for what runs here
    const auto longest = [](const std::vector<std::int64_t>& lengths) {
      return lengths.empty() ? 0 : std::ranges::max(lengths);
    };
    result.model.ctx = longest(result.depths) + std::max(longest(result.prompts), longest(result.gens));
  }
  return result;
}

/// Bytes that decoding a token behind `past` others reads: the weights of its program, but of an embedding table used for
/// nothing else only a row, and the keys and values.
std::int64_t bytes_per_token(const runtime::Plan& plan, std::int64_t past) {
  std::map<std::pair<std::size_t, std::int64_t>, std::int64_t>
      read;  // tensors from the first one on, by weight and that one
  for (const runtime::Section& section : plan.phases.front().sections) {
    for (const runtime::Step& step : section.steps) {
      if (plan.kernels[step.kernel].workload.starts_with("embed")) continue;
      for (const runtime::Operand& operand : step.operands) {
        if (operand.kind != runtime::Operand::Kind::weight) continue;
        const auto layers = plan.weights[operand.index].index(runtime::WeightIndex::Kind::layer).count;
        read[{operand.index, operand.first}] = layers == 1 ? 1 : section.repeat;
      }
    }
  }
  const std::int64_t cached = past * runtime::state_bytes_per_token(plan);
  return std::accumulate(read.begin(), read.end(), cached, [&](std::int64_t sum, const auto& each) {
    return sum + static_cast<std::int64_t>(plan.weights[each.first.first].bytes) * each.second;
  });
}

Ids some_tokens(std::int64_t count, std::int64_t vocab) {
  Ids ids;
  for (std::int64_t i = 0; i < count; ++i) ids.push_back(static_cast<std::int32_t>((i * 7919 + 13) % vocab));
  return ids;
}

/// Seconds of one prompt or generation behind `depth` tokens.
Expected<double> run_once(runtime::Session& session, const BenchResult& test) {
  const std::int64_t vocab = session.module().plan().model.vocab;
  if (session.position() < test.n_depth) {
    session.rewind();
    NNTUNE_TRY(session.prefill(some_tokens(test.n_depth, vocab)));
  }
  session.rewind(test.n_depth);
  const Ids ids = some_tokens(test.n_prompt + test.n_gen, vocab);
  const auto start = Clock::now();
  if (test.n_prompt > 0) {
    NNTUNE_TRY(session.prefill(ids));
  } else {
    for (const std::int32_t id : ids) NNTUNE_TRY(session.decode(id));
  }
  return std::chrono::duration<double>(Clock::now() - start).count();
}

Expected<BenchResult> run_test(const std::shared_ptr<const runtime::Module>& module, BenchResult test,
                               std::int64_t repetitions) {
  const std::int64_t ctx = test.n_depth + test.n_prompt + test.n_gen;
  NNTUNE_ASSIGN(const auto session, runtime::Session::create(module, {test.n_threads, ctx}));
  NNTUNE_ASSIGN([[maybe_unused]] const double warm_up, run_once(*session, test));
  module->wait_for_huge_pages();
  const OtherLoad load;
  for (std::int64_t i = 0; i < repetitions; ++i) {
    NNTUNE_ASSIGN(const double seconds, run_once(*session, test));
    test.samples_seconds.push_back(seconds);
    // Beside it: memory may be half as fast a minute later.
    if (test.n_gen > 0) test.reads_bytes_per_second.push_back(measure_read_bandwidth(module->weights(), test.n_threads, 1));
  }
  test.other_load_cores = load.cores();
  if (test.n_gen > 0) test.bytes_per_token = bytes_per_token(module->plan(), test.n_depth + test.n_gen / 2);
  return test;
}

Expected<int> run(const Arguments& arguments) {
  NNTUNE_ASSIGN(BenchOptions options, read(arguments));
  std::error_code ignored;
  const bool from_file = std::filesystem::is_regular_file(options.model.model, ignored);
  std::shared_ptr<const runtime::Module> module;
  bool first = true;
  double busiest_cores = 0;
  for (const int threads : options.threads) {
    options.model.threads = threads;
    if (!module || !from_file) {
      module = nullptr;  // two modules of a large model may not fit
      NNTUNE_ASSIGN(module, open_module(options.model));
    }
    if (first) fmt::print("{}", bench_header(options.format));
    const runtime::ModelInfo& model = module->plan().model;
    for (const std::int64_t depth : options.depths) {
      std::vector<BenchResult> tests;
      for (const std::int64_t n : options.prompts) tests.push_back({.n_prompt = n});
      for (const std::int64_t n : options.gens) tests.push_back({.n_gen = n});
      for (BenchResult& test : tests) {
        test.model = model.name;
        test.dtype = model.dtype;
        test.model_bytes = static_cast<std::int64_t>(module->weights().size());
        test.n_depth = depth;
        test.n_threads = threads;
        NNTUNE_ASSIGN(const BenchResult result, run_test(module, std::move(test), options.repetitions));
        fmt::print("{}", bench_row(options.format, result, first));
        std::fflush(stdout);
        busiest_cores = std::max(busiest_cores, result.other_load_cores);
        first = false;
      }
    }
  }
  fmt::print("{}", bench_footer(options.format));
  if (busiest_cores >= kToldLoadCores) {
    std::fflush(stdout);
    fmt::print(stderr, "{} during the most disturbed of these tests: on a quiet machine they are faster\n",
               other_load_text(busiest_cores, static_cast<int>(allowed_cpus().size())));
  }
  return 0;
}

}  // namespace

extern const Command kBenchCommand;
const Command kBenchCommand = {"bench", "MODEL [-p 512] [-n 128] [-d 0] [-t 1,2] [-r 5] [-o md|csv|json|jsonl]",
                               "measure tokens a second of prompts and generations", declare, run};

}  // namespace nntune::cli
