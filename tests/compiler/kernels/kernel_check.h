/// Checks generated kernels as the search does (tuner/check.h): a team with all its threads at once, NaN where nothing was written,
/// errors by row; for each level of instructions that a CPU may have.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/codegen/object.h"
#include "compiler/kernels/family.h"
#include "compiler/reference/evaluate.h"
#include "compiler/runtime/code.h"
#include "compiler/runtime/team.h"
#include "tuner/check.h"

namespace nntune::kernels {

/// The CPUs that tests are for: any x86-64, the levels of Isa::limited_to, and this one with all that it has (AMX, say).
inline const std::vector<std::string_view> kCpus = {"x86-64", "avx2", "avx512", "avx512-bf16", "this"};

using Levels = std::vector<std::string_view>;
/// Levels for which a workload must have a kernel; for the others it must be refused.
inline const Levels kEveryCpu = {"x86-64", "avx2", "avx512", "avx512-bf16"};
inline const Levels kFromAvx2 = {"avx2", "avx512", "avx512-bf16"};
inline const Levels kBf16Dot = {"avx512-bf16"};

inline Isa host_isa() {
  static const Isa isa = probe_target()->isa;
  return isa;
}

inline Expected<Isa> isa_of(std::string_view cpu) {
  if (cpu == "this") return host_isa();
  if (cpu == "x86-64") return Isa{};
  return host_isa().limited_to(cpu);
}

/// The highest level that this CPU has.
inline std::string_view host_level() {
  std::string_view highest = "x86-64";
  for (const std::string_view level : kIsaLevels) {
    if (host_isa().limited_to(level)) highest = level;
  }
  return highest;
}

inline schedule::Workload parse_workload(const std::string& text) {
  auto workload = schedule::Workload::parse(text);
  EXPECT_TRUE(workload) << (workload ? "" : workload.error().message());
  return workload ? *workload : schedule::Workload{};
}

/// A test is run for each CPU; what the host lacks is skipped by its name.
class KernelTest : public testing::TestWithParam<std::string_view> {
 protected:
  void SetUp() override {
    const auto isa = isa_of(GetParam());
    if (!isa) GTEST_SKIP() << isa.error().what;
    target_ = *probe_target();
    target_.isa = *isa;
  }

  /// Checks the default schedule and `samples` random ones where the list says that there must be a kernel, and that there is none
  /// elsewhere.
  void expect_right(const Levels& levels, const std::string& text, double tolerance, int samples = 3) const {
    SCOPED_TRACE(text);
    const schedule::Workload workload = parse_workload(text);
    const auto family = find_family(workload);
    ASSERT_TRUE(family) << family.error().message();
    const std::string_view level = GetParam() == "this" ? host_level() : GetParam();
    const auto first = default_schedule(workload, target_);
    if (std::ranges::find(levels, level) == levels.end()) {
      EXPECT_FALSE(first) << "there is a kernel for " << level << ", which the list does not have";
      return;
    }
    ASSERT_TRUE(first) << "no kernel for " << level << ", which the list has: " << first.error().message();

    const auto expected = reference::evaluate<float>(workload.op(), tuner::random_inputs(workload), {.past = workload.past});
    ASSERT_TRUE(expected) << expected.error().message();
    auto operands = tuner::Operands::create(workload);
    ASSERT_TRUE(operands) << operands.error().message();
    runtime::Team team(workload.threads);
    for (const schedule::Schedule& schedule : schedules(**family, workload, *first, samples)) {
      SCOPED_TRACE(schedule.text());
      const auto function = (*family)->build(workload, schedule, target_.isa);
      ASSERT_TRUE(function) << function.error().message();
      const auto object = codegen::compile(*function, target_.isa);
      ASSERT_TRUE(object) << object.error().message() << "\n" << loopir::text(*function);
      const auto code = runtime::LoadedCode::load(object->image);
      ASSERT_TRUE(code) << code.error().message();
      const std::size_t stride = (static_cast<std::size_t>(object->scratch_bytes) + 127) / 128 * 128;
      const auto scratch = tuner::Pages::allocate(stride * static_cast<std::size_t>(workload.threads));
      ASSERT_TRUE(scratch) << scratch.error().message();
      const tuner::CallableKernel kernel{code->entry(object->entry), scratch->data(), stride};
      tuner::Comparison comparison = tuner::check(*operands, kernel, team, *expected);
      comparison.tolerance = tolerance;
      EXPECT_TRUE(comparison.ok()) << comparison.text();
    }
  }

  [[nodiscard]] const Target& target() const { return target_; }

 private:
  [[nodiscard]] std::vector<schedule::Schedule> schedules(const Family& family, const schedule::Workload& workload,
                                                          const schedule::Schedule& first, int samples) const {
    // What this CPU has beyond its level is in the code of no kernel yet: one schedule shows that it does no harm.
    if (GetParam() == "this") samples = 0;
    const schedule::Space space = family.space(workload, target_);
    std::vector<schedule::Schedule> result = {first};
    std::mt19937_64 rng(7);
    for (int i = 0; i < samples; ++i) {
      if (auto schedule = space.random(rng)) result.push_back(*schedule);
    }
    return result;
  }

  Target target_;
};

inline std::string cpu_name(const testing::TestParamInfo<std::string_view>& each) {
  std::string name(each.param);
  std::ranges::replace(name, '-', '_');
  return name;
}

/// Makes the tests of a fixture, a KernelTest, run for each CPU.
#define NNTUNE_FOR_EACH_CPU(fixture) INSTANTIATE_TEST_SUITE_P(Cpu, fixture, testing::ValuesIn(kCpus), cpu_name)

}  // namespace nntune::kernels
