#include "compiler/tokenizer/normalizer.h"

#include <gtest/gtest.h>

namespace nntune::tokenizer {
namespace {

TEST(Normalizer, ComposesCanonicalPairs) {
  EXPECT_EQ(to_nfc("e\u0301"), "\u00e9");
  EXPECT_EQ(to_nfc("\u1100\u1161\u11a8"), "\uac01");
  EXPECT_EQ(to_nfc("\u212b"), "\u00c5") << "the angstrom sign is a letter";
}

TEST(Normalizer, SortsCombiningMarks) { EXPECT_EQ(to_nfc("e\u0301\u0323"), "\u1eb9\u0301"); }

TEST(Normalizer, LeavesCompatibilityFormsAlone) { EXPECT_EQ(to_nfc("\ufb01 \u2460 \u00b5"), "\ufb01 \u2460 \u00b5"); }

TEST(Normalizer, KeepsZeroBytes) {
  const std::string text = std::string("a\0b", 3) + "\u4e2d" + std::string(1, '\0');
  EXPECT_EQ(to_nfc(text), text);
}

}  // namespace
}  // namespace nntune::tokenizer
