#include "cli/kernel_table.h"

#include <gtest/gtest.h>

#include <optional>
#include <sstream>

namespace nntune::cli {
namespace {

TEST(KernelTable, FitsInEightyColumnsAndSharesSumUp) {
  const auto workload = schedule::Workload::parse(
      "matmul{rms(1e-06,0)|scale|cast(bf16);swiglu_pairs(16)|cast(bf16)|pack(0:8,1:2)}(f32[512,1024],f32[1024],"
      "bf16[6144,1024]<0:64,1:2>)->bf16[512,3072]<0:8,1:2> past=0 t=2");
  ASSERT_TRUE(workload) << workload.error().message();
  const extract::KernelStep step{.workload = *workload, .inputs = {}, .output = {}, .cost = {.seconds = 1e-3}};
  extract::KernelStep measured = step;
  measured.cost = {.seconds = 2e-3, .source = extract::CostSource::measured};
  extract::PhaseProgram phase{"prefill", 512, {}};
  phase.sections.push_back({.name = "body", .repeat = 3, .buffers = {}, .steps = {step, measured}, .outputs = {}});
  phase.sections.push_back({.name = "head", .repeat = 1, .buffers = {}, .steps = {step}, .outputs = {}});
  const std::optional<double> shares[] = {0.874, 1.02, std::nullopt};
  const std::string table = render_phase(phase, shares);
  std::istringstream lines(table);
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(line.size(), 80U) << line;
    EXPECT_FALSE(line.ends_with(' ')) << line;
  }
  EXPECT_NE(table.find("prefill, 512 tokens: 10.0 ms, 51200.0 tok/s"), std::string::npos) << table;
  EXPECT_NE(table.find("body, 3 times"), std::string::npos) << table;
  for (const char* text : {"30.0 %", "60.0 %", "10.0 %", "measured", "estimated", " 87 %", " 102 %", " -  estimated"}) {
    EXPECT_NE(table.find(text), std::string::npos) << text << " in\n" << table;
  }
}

TEST(KernelTable, DecodeSaysBehindHowManyTokens) {
  const auto row = schedule::Workload::parse("matmul{;}(f32[1,1024],f32[1024,1024]<0:32>)->f32[1,1024] past=0 t=2");
  ASSERT_TRUE(row) << row.error().message();
  extract::KernelStep step{.workload = *row, .inputs = {}, .output = {}, .cost = {.seconds = 1e-3}};
  step.workload.past = 512;
  extract::PhaseProgram phase{"decode", 1, {}};
  phase.sections.push_back({.name = "body", .repeat = 1, .buffers = {}, .steps = {step}, .outputs = {}});
  EXPECT_EQ(decode_context(phase), 512);
  EXPECT_NE(render_phase(phase, {}).find("decode, 1 token: 1.00 ms, 1000.0 tok/s behind 512 tokens"), std::string::npos);
  phase.rows = 512;
  EXPECT_EQ(decode_context(phase), 0);
}

}  // namespace
}  // namespace nntune::cli
