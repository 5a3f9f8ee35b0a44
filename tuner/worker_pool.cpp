#include "tuner/worker_pool.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <string>

#include "base/cgroup.h"
#include "base/json.h"
#include "tuner/interrupt.h"

namespace nntune::tuner {
namespace {

constexpr const char* kFolderPrefix = "nntune-search-";
constexpr std::int64_t kLeastWorkerBytes = 1LL << 30;
/// How often limits of time and memory and the interrupt flag are looked at while workers are busy.
constexpr int kPollMilliseconds = 20;

void remove_folders_of_the_dead(const std::filesystem::path& parent) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(parent, ignored)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kFolderPrefix)) continue;
    const auto owner = static_cast<pid_t>(std::strtol(name.c_str() + std::string_view(kFolderPrefix).size(), nullptr, 10));
    if (owner > 0 && ::kill(owner, 0) != 0 && errno == ESRCH) std::filesystem::remove_all(entry.path(), ignored);
  }
}

Error interrupted_error() { return {ErrorKind::interrupted, "interrupted", ""}; }

/// What a worker answered, or the verdict on one that did not.
template <class Answer>
Expected<Answer> read_answer(Reply reply) {
  if (reply.verdict == db::Verdict::ok) return Answer::from_json(reply.json);
  Answer answer;
  answer.verdict = reply.verdict;
  answer.detail = std::move(reply.detail);
  return answer;
}

}  // namespace

Expected<SharedFolder> SharedFolder::create() {
  std::error_code error;
  const std::filesystem::path parent = std::filesystem::temp_directory_path(error);
  if (error) return fail(ErrorKind::io, "no temporary folder: " + error.message(), "set TMPDIR to a writable folder");
  remove_folders_of_the_dead(parent);
  std::string path = (parent / fmt::format("{}{}-XXXXXX", kFolderPrefix, getpid())).string();
  if (mkdtemp(path.data()) == nullptr) {
    return fail(ErrorKind::io, fmt::format("cannot make a folder in {}", parent.string()),
                "set TMPDIR to a writable folder");
  }
  return SharedFolder(path);
}

SharedFolder::~SharedFolder() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

Expected<WorkerPool> WorkerPool::start(const std::filesystem::path& binary, const Target& target, int workers,
                                       std::int64_t memory_bytes) {
  NNTUNE_ASSIGN(SharedFolder folder, SharedFolder::create());
  const int count = std::max(1, workers);
  if (memory_bytes == 0) memory_bytes = std::max(kLeastWorkerBytes, available_memory_bytes() / 2 / count);
  WorkerSetup setup{.target = target, .shared_folder = folder.path(), .memory_bytes = memory_bytes};
  WorkerPool pool(binary, std::move(setup), std::move(folder), static_cast<std::size_t>(count));
  for (Slot& slot : pool.slots_) NNTUNE_TRY(pool.ensure_alive(slot));
  return pool;
}

Status WorkerPool::ensure_alive(Slot& slot) {
  if (slot.process && slot.process->alive()) return {};
  NNTUNE_ASSIGN(slot.process, WorkerProcess::start(binary_, setup_));
  ++slot.generation;
  return {};
}

std::vector<pid_t> WorkerPool::pids() const {
  std::vector<pid_t> living;
  for (std::size_t worker = 0; worker < slots_.size(); ++worker) {
    if (pid(worker) > 0) living.push_back(pid(worker));
  }
  return living;
}

void WorkerPool::wait_for_any() const {
  std::vector<pollfd> sockets;
  for (const Slot& slot : slots_) {
    if (slot.process && slot.process->busy()) sockets.push_back({slot.process->socket(), POLLIN, 0});
  }
  poll(sockets.data(), sockets.size(), kPollMilliseconds);
}

Expected<std::vector<WorkerPool::Answer>> WorkerPool::run(std::span<const Json> requests, std::chrono::milliseconds limit) {
  std::vector<Answer> answers(requests.size());
  std::vector<std::size_t> request_of(slots_.size(), 0);
  std::size_t sent = 0;
  std::size_t done = 0;
  while (done < requests.size()) {
    for (std::size_t worker = 0; worker < slots_.size() && sent < requests.size(); ++worker) {
      Slot& slot = slots_[worker];
      if (slot.process && slot.process->busy()) continue;
      NNTUNE_TRY(ensure_alive(slot));
      slot.process->send(requests[sent], limit);
      request_of[worker] = sent++;
    }
    wait_for_any();
    for (std::size_t worker = 0; worker < slots_.size(); ++worker) {
      Slot& slot = slots_[worker];
      if (!slot.process || !slot.process->busy()) continue;
      Reply reply;
      if (!slot.process->poll_reply(reply)) continue;
      if (!slot.process->alive()) ++replaced_;
      answers[request_of[worker]] = {std::move(reply), worker, slot.generation};
      ++done;
    }
    if (interrupted()) {
      // What is under way is given up: those workers may be busy for long.
      for (Slot& slot : slots_) {
        if (slot.process && slot.process->busy()) slot.process->kill();
      }
      return tl::unexpected(interrupted_error());
    }
  }
  return answers;
}

Expected<std::vector<Prepared>> WorkerPool::prepare(std::span<const Candidate> candidates, std::chrono::milliseconds limit) {
  std::vector<Json> requests;
  std::vector<std::uint64_t> handles;
  for (const Candidate& candidate : candidates) {
    handles.push_back(next_handle_++);
    requests.push_back({{"request", "prepare"}, {"handle", handles.back()}, {"candidate", candidate.to_json()}});
  }
  NNTUNE_ASSIGN(std::vector<Answer> answers, run(requests, limit));
  std::vector<Prepared> results;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    Answer& answer = answers[i];
    NNTUNE_ASSIGN(Prepared prepared, read_answer<Prepared>(std::move(answer.reply)));
    prepared.worker = answer.worker;
    prepared.generation = answer.generation;
    prepared.handle = handles[i];
    results.push_back(std::move(prepared));
  }
  return results;
}

bool WorkerPool::is_there(const Prepared& prepared) const {
  const Slot& slot = slots_[prepared.worker];
  return slot.process && slot.process->alive() && slot.generation == prepared.generation;
}

Expected<Reply> WorkerPool::ask(Slot& slot, const Json& request, std::chrono::milliseconds limit) {
  slot.process->send(request, limit);
  Reply reply;
  while (!slot.process->poll_reply(reply)) {
    if (interrupted()) {
      slot.process->kill();
      return tl::unexpected(interrupted_error());
    }
    wait_for_any();
  }
  if (reply.verdict != db::Verdict::ok) ++replaced_;
  return reply;
}

Expected<Prepared> WorkerPool::prepare_in(std::size_t worker, const Candidate& candidate, std::chrono::milliseconds limit) {
  Slot& slot = slots_[worker];
  NNTUNE_TRY(ensure_alive(slot));
  const std::uint64_t handle = next_handle_++;
  NNTUNE_ASSIGN(Reply reply,
                ask(slot, {{"request", "prepare"}, {"handle", handle}, {"candidate", candidate.to_json()}}, limit));
  NNTUNE_ASSIGN(Prepared prepared, read_answer<Prepared>(std::move(reply)));
  prepared.worker = worker;
  prepared.generation = slot.generation;
  prepared.handle = handle;
  return prepared;
}

Expected<std::vector<Prepared>> WorkerPool::prepare_together(std::span<const Candidate> candidates,
                                                             std::chrono::milliseconds limit) {
  std::vector<Prepared> results;
  for (const Candidate& candidate : candidates) {
    NNTUNE_ASSIGN(Prepared prepared, prepare_in(0, candidate, limit));
    results.push_back(std::move(prepared));
  }
  // A crash took those before it along; none of these crashed, so once more is enough but for one that crashes at times.
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (results[i].verdict != db::Verdict::ok || is_there(results[i])) continue;
    NNTUNE_ASSIGN(results[i], prepare_in(0, candidates[i], limit));
  }
  return results;
}

Expected<Timed> WorkerPool::time(const Prepared& prepared, const TimingRequest& request, std::chrono::milliseconds limit) {
  if (!is_there(prepared)) {
    return fail(ErrorKind::infeasible, "the worker of this candidate was replaced", "prepare it again");
  }
  NNTUNE_ASSIGN(Reply reply, ask(slots_[prepared.worker],
                                 {{"request", "time"}, {"handle", prepared.handle}, {"timing", request.to_json()}}, limit));
  return read_answer<Timed>(std::move(reply));
}

Expected<DuelResult> WorkerPool::duel(std::span<const Prepared> candidates, const DuelRequest& request,
                                      std::chrono::milliseconds limit) {
  std::vector<std::uint64_t> handles;
  for (const Prepared& prepared : candidates) {
    if (prepared.verdict != db::Verdict::ok || !is_there(prepared) || prepared.worker != candidates.front().worker) {
      return fail(ErrorKind::infeasible, "the candidates of a duel are not ready in one worker", "prepare them again");
    }
    handles.push_back(prepared.handle);
  }
  if (handles.empty()) return fail(ErrorKind::infeasible, "a duel needs candidates");
  NNTUNE_ASSIGN(Reply reply, ask(slots_[candidates.front().worker],
                                 {{"request", "duel"}, {"handles", handles}, {"duel", request.to_json()}}, limit));
  return read_answer<DuelResult>(std::move(reply));
}

Expected<std::vector<Status>> WorkerPool::compute_references(std::span<const schedule::Workload> workloads,
                                                             std::chrono::milliseconds limit) {
  std::vector<Json> requests;
  for (const schedule::Workload& workload : workloads) {
    requests.push_back({{"request", "reference"}, {"workload", workload.text()}});
  }
  NNTUNE_ASSIGN(const std::vector<Answer> answers, run(requests, limit));
  std::vector<Status> results;
  for (const Answer& answer : answers) {
    std::string problem = answer.reply.detail;
    if (answer.reply.verdict == db::Verdict::ok) problem = answer.reply.json.value("error", "");
    results.push_back(problem.empty() ? Status{} : Status(fail(ErrorKind::unsupported, "no reference result: " + problem)));
  }
  return results;
}

}  // namespace nntune::tuner
