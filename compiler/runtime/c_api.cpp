// The C API is a border: what comes in is checked here, and neither an Error nor an exception goes out.
#include "compiler/runtime/nntune.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <exception>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/target.h"
#include "compiler/runtime/module.h"
#include "compiler/runtime/session.h"
#include "compiler/runtime/team_pool.h"

struct nntune_module {
  std::shared_ptr<const nntune::runtime::Module> module;
  mutable nntune::runtime::TeamPool teams;  ///< the module itself never changes; the pool is for several threads
};

struct nntune_sequence {
  std::unique_ptr<nntune::runtime::Session> session;
  bool has_logits = false;
};

namespace nntune::runtime {
namespace {

constexpr std::int64_t kMostContext = std::int64_t{1} << 20;
constexpr std::int64_t kMostThreadsPerCpu = 4;

/// Room for the longest path and what is wrong with it. No std::string: to report that there is no memory takes none.
thread_local std::array<char, 5120> last_message = {};

/// Keeps "what; hint" for nntune_error_message(), as much of it as fits. Takes no memory.
nntune_status refuse(nntune_status status, std::string_view what, std::string_view hint = {}) noexcept {
  const std::string_view between = hint.empty() ? "" : "; ";
  *fmt::format_to_n(last_message.data(), last_message.size() - 1, "{}{}{}", what, between, hint).out = '\0';
  return status;
}

nntune_status refuse(nntune_status status, const Error& error) noexcept { return refuse(status, error.what, error.hint); }

nntune_status is_null(const char* what) {
  return refuse(NNTUNE_ERROR_ARGUMENT, fmt::format("{} is NULL", what), "give what was loaded or created");
}

/// Calls `body`, which gives a T; `failed` makes one of the status of an exception.
template <class Body, class Failed>
auto guarded(const Body& body, const Failed& failed) noexcept {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return failed(refuse(NNTUNE_ERROR_MEMORY, "out of memory", "close other programs, or give a smaller context"));
  } catch (const std::system_error& e) {
    return failed(refuse(NNTUNE_ERROR_SYSTEM, e.what(), "check the limits of this process, or give fewer threads"));
  } catch (const std::exception& e) {
    return failed(refuse(NNTUNE_ERROR_INTERNAL, e.what(), "please report it"));
  } catch (...) {
    return failed(refuse(NNTUNE_ERROR_INTERNAL, "an exception of unknown type", "please report it"));
  }
}

template <class Body>
nntune_status guarded(const Body& body) noexcept {
  return guarded(body, [](nntune_status status) { return status; });
}

/// What `get` gives for an argument that is not NULL, else `none` with a message.
template <class Handle, class T, class Get>
T value_of(const Handle* handle, const char* name, T none, const Get& get) noexcept {
  return guarded(
      [&]() -> T {
        if (handle != nullptr) return get(*handle);
        is_null(name);
        return none;
      },
      [&](nntune_status) { return none; });
}

nntune_status status_of_load(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::usage: return NNTUNE_ERROR_ARGUMENT;
    case ErrorKind::bad_input: return NNTUNE_ERROR_FILE;
    case ErrorKind::io: return NNTUNE_ERROR_SYSTEM;
    case ErrorKind::unsupported: return NNTUNE_ERROR_UNSUPPORTED;
    case ErrorKind::infeasible:
    case ErrorKind::interrupted:
    case ErrorKind::internal: break;
  }
  return NNTUNE_ERROR_INTERNAL;
}

nntune_status check_threads(int threads) {
  const std::int64_t most = kMostThreadsPerCpu * static_cast<std::int64_t>(allowed_cpus().size());
  if (threads >= 0 && threads <= most) return NNTUNE_OK;
  return refuse(NNTUNE_ERROR_ARGUMENT, fmt::format("{} threads are out of range", threads),
                fmt::format("give 1 to {}, or 0 for the default", most));
}

nntune_status load(const char* path, int threads, nntune_module** module) {
  if (module == nullptr) return refuse(NNTUNE_ERROR_ARGUMENT, "module is NULL", "give the address of a pointer");
  *module = nullptr;
  if (path == nullptr) return refuse(NNTUNE_ERROR_ARGUMENT, "path is NULL", "give that of a module");
  if (const auto status = check_threads(threads); status != NNTUNE_OK) return status;
  auto opened = Module::open(path, threads > 0 ? threads : static_cast<int>(allowed_cpus().size()));
  if (!opened) return refuse(status_of_load(opened.error().kind), opened.error());
  auto result = std::make_unique<nntune_module>();
  result->module = *std::move(opened);
  *module = result.release();
  return NNTUNE_OK;
}

nntune_status create(const nntune_module* module, std::int64_t context, int threads, nntune_sequence** sequence) {
  if (sequence == nullptr) return refuse(NNTUNE_ERROR_ARGUMENT, "sequence is NULL", "give the address of a pointer");
  *sequence = nullptr;
  if (module == nullptr) return is_null("module");
  if (context < 1 || context > kMostContext) {
    return refuse(NNTUNE_ERROR_ARGUMENT, fmt::format("a context of {} tokens is out of range", context),
                  fmt::format("give 1 to {}", kMostContext));
  }
  if (const auto status = check_threads(threads); status != NNTUNE_OK) return status;
  const int cpus = static_cast<int>(allowed_cpus().size());
  if (threads == 0) threads = std::clamp(module->module->plan().threads, 1, cpus);
  auto session = Session::create(module->module, module->teams.team(threads), context);
  // All that a session asks the system for is memory.
  if (!session) {
    const bool memory = session.error().kind == ErrorKind::io;
    return refuse(memory ? NNTUNE_ERROR_MEMORY : NNTUNE_ERROR_INTERNAL, session.error());
  }
  auto result = std::make_unique<nntune_sequence>();
  result->session = *std::move(session);
  *sequence = result.release();
  return NNTUNE_OK;
}

nntune_status check_tokens(const nntune_sequence& sequence, std::span<const std::int32_t> tokens) {
  const Session& session = *sequence.session;
  const auto room = static_cast<std::size_t>(session.ctx() - session.position());
  if (tokens.size() > room) {
    return refuse(
        NNTUNE_ERROR_CONTEXT_FULL,
        fmt::format("{} tokens after {} do not fit into a context of {}", tokens.size(), session.position(), session.ctx()),
        "rewind the sequence, or create it with a larger context");
  }
  const Status checked = session.check(tokens);
  return checked ? NNTUNE_OK : refuse(NNTUNE_ERROR_ARGUMENT, checked.error());
}

/// Nothing is left to go wrong: what runs has been checked.
nntune_status append(nntune_sequence& sequence, std::span<const std::int32_t> tokens) {
  const Status done = sequence.session->prefill(tokens);
  if (!done) return refuse(NNTUNE_ERROR_INTERNAL, done.error());
  sequence.has_logits = true;
  return NNTUNE_OK;
}

nntune_status prefill(nntune_sequence* sequence, const std::int32_t* tokens, std::size_t count) {
  if (sequence == nullptr) return is_null("sequence");
  if (tokens == nullptr) return refuse(NNTUNE_ERROR_ARGUMENT, "tokens is NULL", "give the ids of at least one token");
  if (const auto status = check_tokens(*sequence, {tokens, count}); status != NNTUNE_OK) return status;
  return append(*sequence, {tokens, count});
}

nntune_status check_decode(std::span<nntune_sequence* const> sequences, const std::int32_t* tokens) {
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    if (sequences[i] == nullptr) return is_null(fmt::format("sequences[{}]", i).c_str());
    if (&sequences[i]->session->module() != &sequences[0]->session->module()) {
      return refuse(NNTUNE_ERROR_ARGUMENT, fmt::format("sequences[{}] is of another module than sequences[0]", i),
                    "make one call for each module");
    }
    if (const auto status = check_tokens(*sequences[i], {tokens + i, 1}); status != NNTUNE_OK) return status;
  }
  std::vector<nntune_sequence*> sorted(sequences.begin(), sequences.end());
  std::ranges::sort(sorted);
  if (const auto twice = std::ranges::adjacent_find(sorted); twice != sorted.end()) {
    return refuse(NNTUNE_ERROR_ARGUMENT,
                  fmt::format("sequences[{}] is given twice", std::ranges::find(sequences, *twice) - sequences.begin()),
                  "give one token for each sequence");
  }
  return NNTUNE_OK;
}

nntune_status decode(nntune_sequence* const* sequences, const std::int32_t* tokens, std::size_t count) {
  if (sequences == nullptr || tokens == nullptr || count == 0) {
    return refuse(NNTUNE_ERROR_ARGUMENT, "there is nothing to decode", "give at least one sequence and its token");
  }
  const std::span all(sequences, count);
  if (const auto status = check_decode(all, tokens); status != NNTUNE_OK) return status;
  for (std::size_t i = 0; i < count; ++i) {
    if (const auto status = append(*all[i], {tokens + i, 1}); status != NNTUNE_OK) return status;
  }
  return NNTUNE_OK;
}

nntune_status rewind(nntune_sequence* sequence, std::int64_t position) {
  if (sequence == nullptr) return is_null("sequence");
  Session& session = *sequence->session;
  if (position < 0 || position > session.position()) {
    return refuse(NNTUNE_ERROR_ARGUMENT,
                  fmt::format("there is no position {} in a sequence of {} tokens", position, session.position()),
                  "give one that was passed already");
  }
  if (position == session.position()) return NNTUNE_OK;
  session.rewind(position);
  sequence->has_logits = false;
  return NNTUNE_OK;
}

bool has_logits(const nntune_sequence& sequence) noexcept {
  if (sequence.has_logits) return true;
  refuse(NNTUNE_ERROR_ARGUMENT, "no token has run since the sequence was created or rewound", "prefill or decode first");
  return false;
}

}  // namespace
}  // namespace nntune::runtime

namespace rt = nntune::runtime;

const char* nntune_version() { return NNTUNE_VERSION; }

const char* nntune_error_message() { return rt::last_message.data(); }

nntune_status nntune_module_load(const char* path, int threads, nntune_module** module) {
  return rt::guarded([&] { return rt::load(path, threads, module); });
}

void nntune_module_free(nntune_module* module) { delete module; }

const char* nntune_module_name(const nntune_module* module) {
  return rt::value_of<nntune_module, const char*>(module, "module", nullptr,
                                                  [](const auto& m) { return m.module->plan().model.name.c_str(); });
}

std::int64_t nntune_module_vocab_size(const nntune_module* module) {
  return rt::value_of(module, "module", std::int64_t{-1}, [](const auto& m) { return m.module->plan().model.vocab; });
}

std::int64_t nntune_module_context_limit(const nntune_module* module) {
  return rt::value_of(module, "module", std::int64_t{-1},
                      [](const auto& m) { return m.module->plan().model.max_positions; });
}

int nntune_module_threads(const nntune_module* module) {
  return rt::value_of(module, "module", -1, [](const auto& m) { return m.module->plan().threads; });
}

const std::int32_t* nntune_module_end_tokens(const nntune_module* module, std::size_t* count) {
  if (count == nullptr) {
    rt::refuse(NNTUNE_ERROR_ARGUMENT, "count is NULL", "give the address of a size_t");
    return nullptr;
  }
  *count = 0;
  return rt::value_of<nntune_module, const std::int32_t*>(module, "module", nullptr, [&](const auto& m) {
    const auto& tokens = m.module->plan().model.end_tokens;
    *count = tokens.size();
    return tokens.empty() ? nullptr : tokens.data();
  });
}

nntune_status nntune_sequence_create(const nntune_module* module, std::int64_t context, int threads,
                                     nntune_sequence** sequence) {
  return rt::guarded([&] { return rt::create(module, context, threads, sequence); });
}

void nntune_sequence_free(nntune_sequence* sequence) { delete sequence; }

nntune_status nntune_prefill(nntune_sequence* sequence, const std::int32_t* tokens, std::size_t count) {
  return rt::guarded([&] { return rt::prefill(sequence, tokens, count); });
}

nntune_status nntune_decode(nntune_sequence* const* sequences, const std::int32_t* tokens, std::size_t count) {
  return rt::guarded([&] { return rt::decode(sequences, tokens, count); });
}

const float* nntune_logits(const nntune_sequence* sequence) {
  return rt::value_of<nntune_sequence, const float*>(sequence, "sequence", nullptr, [](const auto& s) -> const float* {
    return rt::has_logits(s) ? s.session->logits().data() : nullptr;
  });
}

std::int32_t nntune_argmax(const nntune_sequence* sequence) {
  return rt::value_of(sequence, "sequence", std::int32_t{-1},
                      [](const auto& s) { return rt::has_logits(s) ? s.session->argmax() : -1; });
}

std::int64_t nntune_position(const nntune_sequence* sequence) {
  return rt::value_of(sequence, "sequence", std::int64_t{-1}, [](const auto& s) { return s.session->position(); });
}

nntune_status nntune_rewind(nntune_sequence* sequence, std::int64_t position) {
  return rt::guarded([&] { return rt::rewind(sequence, position); });
}
