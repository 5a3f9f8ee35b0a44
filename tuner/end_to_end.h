/// Measuring whole modules on the request that programs are chosen for (extract/phase_use.h): prefill of 512 tokens, and decode
/// behind them, in tokens a second.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/statistics.h"
#include "base/target.h"
#include "compiler/extract/extract.h"
#include "compiler/extract/phase_use.h"
#include "compiler/import/model.h"
#include "compiler/module/build.h"
#include "compiler/module/object_cache.h"
#include "compiler/runtime/session.h"
#include "db/records.h"

namespace nntune::tuner {

/// Of one stretch of the answer, timed one by one, and such stretches in a round of a duel.
inline constexpr int kDecodeTokens = 8;
inline constexpr int kDecodeTurns = 8;

/// Where each stretch begins in an answer of `answer_tokens` (at least kDecodeTokens): the first at 0, behind the prompt, the last so
/// that it ends with the answer, the others evenly between them.
[[nodiscard]] std::int64_t stretch_begin(int turn, std::int64_t answer_tokens);

/// How many layers fit when `modules` of them are in memory at once, beside the search itself; at least 1.
[[nodiscard]] std::int64_t layers_that_fit(std::size_t weight_bytes, std::int64_t layers, int modules);

/// A module in memory under test. One at a time runs; several may be kept.
class Contestant {
 public:
  /// Packs the weights, loads and runs once to warm up.
  [[nodiscard]] static Expected<std::shared_ptr<Contestant>> make(const module::CompiledProgram& compiled,
                                                                  const import::Model& model, int threads);

  /// Where the module has fewer layers than the model: its times are scaled, but for what is spent outside of the layers.
  struct Scale {
    std::int64_t layers = 1;           ///< of the model
    std::int64_t measured_layers = 1;  ///< of the module
    double fixed_prefill_seconds = 0;  ///< estimated, of embedding and head
    double fixed_decode_seconds = 0;
  };
  void set_scale(const Scale& scale) { scale_ = scale; }
  [[nodiscard]] const Scale& scale() const { return scale_; }

  /// Seconds of a prefill of the prompt.
  [[nodiscard]] Expected<double> time_prefill();
  /// Puts the prompt and `answered` tokens behind it into the KV cache, as far as they are not there, and runs the last of them
  /// in any case: what ran before may have left the caches of the CPU in any state. None of this is timed.
  [[nodiscard]] Status begin_text(std::int64_t answered);
  /// Seconds of the token behind the prompt and `answered` others, which are in the KV cache.
  [[nodiscard]] Expected<double> time_token(std::int64_t answered);

  [[nodiscard]] runtime::Session& session() { return *session_; }
  [[nodiscard]] const runtime::Session& session() const { return *session_; }
  /// extract::kPromptTokens of them, fewer for a model with a shorter context: decode is timed behind them.
  [[nodiscard]] std::span<const std::int32_t> prompt() const { return prompt_; }
  /// Tokens for which there is room behind the prompt: extract::kAnswerTokens, or fewer.
  [[nodiscard]] std::int64_t answer_tokens() const { return session_->ctx() - static_cast<std::int64_t>(prompt_.size()); }

  /// Of the whole model, from the times of this module.
  [[nodiscard]] db::Throughput throughput(double prefill_seconds, double decode_seconds) const;

 private:
  explicit Contestant(std::unique_ptr<runtime::Session> session) : session_(std::move(session)) {}

  std::unique_ptr<runtime::Session> session_;
  Scale scale_;
  std::vector<std::int32_t> prompt_;
};

/// What a contestant is made of; it owns or shares all it needs, so that the work may be left behind on a thread.
struct ContestantRequest {
  std::shared_ptr<const import::Model> model;
  extract::Extraction extraction;
  std::shared_ptr<const extract::CostModel> costs;
  std::shared_ptr<module::ObjectCache> objects;
  graph::DType dtype = graph::DType::bf16;
  Isa isa;
  int threads = 1;
  std::int64_t measured_layers = 1;  ///< at most the model's
};

/// A contestant without its weights: small enough to keep many.
struct CompiledContestant {
  import::Model model;  ///< of as many layers as are measured
  module::CompiledProgram compiled;
  Contestant::Scale scale;
  int threads = 1;
};
/// Compiles the extracted program. Errors: those of compiling.
[[nodiscard]] Expected<CompiledContestant> compile_contestant(const ContestantRequest& request);
/// Errors: those of packing and loading.
[[nodiscard]] Expected<std::shared_ptr<Contestant>> load_contestant(const CompiledContestant& contestant);
/// Both.
[[nodiscard]] Expected<std::shared_ptr<Contestant>> make_contestant(const ContestantRequest& request);

/// Lets two modules change the pages in which their weights lie. Two copies of one module were up to 12 % apart in decode on a
/// virtual machine, the slower one by the pages that it was given, and as much the other way round once those were exchanged.
/// False if the system cannot.
bool exchange_pages(const Contestant& first, const Contestant& second);

/// Two modules timed in short turns. A machine changes its speed for seconds or minutes, by more than tuning wins (two cores
/// of a virtual machine may or may not share one link to memory): only times of the same moment can be compared. So both
/// take turns, token by token, in changing order, and count by pairs. As much is timed in each other's pages.
class Duel {
 public:
  Duel(std::shared_ptr<Contestant> first, std::shared_ptr<Contestant> second)
      : first_(std::move(first)), second_(std::move(second)) {}

  /// Twice, in the pages that each has and in the other's: each prefills the prompt once and decodes half of kDecodeTurns stretches
  /// of its answer, kDecodeTokens each.
  [[nodiscard]] Status round();

  /// Of both, by middle() of their pairs.
  [[nodiscard]] std::pair<db::Throughput, db::Throughput> result() const;
  struct Contrasts {
    Contrast prefill, decode;
    Contrast request;  ///< a prefill and extract::kAnswerTokens of decode
  };
  /// The second against the first, in seconds. The intervals are of whole rounds: tokens of the same seconds resemble each other.
  [[nodiscard]] Contrasts contrasts() const;
  [[nodiscard]] double last_round_seconds() const { return last_round_seconds_; }
  /// False if the system could not: then a difference may be one of pages.
  [[nodiscard]] bool pages_exchanged() const { return pages_exchanged_; }

  using Pairs = std::vector<std::pair<double, double>>;
  /// Before and after the pages were exchanged.
  using PairsByPages = std::array<Pairs, 2>;
  /// What stands for all pairs: the median of the pairs' geometric means, apart by the geometric mean of the median ratios before and
  /// after, in which what the pages do is not left. The machine changes its speed for both, a stall hits one of a few pairs:
  /// neither moves the ratio. One of the two may be empty.
  [[nodiscard]] static std::pair<double, double> middle(const PairsByPages& pairs);

 private:
  /// Of a half round.
  static constexpr std::size_t kTokenPairs = std::size_t{kDecodeTurns / 2} * kDecodeTokens;
  /// In the pages where they lie now: every other stretch from `first_turn` on.
  [[nodiscard]] Status half_round(int first_turn);

  std::shared_ptr<Contestant> first_, second_;
  std::size_t pages_ = 0;  ///< in which they lie now
  bool pages_exchanged_ = true;
  PairsByPages prefill_, decode_;  ///< seconds; of a round one prefill and kTokenPairs of decode each
  double last_round_seconds_ = 0;
};

/// What to say where pages_exchanged() is false.
inline constexpr const char* kPagesNotExchanged =
    "this system cannot exchange memory pages (Linux can from 5.7 on): by where programs lie they may differ by some "
    "percent";

}  // namespace nntune::tuner
