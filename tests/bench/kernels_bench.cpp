// Generated matmuls beside oneDNN and OpenBLAS on the shapes of Qwen3-0.6B, interleaved in one run: weights of each in its best
// layout (packed ahead of time, as a program keeps them), and cold for one row, as in decode.
//
//     bench_kernels [--threads N] [--dtype f32|bf16] [--rows 1,16,128,512] [--candidates N] [--json]
//
// Ours takes the best of `candidates` schedules for each panel width, found here by the same evolution as a search. Prints
// GMAC/s and the ratio to oneDNN, then the geometric mean with and without the shapes of one row, which wait for memory, and the
// worst shape.
#include <cblas.h>
#include <fmt/format.h>
#include <omp.h>
#include <cxxopts.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <exception>
#include <memory>
#include <oneapi/dnnl/dnnl.hpp>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/bf16.h"
#include "base/clock.h"
#include "base/json.h"
#include "compiler/kernels/family.h"
#include "compiler/module/object_cache.h"
#include "compiler/runtime/code.h"
#include "tuner/evolution.h"
#include "tuner/measurer.h"
#include "tuner/operands.h"
#include "tuner/timing.h"

namespace nntune {
namespace {

using graph::DType;
struct Matrix {
  const char* name;
  std::int64_t n, k;
};
constexpr Matrix kMatrices[] = {
    {"qkv", 4096, 1024}, {"out", 1024, 2048}, {"gate/up", 6144, 1024}, {"down", 1024, 3072}, {"head", 151936, 1024}};
constexpr std::int64_t kPanels[] = {16, 32, 64};
constexpr int kRounds = 7;
constexpr double kSampleSeconds = 0.03;
/// For each panel width; large shapes try fewer candidates.
constexpr double kTuningSeconds = 5;

struct Options {
  int threads = 1;
  std::vector<DType> dtypes = {DType::f32, DType::bf16};
  std::vector<std::int64_t> rows = {1, 16, 128, 512};
  int candidates = 24;
  bool json = false;
};

/// Something that multiplies; run(calls) gives seconds a call.
class Player {
 public:
  virtual ~Player() = default;
  virtual double run(std::int64_t calls) = 0;
};

class Ours : public Player {
 public:
  static std::unique_ptr<Ours> make(const Matrix& matrix, std::int64_t rows, DType dtype, const Target& target,
                                    const Options& options) {
    std::unique_ptr<Ours> best;
    double best_seconds = std::numeric_limits<double>::infinity();
    for (const std::int64_t panel : kPanels) {
      std::vector<graph::Lane> lanes = {{0, static_cast<int>(panel)}};
      const bool dot = dtype == DType::bf16 && target.isa.avx512bf16;
      if (dot) lanes.push_back({1, 2});
      const DType x = dot ? DType::bf16 : DType::f32;
      const auto workload = schedule::Workload::make(
          graph::matmul(), {{x, {rows, matrix.k}, {}}, {dtype, {matrix.n, matrix.k}, lanes}}, 0, options.threads);
      if (!workload) continue;
      auto player = std::make_unique<Ours>();
      const double seconds = player->tune(*workload, target, options);
      if (seconds >= best_seconds) continue;
      best_seconds = seconds;
      best = std::move(player);
    }
    return best;
  }

  double run(std::int64_t calls) override {
    const tuner::TimingRequest request{
        .samples = 3, .sample_seconds = kSampleSeconds / 3, .budget_seconds = 1e9, .give_up_seconds = 1e30};
    (void)calls;
    const auto timed =
        tuner::time_kernel(*operands_, {code_->entry(entry_), scratch_.data(), scratch_stride_}, *team_, request);
    return median(timed.samples_ns) * 1e-9;
  }

 private:
  double tune(const schedule::Workload& workload, const Target& target, const Options& options) {
    const auto family = kernels::find_family(workload);
    if (!family || !(*family)->refuse(workload, target.isa).empty()) return std::numeric_limits<double>::infinity();
    auto operands = tuner::Operands::create(workload);
    if (!operands) return std::numeric_limits<double>::infinity();
    operands_ = std::make_unique<tuner::Operands>(std::move(*operands));
    if (workload.inputs[0].shape[0] == 1) (void)operands_->add_cold_copies(4 * target.l3_bytes, std::int64_t{2} << 30);
    team_ = std::make_unique<runtime::Team>(options.threads);
    tuner::Evolution evolution(
        (*family)->space(workload, target),
        [&](const schedule::Schedule& schedule) { return (*family)->estimate_seconds(workload, schedule, target); }, 1);
    std::optional<schedule::Schedule> winner;
    double best = std::numeric_limits<double>::infinity();
    const auto begin = Clock::now();
    for (int tried = 0; tried < options.candidates && seconds_since(begin) < kTuningSeconds;) {
      const auto schedules = evolution.propose(4);
      if (schedules.empty()) break;
      for (const auto& schedule : schedules) {
        ++tried;
        double seconds = std::numeric_limits<double>::infinity();
        if (load(workload, schedule, target.isa)) seconds = run(1);
        evolution.record(schedule, seconds);
        if (seconds >= best) continue;
        best = seconds;
        winner = schedule;
      }
    }
    if (!winner || !load(workload, *winner, target.isa)) return std::numeric_limits<double>::infinity();
    return best;
  }

  bool load(const schedule::Workload& workload, const schedule::Schedule& schedule, const Isa& isa) {
    const auto object = module::compile_kernel(workload, schedule, isa);
    if (!object || object->vector_spills > 0) return false;
    auto code = runtime::LoadedCode::load(object->image);
    if (!code) return false;
    code_.emplace(std::move(*code));
    entry_ = object->entry;
    scratch_stride_ = (static_cast<std::size_t>(object->scratch_bytes) + 4095) / 4096 * 4096;
    scratch_.resize(scratch_stride_ * static_cast<std::size_t>(team_->threads()) + 1);
    return true;
  }

  std::unique_ptr<tuner::Operands> operands_;
  std::unique_ptr<runtime::Team> team_;
  std::optional<runtime::LoadedCode> code_;
  std::uint64_t entry_ = 0;
  std::size_t scratch_stride_ = 0;
  std::vector<std::byte> scratch_;
};

/// How many copies of the weights are cold in turn.
std::size_t copies_of(const Matrix& matrix, std::int64_t rows, std::size_t element, const Target& target) {
  if (rows > 1) return 1;
  const auto bytes = static_cast<std::size_t>(matrix.n * matrix.k) * element;
  return 1 + 4 * static_cast<std::size_t>(target.l3_bytes) / bytes;
}

class OneDnn : public Player {
 public:
  OneDnn(const Matrix& matrix, std::int64_t rows, DType dtype, const Target& target, const Options& options)
      : threads_(options.threads), engine_(dnnl::engine::kind::cpu, 0), stream_(engine_) {
    using dnnl::memory;
    const auto type = dtype == DType::bf16 ? memory::data_type::bf16 : memory::data_type::f32;
    const memory::desc x({rows, matrix.k}, type, memory::format_tag::ab);
    const memory::desc w({matrix.k, matrix.n}, type, memory::format_tag::any);
    const memory::desc y({rows, matrix.n}, memory::data_type::f32, memory::format_tag::ab);
    omp_set_num_threads(threads_);
    const dnnl::matmul::primitive_desc description(dnnl::matmul::desc(x, w, y), engine_);
    matmul_ = dnnl::matmul(description);
    const auto make = [&](const memory::desc& desc) {
      memory result(desc, engine_);
      std::memset(result.get_data_handle(), 0x3c, desc.get_size());  // small numbers: no denormals, no NaN
      return result;
    };
    x_ = make(x);
    y_ = make(y);
    for (std::size_t i = 0; i < copies_of(matrix, rows, dtype == DType::bf16 ? 2 : 4, target); ++i) {
      w_.push_back(make(description.weights_desc()));
    }
  }
  double run(std::int64_t calls) override {
    omp_set_num_threads(threads_);
    const auto begin = Clock::now();
    for (std::int64_t i = 0; i < calls; ++i) {
      matmul_.execute(stream_, {{DNNL_ARG_SRC, x_}, {DNNL_ARG_WEIGHTS, w_[next_]}, {DNNL_ARG_DST, y_}});
      next_ = (next_ + 1) % w_.size();
    }
    stream_.wait();
    return seconds_since(begin) / static_cast<double>(calls);
  }

 private:
  int threads_;
  dnnl::engine engine_;
  dnnl::stream stream_;
  dnnl::matmul matmul_;
  dnnl::memory x_, y_;
  std::vector<dnnl::memory> w_;
  std::size_t next_ = 0;
};

class OpenBlas : public Player {
 public:
  OpenBlas(const Matrix& matrix, std::int64_t rows, const Target& target, const Options& options)
      : matrix_(matrix),
        rows_(rows),
        threads_(options.threads),
        copies_(copies_of(matrix, rows, 4, target)),
        x_(static_cast<std::size_t>(rows * matrix.k), 0.5F),
        w_(static_cast<std::size_t>(matrix.n * matrix.k) * copies_, 0.25F),
        y_(static_cast<std::size_t>(rows * matrix.n)) {}
  double run(std::int64_t calls) override {
    openblas_set_num_threads(threads_);
    const auto begin = Clock::now();
    for (std::int64_t i = 0; i < calls; ++i) {
      const float* w = w_.data() + next_ * static_cast<std::size_t>(matrix_.n * matrix_.k);
      next_ = (next_ + 1) % copies_;
      const auto n = static_cast<int>(matrix_.n);
      const auto k = static_cast<int>(matrix_.k);
      if (rows_ == 1) {
        cblas_sgemv(CblasRowMajor, CblasNoTrans, n, k, 1, w, k, x_.data(), 1, 0, y_.data(), 1);
      } else {
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, static_cast<int>(rows_), n, k, 1, x_.data(), k, w, k, 0,
                    y_.data(), n);
      }
    }
    return seconds_since(begin) / static_cast<double>(calls);
  }

 private:
  Matrix matrix_;
  std::int64_t rows_;
  int threads_;
  std::size_t copies_;
  std::vector<float> x_, w_, y_;
  std::size_t next_ = 0;
};

struct Row {
  double ours = 0, onednn = 0, openblas = 0;  ///< seconds, medians
  double ratio = 0;                           ///< oneDNN's time over ours, median of the rounds
};

Row compare(const Matrix& matrix, std::int64_t rows, DType dtype, const Target& target, const Options& options) {
  Row row;
  const auto ours = Ours::make(matrix, rows, dtype, target, options);
  if (!ours) return row;
  OneDnn onednn(matrix, rows, dtype, target, options);
  std::optional<OpenBlas> openblas;
  if (dtype == DType::f32) openblas.emplace(matrix, rows, target, options);
  std::vector<double> a, b, c, ratios;
  const auto sample = [](Player& player) {
    const double once = player.run(1);
    return player.run(std::max<std::int64_t>(1, static_cast<std::int64_t>(kSampleSeconds / once)));
  };
  for (int round = 0; round < kRounds; ++round) {
    a.push_back(ours->run(1));
    b.push_back(sample(onednn));
    if (openblas) c.push_back(sample(*openblas));
    ratios.push_back(b.back() / a.back());
  }
  row = {median(a), median(b), c.empty() ? 0 : median(c), median(ratios)};
  return row;
}

/// "1.05x", "-" of none.
std::string mean_text(const std::vector<double>& ratios) {
  if (ratios.empty()) return "-";
  double log_sum = 0;
  for (const double ratio : ratios) log_sum += std::log(ratio);
  return fmt::format("{:.2f}x", std::exp(log_sum / static_cast<double>(ratios.size())));
}

int run(const Options& options) {
  const auto target = measure_target();
  if (!target) {
    fmt::print(stderr, "{}\n", target.error().message());
    return 1;
  }
  Json rows_json = Json::array();
  for (const DType dtype : options.dtypes) {
    if (!options.json) {
      fmt::print("\n{} on {}, {} thread{}, GMAC/s{}\n", graph::name(dtype), target->short_name, options.threads,
                 options.threads == 1 ? "" : "s", target->isa.amx_bf16 ? " (oneDNN uses AMX for bf16)" : "");
      fmt::print("{:<22} {:>8} {:>8} {:>8} {:>16}\n", "m, n, k", "ours", "oneDNN", "OpenBLAS", "ours over oneDNN");
    }
    std::vector<double> ratios, of_several_rows;
    for (const std::int64_t rows : options.rows) {
      for (const Matrix& matrix : kMatrices) {
        const Row row = compare(matrix, rows, dtype, *target, options);
        const double macs = static_cast<double>(rows * matrix.n * matrix.k) / 1e9;
        const auto rate = [&](double seconds) { return seconds > 0 ? fmt::format("{:.1f}", macs / seconds) : "-"; };
        if (options.json) {
          rows_json.push_back({{"dtype", graph::name(dtype)},
                               {"m", rows},
                               {"n", matrix.n},
                               {"k", matrix.k},
                               {"threads", options.threads},
                               {"ours_s", row.ours},
                               {"onednn_s", row.onednn},
                               {"openblas_s", row.openblas},
                               {"ratio", row.ratio}});
        } else {
          fmt::print("{:<22} {:>8} {:>8} {:>8} {:>15.2f}x\n", fmt::format("{}, {}, {}", rows, matrix.n, matrix.k),
                     rate(row.ours), rate(row.onednn), rate(row.openblas), row.ratio);
          std::fflush(stdout);
        }
        if (row.ratio <= 0) continue;
        ratios.push_back(row.ratio);
        if (rows > 1) of_several_rows.push_back(row.ratio);
      }
    }
    if (!options.json && !ratios.empty()) {
      fmt::print("of oneDNN in the geometric mean {}, without shapes of one row {}; worst {:.2f}x\n", mean_text(ratios),
                 mean_text(of_several_rows), std::ranges::min(ratios));
    }
  }
  if (options.json) fmt::print("{}\n", rows_json.dump(1));
  return 0;
}

}  // namespace
}  // namespace nntune

int main(int argc, char** argv) {
  nntune::Options options;
  cxxopts::Options declared("bench_kernels",
                            "Generated matmuls beside oneDNN and OpenBLAS, on the matrices of Qwen3-0.6B.\n");
  auto add = declared.add_options();
  add("threads", "of each", cxxopts::value<int>(options.threads)->default_value("1"), "N");
  add("candidates", "schedules tried for each shape and width of panels",
      cxxopts::value<int>(options.candidates)->default_value("24"), "N");
  add("dtype", "f32 or bf16 (default: both)", cxxopts::value<std::string>(), "TYPE");
  // Into an empty list: cxxopts appends to what is there.
  std::vector<std::int64_t> given_rows;
  add("rows", "of the left matrix (default: 1,16,128,512)", cxxopts::value<std::vector<std::int64_t>>(given_rows), "M,…");
  add("json", "print JSON", cxxopts::value<bool>(options.json));
  add("help", "print this");
  try {
    const auto arguments = declared.parse(argc, argv);
    if (arguments.count("help") != 0) {
      fmt::print("{}", declared.help());
      return 0;
    }
    if (arguments.count("dtype") != 0) {
      const auto dtype = nntune::graph::parse_dtype(arguments["dtype"].as<std::string>());
      if (!dtype || *dtype == nntune::DType::i32) throw std::invalid_argument("--dtype takes f32 or bf16");
      options.dtypes = {*dtype};
    }
    if (!given_rows.empty()) options.rows = given_rows;
    const bool positive = options.threads > 0 && options.candidates > 0 &&
                          std::ranges::all_of(options.rows, [](std::int64_t rows) { return rows > 0; });
    if (!positive) throw std::invalid_argument("--threads, --candidates and --rows take positive numbers");
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_kernels: {}\n", error.what());
    return 2;
  }
  return nntune::run(options);
}
