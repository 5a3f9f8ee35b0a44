#include "compiler/extract/phase_use.h"

#include <gtest/gtest.h>

#include <vector>

namespace nntune::extract {
namespace {

TEST(PhaseUse, IsOneRequestWithItsPromptSharedBetweenPrefills) {
  const std::vector<graph::Phase> phases = {{"decode", 1, {}}, {"few", 128, {}}, {"many", 512, {}}};
  const PhaseUse decode = usual_use(phases[0], phases);
  EXPECT_EQ(decode.calls, kAnswerTokens);
  EXPECT_EQ(decode.past, kPromptTokens);
  double tokens = 0;
  for (const std::size_t prefill : {1, 2}) {
    const PhaseUse use = usual_use(phases[prefill], phases);
    EXPECT_EQ(use.past, 0);
    EXPECT_EQ(use.calls * static_cast<double>(phases[prefill].rows), 256) << "half of the prompt";
    tokens += use.calls * static_cast<double>(phases[prefill].rows);
  }
  EXPECT_EQ(tokens, kPromptTokens);
}

}  // namespace
}  // namespace nntune::extract
