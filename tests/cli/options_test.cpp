#include "cli/options.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/cgroup.h"
#include "base/target.h"
#include "compiler/rules/permissions.h"

namespace nntune::cli {
namespace {

using std::chrono::milliseconds;

TEST(Options, IntegersAreReadWhole) {
  EXPECT_EQ(parse_integer("42", "-n", 0, 100).value(), 42);
  EXPECT_EQ(parse_integer("-5", "-n", -10, 100).value(), -5);
  for (const char* text : {"", "x", "4x", " 4", "4 ", "4.0", "0x4", "1e3", "99999999999999999999", "+4", "--4"}) {
    const auto value = parse_integer(text, "-n", 0, 100);
    ASSERT_FALSE(value) << text;
    EXPECT_EQ(value.error().kind, ErrorKind::usage);
    EXPECT_EQ(value.error().hint, "give 0 to 100");
  }
  EXPECT_EQ(parse_integer("101", "-n", 0, 100).error().message(), "-n 101 is out of range; give 0 to 100");
}

TEST(Options, ListsHaveNoHoles) {
  EXPECT_EQ(parse_integers("1", "-p", 0, 9).value(), (std::vector<std::int64_t>{1}));
  EXPECT_EQ(parse_integers("1,2,3", "-p", 0, 9).value(), (std::vector<std::int64_t>{1, 2, 3}));
  for (const char* text : {"", ",", "1,", ",1", "1,,2", "1;2", "1, 2", "1,10"})
    EXPECT_FALSE(parse_integers(text, "-p", 0, 9)) << text;
}

TEST(Options, NumbersAreFinite) {
  EXPECT_EQ(parse_number("0.75", "--top-p", 0, 1).value(), 0.75);
  EXPECT_EQ(parse_number("1e-3", "--top-p", 0, 1).value(), 1e-3);
  for (const char* text : {"", "nan", "inf", "1.5", "-0.1", "0.5x", "half"})
    EXPECT_FALSE(parse_number(text, "--top-p", 0, 1)) << text;
}

TEST(Options, DurationsNeedAUnit) {
  EXPECT_EQ(parse_duration("3m", "--budget").value(), milliseconds(180'000));
  EXPECT_EQ(parse_duration("90s", "--budget").value(), milliseconds(90'000));
  EXPECT_EQ(parse_duration("500ms", "--budget").value(), milliseconds(500));
  EXPECT_EQ(parse_duration("1.5h", "--budget").value(), milliseconds(5'400'000));
  for (const char* text : {"", "3", "m", "ms", "3 m", "3min", "-3m", "0s", "nan s", "nans", "infs", "1e9h", "3parsecs"}) {
    const auto value = parse_duration(text, "--budget");
    ASSERT_FALSE(value) << text;
    EXPECT_EQ(value.error().kind, ErrorKind::usage);
  }
}

TEST(Options, ThreadsAreAtMostFourTimesTheCpus) {
  const int most = 4 * static_cast<int>(allowed_cpus().size());
  EXPECT_EQ(parse_threads("1,2").value(), (std::vector<int>{1, 2}));
  EXPECT_TRUE(parse_threads(std::to_string(most)));
  EXPECT_FALSE(parse_threads(std::to_string(most + 1)));
  EXPECT_FALSE(parse_threads("0"));
}

Expected<ModelOptions> read(std::vector<const char*> arguments, std::vector<int>* several = nullptr) {
  Options options("test", "", "");
  declare_model_options(options);
  declare_allow_option(options);
  arguments.insert(arguments.begin(), "test");
  NNTUNE_ASSIGN(const Arguments parsed, options.parse(static_cast<int>(arguments.size()), arguments.data()));
  return read_model_options(parsed, several);
}

TEST(ModelOptions, HaveDefaults) {
  const auto options = read({"qwen3-0.6b"});
  ASSERT_TRUE(options) << options.error().message();
  EXPECT_EQ(options->model, "qwen3-0.6b");
  EXPECT_FALSE(options->db);
  EXPECT_FALSE(options->weights);
  EXPECT_EQ(options->dtype, graph::DType::bf16);
  EXPECT_FALSE(options->dtype_given);
  EXPECT_EQ(options->threads, static_cast<int>(allowed_cpus().size()));
  EXPECT_EQ(options->ctx, 4096);
}

TEST(ModelOptions, AreReadInAnyOrder) {
  const auto options = read({"--db", "t.db", "-t1", "folder", "--dtype=f32", "--ctx", "77", "--weights", "w"});
  ASSERT_TRUE(options) << options.error().message();
  EXPECT_EQ(options->model, "folder");
  EXPECT_EQ(options->db, "t.db");
  EXPECT_EQ(options->weights, "w");
  EXPECT_EQ(options->dtype, graph::DType::f32);
  EXPECT_TRUE(options->dtype_given);
  EXPECT_EQ(options->threads, 1);
  EXPECT_EQ(options->ctx, 77);
}

TEST(ModelOptions, OnlySomeCommandsTakeSeveralThreadCounts) {
  EXPECT_FALSE(read({"m", "-t", "1,2"}));
  std::vector<int> several;
  ASSERT_TRUE(read({"m", "-t", "2,1"}, &several));
  EXPECT_EQ(several, (std::vector<int>{2, 1}));
  ASSERT_TRUE(read({"m"}, &several));
  EXPECT_EQ(several.size(), 1U);
}

TEST(ModelOptions, NothingIsAllowedUnlessGivenByName) {
  EXPECT_TRUE(read({"m"})->allowed.empty());
  EXPECT_EQ(allowed_text({}), "");
  const auto some = read({"m", "--allow", "weight-rounding,reassociation"});
  ASSERT_TRUE(some) << some.error().message();
  EXPECT_EQ(some->limits(true).allowed, (std::set<std::string>{"reassociation", "weight-rounding"}));
  const std::string text = allowed_text(some->allowed);
  for (const rules::Permission& permission : rules::permissions()) {
    const bool given = permission.name != "quantised-activations";
    EXPECT_EQ(text.find(permission.may_change) != std::string::npos, given) << permission.name;
  }
  const auto unknown = read({"m", "--allow", "weight-rounding,speed"});
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().kind, ErrorKind::usage);
  EXPECT_NE(unknown.error().what.find("'speed'"), std::string::npos);
  EXPECT_NE(unknown.error().hint.find("reassociation,weight-rounding,quantised-activations"), std::string::npos);
}

TEST(ModelOptions, TheHelpSaysWhatEachPermissionMayChange) {
  Options options("test", "", "");
  declare_allow_option(options);
  for (const rules::Permission& permission : rules::permissions()) {
    EXPECT_NE(options.help(10'000).find(fmt::format("{} ({})", permission.name, permission.may_change)), std::string::npos);
  }
}

TEST(ModelOptions, WrongOnesAreWrongUsage) {
  for (const std::vector<const char*>& arguments : std::vector<std::vector<const char*>>{
           {}, {""}, {"m", "--dtype", "f16"}, {"m", "--ctx", "0"}, {"m", "--ctx", "many"}, {"m", "-t", "0"}}) {
    const auto options = read(arguments);
    ASSERT_FALSE(options);
    EXPECT_EQ(options.error().kind, ErrorKind::usage);
    EXPECT_FALSE(options.error().hint.empty());
  }
}

TEST(ModelOptions, MemoryIsWhatThisProcessMayHaveUnlessGiven) {
  const auto standard = read({"m"});
  ASSERT_TRUE(standard);
  EXPECT_FALSE(standard->memory_given);
  EXPECT_LT(standard->memory_bytes, static_cast<double>(usable_memory_bytes()));
  EXPECT_GT(standard->memory_bytes, 0.5 * static_cast<double>(usable_memory_bytes()));
  const auto given = read({"m", "--memory", "1.5G", "--ctx", "100"});
  ASSERT_TRUE(given);
  EXPECT_EQ(given->memory(true).bytes, 1.5e9);
  EXPECT_EQ(given->memory(true).ctx, 100);
  EXPECT_FALSE(read({"m", "--memory", "much"}));
}

}  // namespace
}  // namespace nntune::cli
