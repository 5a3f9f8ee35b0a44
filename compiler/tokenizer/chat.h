/// Conversations as text for the model: ChatML, and what Qwen3's chat template adds to it (no tools).
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "compiler/tokenizer/tokenizer.h"

namespace nntune::tokenizer {

struct ChatMessage {
  std::string role;  ///< "system", "user" or "assistant"
  std::string content;
};

enum class ChatTemplate {
  chatml,  ///< every message as <|im_start|>role\ncontent<|im_end|>\n
  /// The same, but thoughts (<think>...</think>) of an assistant are dropped before the last user message, and an assistant
  /// message that closes the chat behind it always has a block of thoughts, if only an empty one.
  qwen3,
};

struct ChatOptions {
  ChatTemplate chat_template = ChatTemplate::chatml;
  bool add_generation_prompt = true;  ///< ends with the opening of the assistant's answer
  bool thinking = true;               ///< qwen3: false puts an empty block of thoughts before the answer
};

/// qwen3 if the tokenizer has the tokens <think> and </think>, else chatml.
/// ErrorKind::unsupported if it lacks <|im_start|> or <|im_end|>, so that no chat can be written.
[[nodiscard]] Expected<ChatTemplate> chat_template_of(const Tokenizer& tokenizer);

/// ErrorKind::usage for no messages or an unknown role.
/// Added tokens inside a content are not escaped: they count as tokens, as in Hugging Face's chat templates.
[[nodiscard]] Expected<std::string> render_chat(std::span<const ChatMessage> messages, const ChatOptions& options);

}  // namespace nntune::tokenizer
