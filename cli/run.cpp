// `nntune run`: continues a prompt, as text or as ids.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/model_source.h"
#include "cli/npy.h"
#include "cli/options.h"
#include "cli/text_argument.h"
#include "compiler/runtime/sampler.h"
#include "compiler/runtime/session.h"
#include "compiler/tokenizer/chat.h"
#include "compiler/tokenizer/stream_decoder.h"

namespace nntune::cli {
namespace {

using Ids = std::vector<std::int32_t>;

void declare(Options& options) {
  declare_model_options(options);
  options.add("p,prompt", "text to continue; @FILE takes a file's, - that of standard input", "TEXT");
  options.flag("chat", "the text is a message of a user: answer it");
  options.add("tokens", "token ids to continue, instead of -p", "1,2,3");
  options.flag("ids", "print ids instead of text; end tokens do not stop it");
  options.add("n,predict", "tokens to generate", "N", "128");
  options.add("temperature", "0 takes the likeliest token", "T", "0");
  options.add("top-k", "draw from the K likeliest tokens only, 0: all", "K", "0");
  options.add("top-p", "draw from the likeliest tokens that sum up to P only", "P", "1");
  options.add("seed", "of the draws", "N", "0");
  options.add("dump-logits", "keep the logits of each position, f32 [positions, vocab]", "FILE.npy");
}

struct RunOptions {
  ModelOptions model;
  std::optional<std::string> prompt;
  std::optional<Ids> tokens;
  bool chat = false;
  bool ids = false;
  std::int64_t predict = 0;
  runtime::SamplerOptions sampling;
  std::optional<std::string> dump_logits;
};

Expected<RunOptions> read(const Arguments& arguments) {
  RunOptions result;
  NNTUNE_ASSIGN(result.model, read_model_options(arguments));
  if (arguments.has("prompt")) {
    NNTUNE_ASSIGN(result.prompt, read_text_argument(arguments.text("prompt")));
  }
  if (arguments.has("tokens")) {
    NNTUNE_ASSIGN(const auto tokens, parse_integers(arguments.text("tokens"), "--tokens", 0, INT32_MAX));
    result.tokens = Ids(tokens.begin(), tokens.end());
  }
  if (result.prompt.has_value() == result.tokens.has_value()) {
    return fail(ErrorKind::usage, result.prompt ? "both -p and --tokens given" : "no prompt given",
                "give -p TEXT or --tokens 1,2,3");
  }
  result.chat = arguments.has("chat");
  if (result.chat && !result.prompt) return fail(ErrorKind::usage, "--chat needs a message", "give it with -p TEXT");
  result.ids = arguments.has("ids");
  NNTUNE_ASSIGN(result.predict, parse_integer(arguments.text("predict"), "-n", 0, 1 << 24));
  NNTUNE_ASSIGN(result.sampling.temperature, parse_number(arguments.text("temperature"), "--temperature", 0, 100));
  NNTUNE_ASSIGN(const std::int64_t top_k, parse_integer(arguments.text("top-k"), "--top-k", 0, INT32_MAX));
  result.sampling.top_k = static_cast<int>(top_k);
  NNTUNE_ASSIGN(result.sampling.top_p, parse_number(arguments.text("top-p"), "--top-p", 1e-9, 1));
  NNTUNE_ASSIGN(const std::int64_t seed, parse_integer(arguments.text("seed"), "--seed", 0, INT64_MAX));
  result.sampling.seed = static_cast<std::uint64_t>(seed);
  if (arguments.has("dump-logits")) result.dump_logits = arguments.text("dump-logits");
  return result;
}

Expected<Ids> encode(const RunOptions& options, const tokenizer::Tokenizer& tokenizer) {
  std::string text = *options.prompt;
  if (options.chat) {
    tokenizer::ChatOptions chat;
    NNTUNE_ASSIGN(chat.chat_template, tokenizer::chat_template_of(tokenizer));
    const tokenizer::ChatMessage message{"user", text};
    NNTUNE_ASSIGN(text, tokenizer::render_chat({&message, 1}, chat));
  }
  NNTUNE_ASSIGN(const auto ids, tokenizer.encode(text));
  if (ids.empty()) return fail(ErrorKind::usage, "the prompt is empty", "give some text with -p");
  return Ids(ids.begin(), ids.end());
}

/// Where generated tokens go: ids or text on stdout, at once.
class Output {
 public:
  Output(bool ids, const tokenizer::Tokenizer* tokenizer) : ids_(ids || tokenizer == nullptr) {
    if (tokenizer != nullptr) decoder_.emplace(*tokenizer, tokenizer::StreamDecoder::SpecialTokens::skip);
  }
  void push(std::int32_t id) {
    write(ids_ ? fmt::format("{}{}", first_ ? "" : ",", id) : decoder_->push(id));
    first_ = false;
  }
  void finish() { write((ids_ ? std::string() : decoder_->finish()) + "\n"); }

 private:
  static void write(const std::string& text) {
    // A closed or full stdout ends the run now, not after the last token.
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
      throw std::system_error(errno, std::generic_category(), "cannot write the output");
    }
  }
  bool ids_;
  bool first_ = true;
  std::optional<tokenizer::StreamDecoder> decoder_;
};

Expected<int> run(const Arguments& arguments) {
  NNTUNE_ASSIGN(const RunOptions options, read(arguments));
  NNTUNE_ASSIGN(runtime::Sampler sampler, runtime::Sampler::create(options.sampling));
  NNTUNE_ASSIGN(const auto module, open_module(options.model));

  std::optional<tokenizer::Tokenizer> tokenizer;
  if (options.prompt || !options.ids) {
    NNTUNE_ASSIGN(tokenizer, open_tokenizer(*module));
  }
  Ids prompt;
  if (options.tokens) {
    prompt = *options.tokens;
  } else {
    NNTUNE_ASSIGN(prompt, encode(options, *tokenizer));
  }

  NNTUNE_ASSIGN(const auto session, runtime::Session::create(module, {options.model.threads, options.model.ctx}));
  std::optional<NpyWriter> dump;
  if (options.dump_logits) {
    NNTUNE_ASSIGN(auto writer, NpyWriter::create(*options.dump_logits, module->plan().model.vocab));
    dump = std::move(writer);
  }
  Status dumped;
  const runtime::Session::LogitsSink keep = [&](std::int64_t, std::span<const float> logits) {
    if (dumped) dumped = dump->append(logits);
  };
  const runtime::Session::LogitsSink sink = dump ? keep : runtime::Session::LogitsSink();

  const auto prompt_start = Clock::now();
  NNTUNE_TRY(session->prefill(prompt, sink));
  const double prompt_seconds = seconds_since(prompt_start);
  NNTUNE_TRY(dumped);

  Output output(options.ids, tokenizer ? &*tokenizer : nullptr);
  const auto& ends = module->plan().model.end_tokens;
  std::int64_t generated = 0, decoded = 0;
  double decode_seconds = 0;
  while (generated < options.predict) {
    const std::int32_t id = sampler.sample(session->logits());
    if (!options.ids && std::ranges::find(ends, id) != ends.end()) break;
    output.push(id);
    ++generated;
    if (generated == options.predict) break;
    if (session->position() == session->ctx()) {
      fmt::print(stderr, "the context of {} tokens is full; give a larger --ctx\n", session->ctx());
      break;
    }
    const auto start = Clock::now();
    NNTUNE_TRY(session->prefill({&id, 1}, sink));
    decode_seconds += seconds_since(start);
    ++decoded;
    NNTUNE_TRY(dumped);
  }
  output.finish();
  if (dump) NNTUNE_TRY(dump->finish());

  fmt::print(stderr, "prompt: {} tokens, {:.1f} tok/s; generation: {} tokens", prompt.size(),
             static_cast<double>(prompt.size()) / prompt_seconds, generated);
  if (decoded > 0) fmt::print(stderr, ", {:.1f} tok/s", static_cast<double>(decoded) / decode_seconds);
  fmt::print(stderr, "\n");
  return 0;
}

}  // namespace

extern const Command kRunCommand;
const Command kRunCommand = {"run", "MODEL (-p TEXT [--chat] | --tokens 1,2,3 [--ids]) [-n N]",
                             "continue a prompt with a model or a compiled module", declare, run};

}  // namespace nntune::cli
