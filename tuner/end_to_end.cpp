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
/// Of a model whose context holds no whole request: what is left for the answer, a fraction of it, as in one.
constexpr std::int64_t kAnswerPart = (extract::kPromptTokens + extract::kAnswerTokens) / extract::kAnswerTokens;

/// Of a whole request, from the times of a module.
double request_seconds(const Contestant& contestant, double prefill_seconds, double decode_seconds) {
  const db::Throughput speed = contestant.throughput(prefill_seconds, decode_seconds);
  return static_cast<double>(contestant.prompt().size()) / speed.prefill_tok_per_s +
         extract::kAnswerTokens / speed.decode_tok_per_s;
}

}  // namespace

std::int64_t stretch_begin(int turn, std::int64_t answer_tokens) {
  return turn * (answer_tokens - kDecodeTokens) / (kDecodeTurns - 1);
}

std::int64_t layers_that_fit(std::size_t weight_bytes, std::int64_t layers, int modules) {
  const double room = kMemoryShare * static_cast<double>(available_memory_bytes());
  const double wanted = static_cast<double>(weight_bytes) * modules;
  if (wanted <= room) return layers;
  return std::clamp<std::int64_t>(static_cast<std::int64_t>(static_cast<double>(layers) * room / wanted), 1, layers);
}

Expected<std::shared_ptr<Contestant>> Contestant::make(const module::CompiledProgram& compiled, const import::Model& model,
                                                       int threads) {
  NNTUNE_ASSIGN(auto loaded, module::make_module(compiled, model));
  constexpr std::int64_t kRequest = extract::kPromptTokens + extract::kAnswerTokens;
  const std::int64_t limit = model.config.max_positions > 0 ? model.config.max_positions : kRequest;
  const std::int64_t answer = std::clamp<std::int64_t>(limit / kAnswerPart, kDecodeTokens, extract::kAnswerTokens);
  const std::int64_t tokens = std::clamp<std::int64_t>(limit - answer, 1, extract::kPromptTokens);
  NNTUNE_ASSIGN(auto session, runtime::Session::create(std::move(loaded), {.threads = threads, .ctx = tokens + answer}));
  std::shared_ptr<Contestant> contestant(new Contestant(std::move(session)));
  const std::int64_t vocab = model.config.vocab;
  for (std::int64_t i = 0; i < tokens; ++i) contestant->prompt_.push_back(static_cast<std::int32_t>((i * 7 + 1) % vocab));
  NNTUNE_ASSIGN([[maybe_unused]] const double prefill, contestant->time_prefill());
  NNTUNE_TRY(contestant->begin_text(0));
  return contestant;
}

Expected<double> Contestant::time_prefill() {
  session_->rewind();
  const Clock::time_point begin = Clock::now();
  NNTUNE_TRY(session_->prefill(prompt_));
  return seconds_since(begin);
}

Status Contestant::begin_text(std::int64_t answered) {
  const auto prompt = static_cast<std::int64_t>(prompt_.size());
  const std::int64_t last = prompt + answered - 1;
  // A shorter prefill may have run meanwhile: of the prompt, too.
  while (session_->position() < last) {
    const std::int64_t at = session_->position();
    const auto rest = at < prompt ? std::span(prompt_).subspan(static_cast<std::size_t>(at)) : std::span(prompt_);
    NNTUNE_TRY(session_->prefill(rest.first(std::min(rest.size(), static_cast<std::size_t>(last - at)))));
  }
  session_->rewind(last);
  return session_->decode(answered == 0 ? prompt_.back() : prompt_.front());
}

Expected<double> Contestant::time_token(std::int64_t answered) {
  session_->rewind(static_cast<std::int64_t>(prompt_.size()) + answered);
  const std::int32_t token = session_->argmax();
  const Clock::time_point begin = Clock::now();
  NNTUNE_TRY(session_->decode(token));
  return seconds_since(begin);
}

db::Throughput Contestant::throughput(double prefill_seconds, double decode_seconds) const {
  const auto scaled = [&](double seconds, double fixed) {
    if (scale_.layers == scale_.measured_layers) return seconds;
    const double constant = std::min(fixed, 0.9 * seconds);
    return constant +
           (seconds - constant) * static_cast<double>(scale_.layers) / static_cast<double>(scale_.measured_layers);
  };
  return {static_cast<double>(prompt_.size()) / scaled(prefill_seconds, scale_.fixed_prefill_seconds),
          1 / scaled(decode_seconds, scale_.fixed_decode_seconds), static_cast<std::int64_t>(prompt_.size())};
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
  const extract::Program program = extract::with_layers(request.extraction.program, request.measured_layers);
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

bool exchange_pages(const Contestant& first, const Contestant& second) {
  return first.session().module().exchange_pages(second.session().module());
}

Status Duel::half_round(int first_turn) {
  const auto pair = [this](const auto& time, Pairs& pairs) -> Status {
    const bool swapped = pairs.size() % 2 == 1;
    std::pair<double, double> seconds;
    for (const bool second : {swapped, !swapped}) {
      NNTUNE_ASSIGN((second ? seconds.second : seconds.first), time(second ? *second_ : *first_));
    }
    pairs.push_back(seconds);
    return {};
  };
  NNTUNE_TRY(pair([](Contestant& contestant) { return contestant.time_prefill(); }, prefill_[pages_]));
  for (int turn = first_turn; turn < kDecodeTurns; turn += 2) {
    const std::int64_t begins = stretch_begin(turn, first_->answer_tokens());
    for (const auto& contestant : {first_, second_}) NNTUNE_TRY(contestant->begin_text(begins));
    for (int token = 0; token < kDecodeTokens; ++token) {
      NNTUNE_TRY(pair([&](Contestant& contestant) { return contestant.time_token(begins + token); }, decode_[pages_]));
    }
  }
  return {};
}

Status Duel::round() {
  const Clock::time_point begin = Clock::now();
  NNTUNE_TRY(half_round(0));
  if (!exchange_pages(*first_, *second_)) pages_exchanged_ = false;
  pages_ = 1 - pages_;
  NNTUNE_TRY(half_round(1));
  last_round_seconds_ = seconds_since(begin);
  return {};
}

std::pair<double, double> Duel::middle(const PairsByPages& pairs) {
  std::vector<double> levels;
  double logarithms = 0;
  int places = 0;
  for (const Pairs& some : pairs) {
    if (some.empty()) continue;
    std::vector<double> ratios;
    for (const auto& [first, second] : some) {
      levels.push_back(std::sqrt(first * second));
      ratios.push_back(second / first);
    }
    logarithms += std::log(median(std::move(ratios)));
    ++places;
  }
  const double level = median(std::move(levels));
  const double half = std::exp(logarithms / places / 2);
  return {level / half, level * half};
}

Duel::Contrasts Duel::contrasts() const {
  using Rounds = std::span<const std::size_t>;
  // What stands for these rounds, of both.
  const auto middle_of = [](const PairsByPages& pairs, std::size_t pairs_a_round, Rounds rounds) {
    PairsByPages some;
    for (const std::size_t round : rounds) {
      for (std::size_t pages = 0; pages < pairs.size(); ++pages) {
        const auto of_round = std::span(pairs[pages]).subspan(round * pairs_a_round, pairs_a_round);
        some[pages].insert(some[pages].end(), of_round.begin(), of_round.end());
      }
    }
    return middle(some);
  };
  const auto ratio = [](const std::pair<double, double>& seconds) { return seconds.second / seconds.first; };
  const auto prefill = [&](Rounds rounds) { return middle_of(prefill_, 1, rounds); };
  const auto decode = [&](Rounds rounds) { return middle_of(decode_, kTokenPairs, rounds); };
  const auto request = [&](Rounds rounds) {
    const auto a = prefill(rounds);
    const auto b = decode(rounds);
    return std::pair(request_seconds(*first_, a.first, b.first), request_seconds(*second_, a.second, b.second));
  };
  const auto contrast = [&](const auto& seconds) {
    return contrast_groups(
        prefill_[0].size(), [&](Rounds rounds) { return ratio(seconds(rounds)); }, 0);
  };
  return {.prefill = contrast(prefill), .decode = contrast(decode), .request = contrast(request)};
}

std::pair<db::Throughput, db::Throughput> Duel::result() const {
  const auto prefill = middle(prefill_);
  const auto decode = middle(decode_);
  return {first_->throughput(prefill.first, decode.first), second_->throughput(prefill.second, decode.second)};
}

}  // namespace nntune::tuner
