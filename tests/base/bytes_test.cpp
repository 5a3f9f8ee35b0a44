#include "base/bytes.h"

#include <gtest/gtest.h>

namespace nntune {
namespace {

TEST(Bytes, AreWrittenInPowersOfThousandAndRoundedUp) {
  EXPECT_EQ(format_bytes(17), "17 bytes");
  EXPECT_EQ(format_bytes(4096), "4.1 kB");
  EXPECT_EQ(format_bytes(310e6), "310.0 MB");
  EXPECT_EQ(format_bytes(310'000'001), "310.1 MB");
  EXPECT_EQ(format_bytes(1.1e9), "1.10 GB");
  EXPECT_EQ(format_bytes(1'100'000'001), "1.11 GB");
  EXPECT_EQ(format_bytes(2.5e12), "2.50 TB");
}

TEST(Bytes, WhatIsWrittenIsReadAndIsEnough) {
  for (const double bytes : {1.0, 999.0, 1000.0, 1'234'567.0, 1'234'567'891.0, 2e12}) {
    std::string text = format_bytes(bytes);
    text = text.substr(0, text.find(' ')) + (text.ends_with("bytes") ? "" : text.substr(text.find(' ') + 1));
    const auto read = parse_bytes(text);
    ASSERT_TRUE(read) << text;
    EXPECT_GE(*read, bytes) << text;
    EXPECT_LE(*read, bytes * 1.11) << text;
  }
}

TEST(Bytes, UnitsAreKMGT) {
  EXPECT_EQ(parse_bytes("2G"), 2e9);
  EXPECT_EQ(parse_bytes("2GB"), 2e9);
  EXPECT_EQ(parse_bytes("1.5g"), 1.5e9);
  EXPECT_EQ(parse_bytes("512M"), 512e6);
  EXPECT_EQ(parse_bytes("80k"), 80e3);
  EXPECT_EQ(parse_bytes("1T"), 1e12);
  EXPECT_EQ(parse_bytes("1000"), 1000);
  for (const char* text : {"", "G", "2X", "2GiB", "-1G", "0", "0.5", "nan", "inf", "1e30", "2 G", "2GG"}) {
    EXPECT_FALSE(parse_bytes(text)) << text;
  }
}

}  // namespace
}  // namespace nntune
