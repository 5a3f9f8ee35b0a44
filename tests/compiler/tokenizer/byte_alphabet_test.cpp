#include "compiler/tokenizer/byte_alphabet.h"

#include <gtest/gtest.h>

#include <set>

namespace nntune::tokenizer {
namespace {

TEST(ByteAlphabet, EveryByteHasOneCharacterAndComesBack) {
  std::set<std::string> spellings;
  for (int byte = 0; byte < 256; ++byte) {
    const std::string bytes(1, static_cast<char>(byte));
    const std::string spelled = bytes_to_alphabet(bytes);
    spellings.insert(spelled);
    EXPECT_EQ(bytes_from_alphabet(spelled), bytes) << byte;
  }
  EXPECT_EQ(spellings.size(), 256U);
}

TEST(ByteAlphabet, SpellsAsGpt2Does) {
  EXPECT_EQ(bytes_to_alphabet(" the\n"), "ĠtheĊ");
  EXPECT_EQ(bytes_to_alphabet("\t\x7F\xAD~"), "ĉġŃ~");
}

TEST(ByteAlphabet, CharactersOutsideAreRefused) {
  for (const std::string_view spelled : {"a b", "\n", "▁the", "ń", "\xFF", "\xC4"}) {
    EXPECT_FALSE(bytes_from_alphabet(spelled)) << spelled;
  }
  EXPECT_TRUE(bytes_from_alphabet("Ń"));
}

}  // namespace
}  // namespace nntune::tokenizer
