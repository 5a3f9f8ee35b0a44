#include "tuner/worker_main.h"

#include <fmt/format.h>
#include <llvm/Support/ErrorHandling.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <deque>
#include <fstream>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <string>

#include "base/bandwidth.h"
#include "base/clock.h"
#include "base/json.h"
#include "compiler/codegen/object.h"
#include "compiler/kernels/family.h"
#include "compiler/runtime/code.h"
#include "compiler/runtime/team.h"
#include "tuner/check.h"
#include "tuner/environment.h"
#include "tuner/kernel_duel.h"
#include "tuner/operands.h"
#include "tuner/protocol.h"
#include "tuner/timing.h"
#include "tuner/worker_process.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define NNTUNE_ADDRESS_SPACE_IS_SHADOWED 1
#else
#define NNTUNE_ADDRESS_SPACE_IS_SHADOWED 0
#endif

namespace nntune::tuner {
namespace {

using reference::HostTensor;

/// Dies with the parent, and leaves Ctrl-C to it.
bool tie_to_parent(pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) return false;  // it was gone before the request above
  signal(SIGINT, SIG_IGN);
  signal(SIGTERM, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  return true;
}

[[noreturn]] void leave_out_of_memory() { _exit(kOutOfMemoryExit); }

/// An allocation beyond the cap fails; the parent also watches the resident size, for what this cannot see.
void cap_memory(std::int64_t bytes) {
  std::set_new_handler([] { leave_out_of_memory(); });
  llvm::install_bad_alloc_error_handler([](void*, const char*, bool) { leave_out_of_memory(); });
  if (NNTUNE_ADDRESS_SPACE_IS_SHADOWED) return;
  std::ifstream file("/proc/self/statm");
  rlim_t pages = 0;
  file >> pages;
  const rlim_t limit = pages * static_cast<rlim_t>(sysconf(_SC_PAGESIZE)) + static_cast<rlim_t>(bytes);
  const rlimit cap{limit, limit};
  setrlimit(RLIMIT_AS, &cap);
}

/// verdict(value, detail) completes `answer`, one of protocol.h, and gives its JSON.
template <class Answer>
auto verdict_on(Answer& answer) {
  return [&answer](db::Verdict value, std::string detail) {
    answer.verdict = value;
    answer.detail = std::move(detail);
    return answer.to_json();
  };
}

/// A workload's data in memory and what its output should be.
struct Bench {
  Operands operands;
  HostTensor<float> expected;
};

struct Loaded {
  schedule::Workload workload;
  std::shared_ptr<runtime::LoadedCode> code;
  std::uint64_t entry = 0;
  std::int64_t scratch_bytes = 0;
};

class Worker {
 public:
  Status set_up(const Json& json) {
    NNTUNE_ASSIGN(setup_, WorkerSetup::from_json(json));
    cap_memory(setup_.memory_bytes);
    return {};
  }

  Json serve(const Json& request) {
    const std::string kind = request.value("request", "");
    if (kind == "prepare") return prepare(request);
    if (kind == "time") return time(request);
    if (kind == "duel") return duel(request);
    if (kind == "reference") return reference(request);
    return {{"error", "unknown request"}};
  }

 private:
  Json reference(const Json& request) {
    auto workload = schedule::Workload::parse(request.value("workload", ""));
    if (!workload) return {{"error", workload.error().message()}};
    const auto output = reference_output(*workload, setup_.shared_folder);
    return output ? Json::object() : Json{{"error", output.error().message()}};
  }

  Json prepare(const Json& request) {
    Prepared prepared;
    const auto verdict = verdict_on(prepared);
    auto candidate = Candidate::from_json(request.at("candidate"));
    if (!candidate) return verdict(db::Verdict::compile_error, candidate.error().message());

    const Clock::time_point begin = Clock::now();
    auto object = compile(*candidate);
    prepared.compile_seconds = seconds_since(begin);
    if (!object) return verdict(db::Verdict::compile_error, object.error().message());
    prepared.object = object->hash();
    prepared.spills = object->vector_spills;
    if (prepared.spills > 0) {
      return verdict(db::Verdict::compile_error,
                     fmt::format("{} vector registers spilled in its innermost loops: not worth timing", prepared.spills));
    }
    auto code = runtime::LoadedCode::load(object->image);
    if (!code) return verdict(db::Verdict::compile_error, code.error().message());
    Loaded loaded{.workload = candidate->workload,
                  .code = std::make_shared<runtime::LoadedCode>(std::move(*code)),
                  .entry = object->entry,
                  .scratch_bytes = object->scratch_bytes};

    const Clock::time_point check_begin = Clock::now();
    auto scratch = allocate_scratch(loaded);
    if (!scratch) return verdict(db::Verdict::out_of_memory, "scratch: " + scratch.error().message());
    auto bench = bench_for(candidate->workload);
    if (!bench) return verdict(db::Verdict::out_of_memory, bench.error().message());
    const Comparison comparison =
        check((*bench)->operands, callable(loaded, *scratch), team_of(candidate->workload.threads), (*bench)->expected);
    prepared.check_seconds = seconds_since(check_begin);
    prepared.max_error = comparison.max_error;
    prepared.tolerance = comparison.tolerance;
    if (!comparison.ok()) {
      benches_.clear();  // it may have written over its inputs
      return verdict(db::Verdict::wrong_result, comparison.text());
    }
    loaded_.emplace(request.at("handle").get<std::uint64_t>(), std::move(loaded));
    if (loaded_.size() > kLoadedKept) loaded_.erase(loaded_.begin());  // handles rise: the oldest
    return prepared.to_json();
  }

  Expected<codegen::ObjectCode> compile(const Candidate& candidate) const {
    if (candidate.code) return *candidate.code;
    NNTUNE_ASSIGN(const kernels::Family* family, kernels::find_family(candidate.workload));
    if (const std::string reason = family->refuse(candidate.workload, setup_.target.isa); !reason.empty()) {
      return fail(ErrorKind::unsupported, reason);
    }
    NNTUNE_TRY(family->space(candidate.workload, setup_.target).validate(candidate.schedule));
    NNTUNE_ASSIGN(const loopir::Function function, family->build(candidate.workload, candidate.schedule, setup_.target.isa));
    return codegen::compile(function, setup_.target.isa);
  }

  static std::size_t scratch_stride(const Loaded& loaded) {
    // Whole cache line pairs, so that threads do not share one.
    return (static_cast<std::size_t>(std::max<std::int64_t>(loaded.scratch_bytes, 0)) + 127) / 128 * 128;
  }

  Expected<Pages> allocate_scratch(const Loaded& loaded) const {
    const std::size_t bytes = scratch_stride(loaded) * static_cast<std::size_t>(loaded.workload.threads);
    if (bytes > static_cast<std::size_t>(setup_.memory_bytes)) {
      return fail(ErrorKind::infeasible, fmt::format("{} MB asked, {} MB allowed", bytes >> 20, setup_.memory_bytes >> 20));
    }
    return Pages::allocate(bytes);
  }

  /// The data of a workload, made when first needed; few are kept.
  Expected<Bench*> bench_for(const schedule::Workload& workload) {
    const Hash128 key = workload.hash();
    const auto found = std::ranges::find(benches_, key, [](const auto& entry) { return entry.first; });
    if (found != benches_.end()) return found->second.get();
    while (!benches_.empty() && (benches_.size() >= kBenchesKept || bench_bytes() > setup_.memory_bytes / 4))
      benches_.pop_front();
    NNTUNE_ASSIGN(HostTensor<float> expected, reference_output(workload, setup_.shared_folder));
    NNTUNE_ASSIGN(Operands operands, Operands::create(workload));
    benches_.emplace_back(key, std::make_unique<Bench>(Bench{std::move(operands), std::move(expected)}));
    return benches_.back().second.get();
  }

  std::int64_t bench_bytes() const {
    std::int64_t sum = 0;
    for (const auto& [key, bench] : benches_) {
      sum += bench->operands.bytes() + static_cast<std::int64_t>(bench->expected.values.size() * sizeof(float));
    }
    return sum;
  }

  /// The operands with their cold copies, and the team, as the timing of a workload needs them.
  Expected<Operands*> ready(const schedule::Workload& workload) {
    NNTUNE_ASSIGN(Bench * bench, bench_for(workload));
    // Many times the last-level cache between two uses of the same bytes: as cold as in a running model. With twice as much,
    // a cache that does not replace strictly the oldest still served a third of the reads.
    NNTUNE_TRY(bench->operands.add_cold_copies(kColdCaches * setup_.target.l3_bytes, setup_.memory_bytes / 4));
    team_of(workload.threads);
    return &bench->operands;
  }

  runtime::Team& team_of(int threads) {
    if (!team_ || team_->threads() != threads) {
      team_.reset();
      team_.emplace(threads);
    }
    return *team_;
  }

  static CallableKernel callable(const Loaded& loaded, const Pages& scratch) {
    return {loaded.code->entry(loaded.entry), scratch.data(), scratch_stride(loaded)};
  }

  Json time(const Json& request) {
    Timed timed;
    const auto verdict = verdict_on(timed);
    const auto found = loaded_.find(request.at("handle").get<std::uint64_t>());
    const auto timing = TimingRequest::from_json(request.at("timing"));
    if (found == loaded_.end() || !timing) return verdict(db::Verdict::crash, "asked to time what was not prepared");
    const Loaded& loaded = found->second;
    const auto operands = ready(loaded.workload);
    if (!operands) return verdict(db::Verdict::out_of_memory, operands.error().message());
    auto scratch = allocate_scratch(loaded);
    if (!scratch) return verdict(db::Verdict::out_of_memory, scratch.error().message());
    const EnvironmentWatch watch;
    timed = time_kernel(**operands, callable(loaded, *scratch), *team_, *timing);
    if (timing->read_bandwidth) {
      timed.read_bytes_per_s = measure_read_bandwidth((*operands)->cold_copies(), loaded.workload.threads, 1);
    }
    timed.environment = watch.so_far();
    timed.environment["dropped"] = timed.dropped;
    return timed.to_json();
  }

  Json duel(const Json& request) {
    DuelResult result;
    const auto verdict = verdict_on(result);
    const auto duel = DuelRequest::from_json(request.at("duel"));
    std::vector<const Loaded*> loaded;
    for (const auto handle : request.at("handles").get<std::vector<std::uint64_t>>()) {
      const auto found = loaded_.find(handle);
      if (found == loaded_.end()) return verdict(db::Verdict::crash, "asked to time what was not prepared");
      loaded.push_back(&found->second);
    }
    const bool same = !loaded.empty() && std::ranges::all_of(loaded, [&](const Loaded* each) {
      return each->workload.hash() == loaded.front()->workload.hash();
    });
    if (!duel || !same) return verdict(db::Verdict::crash, "a duel is between candidates of one workload");
    const auto operands = ready(loaded.front()->workload);
    if (!operands) return verdict(db::Verdict::out_of_memory, operands.error().message());
    // They take turns, so they can share the memory: its pages then favour none.
    const Loaded* const largest =
        *std::ranges::max_element(loaded, {}, [](const Loaded* each) { return scratch_stride(*each); });
    auto scratch = allocate_scratch(*largest);
    if (!scratch) return verdict(db::Verdict::out_of_memory, scratch.error().message());
    std::vector<CallableKernel> kernels;
    for (const Loaded* each : loaded) kernels.push_back(callable(*each, *scratch));
    const EnvironmentWatch watch;
    result = duel_kernels(**operands, kernels, *team_, *duel);
    result.environment = watch.so_far();
    result.environment["dropped"] = result.dropped;
    return result.to_json();
  }

  static constexpr std::int64_t kColdCaches = 6;
  static constexpr std::size_t kBenchesKept = 4;
  static constexpr std::size_t kLoadedKept = 256;

  WorkerSetup setup_;
  std::map<std::uint64_t, Loaded> loaded_;
  std::deque<std::pair<Hash128, std::unique_ptr<Bench>>> benches_;
  std::optional<runtime::Team> team_;
};

/// The next line, or nothing when the parent has closed the socket.
std::optional<std::string> read_line(std::string& buffer) {
  while (true) {
    if (const std::size_t end = buffer.find('\n'); end != std::string::npos) {
      std::string line = buffer.substr(0, end);
      buffer.erase(0, end + 1);
      return line;
    }
    char chunk[65536];
    const ssize_t count = read(kWorkerSocket, chunk, sizeof chunk);
    if (count == 0 || (count < 0 && errno != EINTR)) return std::nullopt;
    if (count > 0) buffer.append(chunk, static_cast<std::size_t>(count));
  }
}

bool write_line(std::string line) {
  line += '\n';
  std::size_t sent = 0;
  while (sent < line.size()) {
    const ssize_t count = send(kWorkerSocket, line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
    if (count < 0 && errno != EINTR) return false;
    if (count > 0) sent += static_cast<std::size_t>(count);
  }
  return true;
}

}  // namespace

int worker_main(pid_t parent) {
  if (!tie_to_parent(parent)) return 1;
  Worker worker;
  std::string buffer;
  const auto setup = read_line(buffer);
  if (!setup) return 0;
  const auto setup_json = parse_json(*setup, "setup");
  if (!setup_json || !worker.set_up(*setup_json)) return 1;
  while (const auto line = read_line(buffer)) {
    const auto request = parse_json(*line, "request");
    if (!request) return 1;
    try {
      if (!write_line(worker.serve(*request).dump())) return 0;
    } catch (const Json::exception& error) {
      return 1;  // a request of another version; the parent sees the exit code
    }
  }
  return 0;
}

}  // namespace nntune::tuner
