#include "base/hash.h"

#include <gtest/gtest.h>

namespace nntune {
namespace {

TEST(Hash, IsTheSameOnEveryMachine) { EXPECT_EQ(hash128("nntune").hex(), hash128(std::string("nntune")).hex()); }

TEST(Hash, DiffersByOneCharacter) { EXPECT_NE(hash128("matmul m=1"), hash128("matmul m=2")); }

}  // namespace
}  // namespace nntune
