#include "tuner/end_to_end.h"

#include <algorithm>
#include <chrono>

#include "tuner/measurer.h"
#include "tuner/system_memory.h"

namespace nntune::tuner {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

/// What the modules may take of the available memory; the workers get half of the rest.
constexpr double kMemoryShare = 0.6;

}  // namespace

std::int64_t layers_that_fit(std::size_t weight_bytes, std::int64_t layers, int modules) {
  const double room = kMemoryShare * static_cast<double>(available_memory_bytes());
  const double wanted = static_cast<double>(weight_bytes) * modules;
  if (wanted <= room) return layers;
  return std::clamp<std::int64_t>(static_cast<std::int64_t>(static_cast<double>(layers) * room / wanted), 1, layers);
}

extract::Program with_layers(extract::Program program, std::int64_t layers) {
  for (extract::PhaseProgram& phase : program.phases) {
    for (extract::SectionProgram& section : phase.sections) {
      if (section.repeat > 1) section.repeat = layers;
    }
  }
  return program;
}

Expected<std::shared_ptr<Contestant>> Contestant::make(const module::CompiledProgram& compiled, const import::Model& model,
                                                       int threads) {
  NNTUNE_ASSIGN(auto loaded, module::make_module(compiled, model));
  const std::int64_t limit = model.config.max_positions > 0 ? model.config.max_positions : kPrefillTokens + 1;
  const std::int64_t tokens = std::clamp<std::int64_t>(limit - 1, 1, kPrefillTokens);
  NNTUNE_ASSIGN(auto session, runtime::Session::create(std::move(loaded),
                                                       {.threads = threads, .ctx = std::max(tokens, kDecodeTokens) + 1}));
  std::shared_ptr<Contestant> contestant(new Contestant(std::move(session)));
  contestant->prefill_tokens_ = tokens;
  return contestant;
}

Status Contestant::run() {
  const Clock::time_point begin = Clock::now();
  const auto vocab = static_cast<std::int32_t>(session_->module().plan().model.vocab);
  std::vector<std::int32_t> ids;
  for (std::int64_t i = 0; i < prefill_tokens_; ++i) ids.push_back(static_cast<std::int32_t>(i * 7 + 1) % vocab);
  session_->rewind();
  if (prefill_seconds_.empty()) {
    NNTUNE_TRY(session_->prefill(ids));
    session_->rewind();
  }
  Clock::time_point start = Clock::now();
  NNTUNE_TRY(session_->prefill(ids));
  prefill_seconds_.push_back(seconds_since(start));

  session_->rewind();
  NNTUNE_TRY(session_->decode(ids.front()));
  start = Clock::now();
  for (std::int64_t i = 1; i < kDecodeTokens; ++i) NNTUNE_TRY(session_->decode(session_->argmax()));
  decode_seconds_.push_back(seconds_since(start) / static_cast<double>(kDecodeTokens - 1));
  last_run_seconds_ = seconds_since(begin);
  return {};
}

db::Throughput Contestant::throughput() const {
  const auto scaled = [&](double seconds, double fixed) {
    if (scale_.layers == scale_.measured_layers) return seconds;
    const double constant = std::min(fixed, 0.9 * seconds);
    return constant +
           (seconds - constant) * static_cast<double>(scale_.layers) / static_cast<double>(scale_.measured_layers);
  };
  if (prefill_seconds_.empty()) return {};
  return {static_cast<double>(prefill_tokens_) / scaled(median(prefill_seconds_), scale_.fixed_prefill_seconds),
          1 / scaled(median(decode_seconds_), scale_.fixed_decode_seconds)};
}

}  // namespace nntune::tuner
