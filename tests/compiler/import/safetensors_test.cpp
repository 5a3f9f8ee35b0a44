#include "compiler/import/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/compiler/import/tiny_folder.h"

namespace nntune::import {
namespace {

using testing::HasSubstr;

std::string error_of(const std::string& content) {
  const TemporaryFolder folder;
  folder.write("model.safetensors", content);
  const auto opened = SafeTensors::open_folder(folder.path());
  if (opened) return "accepted";
  EXPECT_FALSE(opened.error().hint.empty());
  return opened.error().what;
}

std::string error_of_header(const std::string& header, std::size_t data_bytes = 8) {
  return error_of(safetensors_bytes(header, std::string(data_bytes, '\0')));
}

TEST(SafeTensors, GivesTheBytesOfEachTensor) {
  const TemporaryFolder folder;
  folder.write("model.safetensors",
               safetensors_bytes({{"a", {"F32", {1}, "abcd"}}, {"b", {"BF16", {2, 1}, "efgh"}}, {"c", {"I64", {0}, ""}}}));
  const auto file = SafeTensors::open_folder(folder.path());
  ASSERT_TRUE(file) << file.error().message();
  EXPECT_EQ(file->tensors().size(), 3U);
  const StoredTensor* b = file->find("b");
  EXPECT_EQ(b->dtype, "BF16");
  EXPECT_EQ(b->shape, (std::vector<std::int64_t>{2, 1}));
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(b->bytes.data()), b->bytes.size()), "efgh");
  EXPECT_EQ(file->find("d"), nullptr);
}

TEST(SafeTensors, EveryTruncationIsRefused) {
  const std::string whole = safetensors_bytes({{"a", {"F32", {1}, "abcd"}}, {"b", {"BF16", {2}, "efgh"}}});
  for (std::size_t size = 0; size < whole.size(); ++size) EXPECT_NE(error_of(whole.substr(0, size)), "accepted") << size;
  EXPECT_EQ(error_of(whole), "accepted");
  EXPECT_THAT(error_of(whole.substr(0, whole.size() - 1)), HasSubstr("truncated"));
  EXPECT_THAT(error_of(whole.substr(0, 20)), HasSubstr("truncated"));
  EXPECT_THAT(error_of(""), HasSubstr("too few"));
}

TEST(SafeTensors, MalformedHeadersAreRefusedWithTheReason) {
  const auto entry = [](const char* dtype, const char* shape, const char* offsets) {
    return std::string(R"({"t":{"dtype":)") + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
  };
  EXPECT_EQ(error_of_header(entry(R"("F32")", "[2]", "[0,8]")), "accepted");
  EXPECT_THAT(error_of_header("{"), HasSubstr("not valid JSON"));
  EXPECT_THAT(error_of_header("[]"), HasSubstr("not a JSON object"));
  EXPECT_THAT(error_of_header(R"({"t":1})"), HasSubstr("\"t\" is not described by an object"));
  EXPECT_THAT(error_of_header(R"({"t":{"dtype":"F32","shape":[2]}})"), HasSubstr("has no \"data_offsets\""));
  EXPECT_THAT(error_of_header(entry("7", "[2]", "[0,8]")), HasSubstr("not a string"));
  EXPECT_THAT(error_of_header(entry(R"("F33")", "[2]", "[0,8]")), HasSubstr("unknown dtype \"F33\""));
  EXPECT_THAT(error_of_header(entry(R"("F32")", "2", "[0,8]")), HasSubstr("\"shape\""));
  EXPECT_THAT(error_of_header(entry(R"("F32")", "[-2]", "[0,8]")), HasSubstr("non-negative"));
  EXPECT_THAT(error_of_header(entry(R"("F32")", "[2.0]", "[0,8]")), HasSubstr("non-negative"));
  EXPECT_THAT(error_of_header(entry(R"("F32")", "[3]", "[0,8]")), HasSubstr("does not match its shape [3]"));
  EXPECT_THAT(error_of_header(entry(R"("F32")", "[4294967296,4294967296]", "[0,8]")), HasSubstr("does not match"));
  EXPECT_THAT(error_of_header(entry(R"("F32")", "[2]", "[0]")), HasSubstr("data_offsets"));
  EXPECT_THAT(error_of_header(entry(R"("F32")", "[2]", "[-8,0]")), HasSubstr("data_offsets"));
  EXPECT_THAT(error_of_header(entry(R"("F32")", "[2]", "[8,0]")), HasSubstr("ends before it begins"));
  EXPECT_THAT(error_of_header(entry(R"("F32")", "[2]", "[8,16]")), HasSubstr("truncated"));
  EXPECT_THAT(error_of_header(entry(R"("F32")", "[1]", "[4,8]")), HasSubstr("unused bytes before"));
  EXPECT_THAT(error_of_header(entry(R"("F32")", "[1]", "[0,4]")), HasSubstr("unused bytes after"));
  EXPECT_THAT(
      error_of_header(
          R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})"),
      HasSubstr("\"a\" and \"b\" overlap"));
  EXPECT_THAT(error_of(std::string(8, '\xff') + "{}"), HasSubstr("absurd"));
  EXPECT_THAT(error_of(std::string("GGUF\x03\0\0\0", 8) + std::string(100, '\0')), HasSubstr("absurd"));
}

class Shards : public testing::Test {
 protected:
  Shards() {
    folder_.write("model-1.safetensors", safetensors_bytes({{"a", {"F32", {1}, "abcd"}}}));
    folder_.write("model-2.safetensors", safetensors_bytes({{"b", {"BF16", {2}, "efgh"}}}));
  }
  std::string open(const std::string& index) const {
    folder_.write("model.safetensors.index.json", index);
    const auto opened = SafeTensors::open_folder(folder_.path());
    return opened ? "accepted " + std::to_string(opened->tensors().size()) : opened.error().what;
  }
  TemporaryFolder folder_;
};

TEST_F(Shards, AreJoined) {
  EXPECT_EQ(open(R"({"metadata":{}, "weight_map":{"a":"model-1.safetensors","b":"model-2.safetensors"}})"), "accepted 2");
}

TEST_F(Shards, ThatDisagreeWithTheIndexAreRefused) {
  EXPECT_THAT(open("{"), HasSubstr("not valid JSON"));
  EXPECT_THAT(open("{}"), HasSubstr("no object \"weight_map\""));
  EXPECT_THAT(open(R"({"weight_map":{"a":1}})"), HasSubstr("is not a string"));
  EXPECT_THAT(open(R"({"weight_map":{"a":"../model-1.safetensors"}})"), HasSubstr("not a plain file name"));
  EXPECT_THAT(open(R"({"weight_map":{"a":"model-3.safetensors"}})"), HasSubstr("model-3.safetensors: No such file"));
  EXPECT_THAT(open(R"({"weight_map":{"a":"model-1.safetensors","c":"model-2.safetensors"}})"),
              HasSubstr("\"c\" is not in its shard"));
  EXPECT_THAT(open(R"({"weight_map":{"a":"model-2.safetensors","b":"model-1.safetensors"}})"),
              HasSubstr("\"a\" is not in its shard"));
}

TEST_F(Shards, WithTheSameTensorTwiceAreRefused) {
  folder_.write("model-3.safetensors", safetensors_bytes({{"a", {"F32", {1}, "abcd"}}}));
  EXPECT_THAT(open(R"({"weight_map":{"a":"model-1.safetensors","x":"model-3.safetensors"}})"), HasSubstr("\"a\" is in "));
}

TEST(SafeTensors, AFolderWithoutWeightsSaysWhatIsMissing) {
  const TemporaryFolder folder;
  EXPECT_THAT(SafeTensors::open_folder(folder.path()).error().what, HasSubstr("has neither model.safetensors nor"));
}

}  // namespace
}  // namespace nntune::import
