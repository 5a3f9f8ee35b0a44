#include "compiler/tokenizer/added_tokens.h"

#include <gtest/gtest.h>

namespace nntune::tokenizer {
namespace {

AddedTokens three() { return AddedTokens({{"<a>", 1, true}, {"<a><b>", 2, false}, {"b>", 3, false}}); }

TEST(AddedTokens, LeftmostThenLongestWins) {
  const AddedTokens tokens = three();
  const auto match = tokens.find("x<a><b>", 0);
  ASSERT_TRUE(match);
  EXPECT_EQ(match->begin, 1U);
  EXPECT_EQ(match->token->id, 2);
  EXPECT_EQ(tokens.find("x<a><b>", 2)->token->id, 3);
  EXPECT_EQ(tokens.find("<a<a>", 0)->begin, 2U);
  EXPECT_FALSE(tokens.find("<a", 0));
  EXPECT_FALSE(tokens.find("", 0));
}

TEST(AddedTokens, AreFoundByTextAndById) {
  const AddedTokens tokens = three();
  EXPECT_EQ(tokens.find_text("<a>")->id, 1);
  EXPECT_EQ(tokens.find_text("<a"), nullptr);
  EXPECT_EQ(tokens.find_text(""), nullptr);
  EXPECT_EQ(tokens.find_id(3)->text, "b>");
  EXPECT_EQ(tokens.find_id(0), nullptr);
  EXPECT_FALSE(AddedTokens{}.find("<a>", 0));
}

}  // namespace
}  // namespace nntune::tokenizer
