#include "compiler/tokenizer/chat.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "shared_models.h"
#include "small_tokenizer.h"

namespace nntune::tokenizer {
namespace {

std::string qwen3(const std::vector<ChatMessage>& messages, bool generate = false, bool thinking = true) {
  return render_chat(messages, {ChatTemplate::qwen3, generate, thinking}).value();
}

using ChatOfTinyModel = WithTinyModel;

TEST_F(ChatOfTinyModel, TextAndIdsAreTheExpectedOnes) {
  ASSERT_EQ(cases().at("chat").size(), 6U);
  ASSERT_EQ(chat_template_of(tiny()), ChatTemplate::chatml);
  for (const Json& one : cases().at("chat")) {
    std::vector<ChatMessage> messages;
    for (const Json& message : one.at("messages")) messages.push_back({message.at("role"), message.at("content")});
    for (const ChatTemplate chat_template : {ChatTemplate::chatml, ChatTemplate::qwen3}) {
      const auto text = render_chat(messages, {chat_template, one.at("add_generation_prompt").get<bool>(), true});
      EXPECT_EQ(text, one.at("text").get<std::string>());
      EXPECT_EQ(tiny().encode(*text), one.at("ids").get<std::vector<int>>());
    }
  }
}

TEST(Chat, TheTemplateFollowsTheTokens) {
  Json json = small_tokenizer_json({});
  EXPECT_EQ(chat_template_of(tokenizer_of(json).value()).error().kind, ErrorKind::unsupported) << "no <|im_start|>";
  const auto add = [&](int id, const char* content) {
    Json token = json["added_tokens"][0];
    token["id"] = id;
    token["content"] = content;
    json["added_tokens"].push_back(token);
  };
  add(300, "<|im_start|>");
  EXPECT_EQ(chat_template_of(tokenizer_of(json).value()), ChatTemplate::chatml);
  add(301, "</think>");
  EXPECT_EQ(chat_template_of(tokenizer_of(json).value()), ChatTemplate::qwen3);
}

// The texts below follow the chat_template of Qwen3's tokenizer_config.json.
TEST(Chat, Qwen3ClosesThinkingOnRequest) {
  EXPECT_EQ(qwen3({{"user", "Hi"}}, true, true), "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(qwen3({{"user", "Hi"}}, true, false),
            "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n");
}

TEST(Chat, Qwen3ForgetsThoughtsBeforeTheLastQuestion) {
  EXPECT_EQ(qwen3({{"user", "1"}, {"assistant", "<think>\nhm\n</think>\n\nA"}, {"user", "2"}}),
            "<|im_start|>user\n1<|im_end|>\n<|im_start|>assistant\nA<|im_end|>\n<|im_start|>user\n2<|im_end|>\n");
}

TEST(Chat, Qwen3GivesAClosingAnswerABlockOfThoughts) {
  EXPECT_EQ(qwen3({{"user", "1"}, {"assistant", "A"}}),
            "<|im_start|>user\n1<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\nA<|im_end|>\n");
  EXPECT_EQ(qwen3({{"user", "1"}, {"assistant", "<think>\nhm\n</think>\n\nA"}}),
            "<|im_start|>user\n1<|im_end|>\n<|im_start|>assistant\n<think>\nhm\n</think>\n\nA<|im_end|>\n");
  EXPECT_EQ(qwen3({{"user", "1"}, {"assistant", "A"}, {"assistant", "B"}}),
            "<|im_start|>user\n1<|im_end|>\n<|im_start|>assistant\nA<|im_end|>\n"
            "<|im_start|>assistant\n<think>\n\n</think>\n\nB<|im_end|>\n");
}

TEST(Chat, Qwen3TakesAToolsAnswerForNoQuestion) {
  EXPECT_EQ(qwen3({{"user", "1"}, {"assistant", "<think>hm</think>A"}, {"user", "<tool_response>\n3\n</tool_response>"}}),
            "<|im_start|>user\n1<|im_end|>\n<|im_start|>assistant\n<think>\nhm\n</think>\n\nA<|im_end|>\n"
            "<|im_start|>user\n<tool_response>\n3\n</tool_response><|im_end|>\n");
}

TEST(Chat, Qwen3WithoutAnyQuestionAddsNoThoughts) {
  EXPECT_EQ(qwen3({{"assistant", "A"}}), "<|im_start|>assistant\nA<|im_end|>\n");
}

TEST(Chat, WrongMessagesAreRefused) {
  EXPECT_EQ(render_chat({}, {}).error().kind, ErrorKind::usage);
  const std::vector<ChatMessage> tool = {{"tool", "3"}};
  EXPECT_EQ(render_chat(tool, {}).error().what, "message 0 of the chat has the role \"tool\"");
}

}  // namespace
}  // namespace nntune::tokenizer
