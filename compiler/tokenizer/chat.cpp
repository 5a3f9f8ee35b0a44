#include "compiler/tokenizer/chat.h"

#include <fmt/format.h>

#include <string_view>

namespace nntune::tokenizer {
namespace {

constexpr std::string_view kThink = "<think>";
constexpr std::string_view kEndThink = "</think>";

std::string_view without_leading_newlines(std::string_view text) {
  const std::size_t at = text.find_first_not_of('\n');
  return at == std::string_view::npos ? std::string_view{} : text.substr(at);
}

std::string_view without_trailing_newlines(std::string_view text) { return text.substr(0, text.find_last_not_of('\n') + 1); }

/// An assistant's message as thoughts and answer.
struct Reply {
  std::string_view thoughts;
  std::string_view answer;
};

/// Thoughts stand before the first </think> and behind the last <think> there, the answer behind the last </think>.
Reply split_reply(std::string_view content) {
  const std::size_t end = content.find(kEndThink);
  if (end == std::string_view::npos) return {{}, content};
  Reply reply;
  reply.thoughts = without_trailing_newlines(content.substr(0, end));
  if (const std::size_t begin = reply.thoughts.rfind(kThink); begin != std::string_view::npos) {
    reply.thoughts.remove_prefix(begin + kThink.size());
  }
  reply.thoughts = without_leading_newlines(reply.thoughts);
  reply.answer = without_leading_newlines(content.substr(content.rfind(kEndThink) + kEndThink.size()));
  return reply;
}

/// True if `message` asks something; Qwen3 passes results of tools as user messages too.
bool is_question(const ChatMessage& message) {
  return message.role == "user" &&
         !(message.content.starts_with("<tool_response>") && message.content.ends_with("</tool_response>"));
}

/// Index of the last question; of the last message if nothing was asked.
std::size_t last_question(std::span<const ChatMessage> messages) {
  for (std::size_t i = messages.size(); i-- > 0;) {
    if (is_question(messages[i])) return i;
  }
  return messages.size() - 1;
}

std::string qwen3_reply(std::string_view content, bool behind_last_question, bool last_message) {
  const Reply reply = split_reply(content);
  if (!behind_last_question || (!last_message && reply.thoughts.empty())) return std::string(reply.answer);
  return fmt::format("{}\n{}\n{}\n\n{}", kThink, without_trailing_newlines(reply.thoughts), kEndThink,
                     without_leading_newlines(reply.answer));
}

Status check(std::span<const ChatMessage> messages) {
  if (messages.empty()) return fail(ErrorKind::usage, "the chat has no messages", "give at least one user message");
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const std::string& role = messages[i].role;
    if (role != "system" && role != "user" && role != "assistant") {
      return fail(ErrorKind::usage, fmt::format("message {} of the chat has the role \"{}\"", i, role),
                  "use system, user or assistant");
    }
  }
  return {};
}

}  // namespace

Expected<ChatTemplate> chat_template_of(const Tokenizer& tokenizer) {
  for (const std::string_view token : {"<|im_start|>", "<|im_end|>"}) {
    if (!tokenizer.token_id(token)) {
      return fail(ErrorKind::unsupported, fmt::format("the tokenizer of this model has no {}", token),
                  "leave out --chat and write the prompt as the model expects it");
    }
  }
  return tokenizer.token_id(kThink) && tokenizer.token_id(kEndThink) ? ChatTemplate::qwen3 : ChatTemplate::chatml;
}

Expected<std::string> render_chat(std::span<const ChatMessage> messages, const ChatOptions& options) {
  NNTUNE_TRY(check(messages));
  const bool qwen3 = options.chat_template == ChatTemplate::qwen3;
  const std::size_t question = last_question(messages);
  std::string text;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const ChatMessage& message = messages[i];
    const std::string content = qwen3 && message.role == "assistant"
                                    ? qwen3_reply(message.content, i > question, i + 1 == messages.size())
                                    : message.content;
    text += fmt::format("<|im_start|>{}\n{}<|im_end|>\n", message.role, content);
  }
  if (options.add_generation_prompt) {
    text += "<|im_start|>assistant\n";
    if (qwen3 && !options.thinking) text += fmt::format("{}\n\n{}\n\n", kThink, kEndThink);
  }
  return text;
}

}  // namespace nntune::tokenizer
