#include "tuner/end_to_end.h"

#include <algorithm>
#include <cmath>

#include "base/cgroup.h"
#include "base/clock.h"
#include "tuner/measurer.h"

namespace nntune::tuner {
namespace {

/// What the modules may take of the available memory; the workers get half of the rest.
constexpr double kMemoryShare = 0.6;

/// The program with `layers` repetitions of its body.
extract::Program with_layers(extract::Program program, std::int64_t layers) {
  for (extract::PhaseProgram& phase : program.phases) {
    for (extract::SectionProgram& section : phase.sections) {
      if (section.repeat > 1) section.repeat = layers;
    }
  }
  return program;
}

}  // namespace

std::int64_t layers_that_fit(std::size_t weight_bytes, std::int64_t layers, int modules) {
  const double room = kMemoryShare * static_cast<double>(available_memory_bytes());
  const double wanted = static_cast<double>(weight_bytes) * modules;
  if (wanted <= room) return layers;
  return std::clamp<std::int64_t>(static_cast<std::int64_t>(static_cast<double>(layers) * room / wanted), 1, layers);
}

Expected<std::shared_ptr<Contestant>> Contestant::make(const module::CompiledProgram& compiled, const import::Model& model,
                                                       int threads) {
  NNTUNE_ASSIGN(auto loaded, module::make_module(compiled, model));
  const std::int64_t limit = model.config.max_positions > 0 ? model.config.max_positions : kPrefillTokens + kRoomTokens;
  const std::int64_t tokens = std::clamp<std::int64_t>(limit - kRoomTokens, 1, kPrefillTokens);
  NNTUNE_ASSIGN(auto session,
                runtime::Session::create(std::move(loaded), {.threads = threads, .ctx = tokens + kRoomTokens}));
  std::shared_ptr<Contestant> contestant(new Contestant(std::move(session)));
  const std::int64_t vocab = model.config.vocab;
  for (std::int64_t i = 0; i < tokens; ++i) contestant->prompt_.push_back(static_cast<std::int32_t>((i * 7 + 1) % vocab));
  NNTUNE_ASSIGN([[maybe_unused]] const double prefill, contestant->time_prefill());
  NNTUNE_ASSIGN([[maybe_unused]] const double decode, contestant->time_decode());
  return contestant;
}

Expected<double> Contestant::time_prefill() {
  session_->rewind();
  const Clock::time_point begin = Clock::now();
  NNTUNE_TRY(session_->prefill(prompt_));
  return seconds_since(begin);
}

Expected<double> Contestant::time_decode() {
  session_->rewind();
  NNTUNE_TRY(session_->decode(prompt_.front()));  // what ran before may have left the caches in any state
  const Clock::time_point begin = Clock::now();
  for (std::int64_t i = 1; i < kDecodeTokens; ++i) NNTUNE_TRY(session_->decode(session_->argmax()));
  return seconds_since(begin) / static_cast<double>(kDecodeTokens - 1);
}

db::Throughput Contestant::throughput(double prefill_seconds, double decode_seconds) const {
  const auto scaled = [&](double seconds, double fixed) {
    if (scale_.layers == scale_.measured_layers) return seconds;
    const double constant = std::min(fixed, 0.9 * seconds);
    return constant +
           (seconds - constant) * static_cast<double>(scale_.layers) / static_cast<double>(scale_.measured_layers);
  };
  return {static_cast<double>(prompt_.size()) / scaled(prefill_seconds, scale_.fixed_prefill_seconds),
          1 / scaled(decode_seconds, scale_.fixed_decode_seconds)};
}

Expected<CompiledContestant> compile_contestant(const ContestantRequest& request) {
  Contestant::Scale scale{.layers = request.model->config.layers, .measured_layers = request.measured_layers};
  for (const extract::PhaseProgram& phase : request.extraction.program.phases) {
    double fixed = 0;
    for (const extract::SectionProgram& section : phase.sections) {
      for (const extract::KernelStep& step : section.steps) fixed += section.repeat == 1 ? step.cost.seconds : 0;
    }
    (phase.rows == 1 ? scale.fixed_decode_seconds : scale.fixed_prefill_seconds) = fixed;
  }
  import::Model model = *request.model;
  model.config.layers = request.measured_layers;
  const extract::Program program = with_layers(request.extraction.program, request.measured_layers);
  NNTUNE_ASSIGN(auto compiled,
                module::compile_program(program, model, request.dtype, *request.costs, request.isa, *request.objects));
  return CompiledContestant{std::move(model), std::move(compiled), scale, request.threads};
}

Expected<std::shared_ptr<Contestant>> load_contestant(const CompiledContestant& contestant) {
  NNTUNE_ASSIGN(auto loaded, Contestant::make(contestant.compiled, contestant.model, contestant.threads));
  loaded->set_scale(contestant.scale);
  return loaded;
}

Expected<std::shared_ptr<Contestant>> make_contestant(const ContestantRequest& request) {
  NNTUNE_ASSIGN(const CompiledContestant contestant, compile_contestant(request));
  return load_contestant(contestant);
}

Status Duel::round() {
  const Clock::time_point begin = Clock::now();
  const auto turn = [this](Expected<double> (Contestant::*time)(), Pairs& pairs) -> Status {
    const bool swapped = pairs.size() % 2 == 1;
    std::pair<double, double> seconds;
    for (const bool second : {swapped, !swapped}) {
      NNTUNE_ASSIGN((second ? seconds.second : seconds.first), ((second ? *second_ : *first_).*time)());
    }
    pairs.push_back(seconds);
    return {};
  };
  NNTUNE_TRY(turn(&Contestant::time_prefill, prefill_));
  for (int i = 0; i < kDecodeTurns; ++i) NNTUNE_TRY(turn(&Contestant::time_decode, decode_));
  last_round_seconds_ = seconds_since(begin);
  return {};
}

std::pair<double, double> Duel::middle(const Pairs& pairs) {
  std::vector<double> levels, ratios;
  for (const auto& [first, second] : pairs) {
    levels.push_back(std::sqrt(first * second));
    ratios.push_back(second / first);
  }
  const double level = median(std::move(levels));
  const double half = std::sqrt(median(std::move(ratios)));
  return {level / half, level * half};
}

Duel::Contrasts Duel::contrasts() const {
  Pairs requests;
  for (std::size_t i = 0; i < prefill_.size(); ++i) {
    const auto turns = std::span(decode_).subspan(i * kDecodeTurns, kDecodeTurns);
    const auto request = [&](const Contestant& contestant, double std::pair<double, double>::*side) {
      std::vector<double> seconds;
      for (const auto& turn : turns) seconds.push_back(turn.*side);
      const db::Throughput speed = contestant.throughput(prefill_[i].*side, median(seconds));
      return static_cast<double>(contestant.prompt().size()) / speed.prefill_tok_per_s +
             kAnswerTokens / speed.decode_tok_per_s;
    };
    requests.emplace_back(request(*first_, &std::pair<double, double>::first),
                          request(*second_, &std::pair<double, double>::second));
  }
  const auto contrast = [](const Pairs& pairs) {
    std::vector<double> first, second;
    for (const auto& [a, b] : pairs) {
      first.push_back(a);
      second.push_back(b);
    }
    return contrast_pairs(first, second, 0);
  };
  return {.prefill = contrast(prefill_), .decode = contrast(decode_), .request = contrast(requests)};
}

std::pair<db::Throughput, db::Throughput> Duel::result() const {
  const auto prefill = middle(prefill_);
  const auto decode = middle(decode_);
  return {first_->throughput(prefill.first, decode.first), second_->throughput(prefill.second, decode.second)};
}

}  // namespace nntune::tuner
