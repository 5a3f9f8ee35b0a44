#include "compiler/reference/storage.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "compiler/reference/random.h"

namespace nntune::reference {
namespace {

graph::TensorType type(const char* text) { return graph::TensorType::parse(text).value(); }

TEST(Storage, RoundTripsInEveryLayout) {
  for (const char* text :
       {"f32[7]", "f32[5,7]", "bf16[5,7]", "i32[9]", "bf16[33,10]<0:32,1:2>", "f32[6,9]<0:4>", "f32[6,9]<1:4,0:2>",
        "bf16[20,40]<0:16,1:32>", "f32[2,6,4]", "bf16[2,6,4]<1:4,2:2>", "f32[13,10]<0:2,1:4,0:3>", "i8[6,9]<0:4>",
        "i8/4[5,12]", "i8/4[5,12]<0:4,1:4>", "i8/8[5,16]<1:2,0:3>"}) {
    const auto tensor = random_tensor<float>(type(text), 7, 100);
    const std::vector<std::byte> bytes = to_storage(tensor);
    EXPECT_EQ(static_cast<std::int64_t>(bytes.size()), tensor.type.storage_bytes());
    EXPECT_EQ(read_storage<float>(tensor.type, bytes).values, tensor.values) << text;
  }
}

TEST(Storage, PackedBytesLieWhereTheTypeSays) {
  const auto tensor = random_tensor<float>(type("f32[5,7]<0:4,1:2>"), 1);
  const std::vector<std::byte> bytes = to_storage(tensor);
  std::vector<float> memory(bytes.size() / sizeof(float));
  std::memcpy(memory.data(), bytes.data(), bytes.size());
  float sum = 0;
  for (std::int64_t i = 0; i < 5; ++i) {
    for (std::int64_t j = 0; j < 7; ++j) {
      float& at = memory[static_cast<std::size_t>(tensor.type.storage_offset({i, j}))];
      EXPECT_EQ(at, tensor.row(i)[j]);
      at = 0;
    }
  }
  for (const float padding : memory) sum += std::abs(padding);
  EXPECT_EQ(sum, 0);
}

TEST(Storage, BlocksAreIntegersAndBehindThemScales) {
  const HostTensor<double> tensor(type("i8/2[2,4]<0:2,1:2>"), {127, -1, 0, 0, -12.7, 0.1, 254, 252});
  const std::vector<std::byte> bytes = to_storage(tensor);
  ASSERT_EQ(bytes.size(), 64U + 4 * sizeof(float));
  std::vector<std::int8_t> integers(8);
  std::memcpy(integers.data(), bytes.data(), 8);
  EXPECT_EQ(integers, (std::vector<std::int8_t>{127, -1, -127, 1, 0, 0, 127, 126}));
  std::vector<float> scales(4);
  std::memcpy(scales.data(), bytes.data() + 64, sizeof(float) * 4);
  EXPECT_EQ(scales, (std::vector<float>{1, 0.1F, 0, 2}));  // blocks of columns 0-1 of both rows, then 2-3
}

TEST(Storage, StridedRowsLeaveTheGapsAlone) {
  const auto tensor = random_tensor<double>(type("bf16[3,5]"), 1);
  std::vector<std::byte> bytes(static_cast<std::size_t>(storage_bytes(tensor.type, 8)), std::byte{0xAB});
  EXPECT_EQ(bytes.size(), (2 * 8 + 5) * 2U);
  write_storage(tensor, std::span<std::byte>(bytes), 8);
  EXPECT_EQ(bytes[5 * 2], std::byte{0xAB});
  EXPECT_EQ(bytes[8 * 2 - 1], std::byte{0xAB});
  EXPECT_EQ(read_storage<double>(tensor.type, bytes, 8).values, tensor.values);
}

TEST(Bf16, RoundsToNearestEvenAndKeepsSpecials) {
  EXPECT_EQ(float_to_bf16(1.0F), 0x3F80);
  EXPECT_EQ(float_to_bf16(1.0F + 0x1p-8F), 0x3F80);
  EXPECT_EQ(float_to_bf16(1.0F + 3 * 0x1p-8F), 0x3F82);
  EXPECT_EQ(float_to_bf16(std::numeric_limits<float>::infinity()), 0x7F80);
  EXPECT_EQ(float_to_bf16(std::numeric_limits<float>::max()), 0x7F80);
  EXPECT_NE(bf16_to_float(float_to_bf16(std::numeric_limits<float>::quiet_NaN())),
            bf16_to_float(float_to_bf16(std::numeric_limits<float>::quiet_NaN())));
  for (std::uint32_t bits = 0; bits < 0x7F80; ++bits) {
    EXPECT_EQ(float_to_bf16(bf16_to_float(static_cast<std::uint16_t>(bits))), bits);
  }
}

}  // namespace
}  // namespace nntune::reference
