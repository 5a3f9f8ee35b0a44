// `nntune eval`: perplexity of a text, in windows without overlap, each on its own.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "cli/command.h"
#include "cli/model_source.h"
#include "cli/options.h"
#include "compiler/runtime/session.h"

namespace nntune::cli {
namespace {

void declare(Options& options) {
  declare_model_options(options);
  options.add("text", "the text", "FILE");
  options.add("window", "tokens that are run together; each predicts the next one", "N", "512");
  options.add("limit", "take the first N tokens of the text only", "N");
  options.flag("json", "print one JSON object");
}

/// -log softmax(logits)[next], in double.
double negative_log_likelihood(std::span<const float> logits, std::int32_t next) {
  const double largest = *std::ranges::max_element(logits);
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - largest);
  return std::log(sum) + largest - static_cast<double>(logits[static_cast<std::size_t>(next)]);
}

Expected<int> run(const Arguments& arguments) {
  NNTUNE_ASSIGN(ModelOptions options, read_model_options(arguments));
  if (!arguments.has("text")) return fail(ErrorKind::usage, "no text given", "give a file with --text FILE");
  NNTUNE_ASSIGN(const std::int64_t window, parse_integer(arguments.text("window"), "--window", 2, 1 << 20));
  if (!options.ctx_given) options.ctx = window;
  std::int64_t limit = INT64_MAX;
  if (arguments.has("limit")) {
    NNTUNE_ASSIGN(limit, parse_integer(arguments.text("limit"), "--limit", 2, INT64_MAX));
  }
  NNTUNE_ASSIGN(const std::string text, read_file(arguments.text("text")));
  NNTUNE_ASSIGN(const auto module, open_module(options));
  NNTUNE_ASSIGN(const auto tokenizer, open_tokenizer(*module));
  NNTUNE_ASSIGN(const auto encoded, tokenizer.encode(text));
  std::vector<std::int32_t> ids(encoded.begin(), encoded.end());
  ids.resize(static_cast<std::size_t>(std::min(static_cast<std::int64_t>(ids.size()), limit)));
  if (ids.size() < 2) return fail(ErrorKind::bad_input, "the text has fewer than 2 tokens", "give a longer text");

  NNTUNE_ASSIGN(const auto session, runtime::Session::create(module, {options.threads, window}));
  // Whole windows; a text (or limit) shorter than one is a window of its own.
  const auto length = std::min(static_cast<std::size_t>(window), ids.size());
  double sum = 0;
  std::int64_t predictions = 0;
  for (std::size_t begin = 0; begin + length <= ids.size(); begin += length) {
    const std::span<const std::int32_t> now = std::span(ids).subspan(begin, length);
    session->rewind();
    NNTUNE_TRY(session->prefill(now, [&](std::int64_t position, std::span<const float> logits) {
      const auto next = static_cast<std::size_t>(position) + 1;
      if (next == now.size()) return;
      sum += negative_log_likelihood(logits, now[next]);
      ++predictions;
    }));
  }
  const double mean = sum / static_cast<double>(predictions);
  if (arguments.has("json")) {
    const Json json = {{"mean_nll", mean}, {"perplexity", std::exp(mean)}, {"predictions", predictions}};
    fmt::print("{}\n", json.dump());
  } else {
    fmt::print("perplexity {:.4f} (mean negative log-likelihood {:.6f} nats over {} predictions in windows of {})\n",
               std::exp(mean), mean, predictions, length);
  }
  return 0;
}

}  // namespace

extern const Command kEvalCommand;
const Command kEvalCommand = {"eval", "MODEL --text FILE [--window N] [--limit N] [--json]",
                              "measure the perplexity of a model on a text", declare, run};

}  // namespace nntune::cli
