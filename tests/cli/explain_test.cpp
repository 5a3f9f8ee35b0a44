#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>

#include "base/json.h"
#include "cli/caveats.h"
#include "cli/explain_facts.h"
#include "cli/explain_text.h"
#include "compiler/kernels/family.h"
#include "reports/explain_page.h"
#include "tests/compiler/rules/decoder_layer.h"

namespace nntune::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

/// A small model, explained once for all tests from an empty database.
class Explain : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    const auto database = std::filesystem::temp_directory_path() / ("nntune-empty-" + std::to_string(::getpid()) + ".db");
    std::ofstream{database}.close();
    auto costs = open_costs(database, "");
    std::filesystem::remove(database);
    ASSERT_TRUE(costs) << costs.error().message();
    costs_ = std::make_unique<Costs>(std::move(*costs));
    const auto phases = testing_models::phases({.hidden = 256,
                                                .heads = 4,
                                                .kv_heads = 2,
                                                .head_dim = 64,
                                                .intermediate = 512,
                                                .vocabulary = 1024,
                                                .layers = 2,
                                                .dtype = graph::DType::f32});
    extract::ExtractOptions options;
    options.rules.isa = costs_->target.isa;
    options.keep_egraph = true;
    auto made = extract::extract_explained(phases, *costs_->model, options);
    ASSERT_TRUE(made) << made.error().message();
    extraction_ = std::make_unique<extract::Extraction>(std::move(*made));
  }
  static void TearDownTestSuite() {
    extraction_.reset();
    costs_.reset();
  }
  void SetUp() override { ASSERT_TRUE(extraction_); }

  static Expected<ExplainFacts> facts(const std::string& phase = "", const std::string& model = "small") {
    return gather_facts(model, ModelOptions{}, *costs_, *extraction_, phase);
  }
  static std::set<std::string> workloads(const std::string& phase = "") {
    std::set<std::string> result;
    for (const auto& each : extraction_->program.phases) {
      if (!phase.empty() && each.name != phase) continue;
      for (const auto& section : each.sections) {
        for (const auto& step : section.steps) result.insert(step.workload.text());
      }
    }
    return result;
  }

  static inline std::unique_ptr<Costs> costs_;
  static inline std::unique_ptr<extract::Extraction> extraction_;
};

std::set<std::string> workloads_of(const Json& json) {
  std::set<std::string> result;
  for (const Json& phase : json["phases"]) {
    for (const Json& kernel : phase["kernels"]) result.insert(kernel["workload"]);
  }
  return result;
}

TEST_F(Explain, JsonHasEachKernelWithItsRunnerUpRulesAndWhereItsNumberIsFrom) {
  const Json json = to_json(*facts());
  EXPECT_EQ(workloads_of(json), workloads());
  double shares = 0;
  bool made_by_rules = false;
  bool has_runner_up = false;
  for (const Json& kernel : json["phases"][0]["kernels"]) {
    shares += kernel["share"].get<double>();
    made_by_rules = made_by_rules || !kernel["rules"].empty();
    EXPECT_EQ(kernel["provenance"]["estimate"]["peaks"], "default");
    EXPECT_EQ(kernel["provenance"].contains("measurement"), false);
    EXPECT_TRUE(kernel["schedule"].is_object());
    if (kernel["runner_up"].is_null()) continue;
    has_runner_up = true;
    for (const Json& other : kernel["others"]) {
      EXPECT_GE(other["growth_seconds"], kernel["runner_up"]["growth_seconds"]);
    }
  }
  EXPECT_NEAR(shares, 1, 1e-9);
  EXPECT_TRUE(made_by_rules);
  EXPECT_TRUE(has_runner_up);
  EXPECT_EQ(json["layouts"].size(), extraction_->explanation.layouts.size());
  EXPECT_EQ(json["saturation"]["cut_off"], "");
}

TEST_F(Explain, RunnersUpAreNeverBetterThanWhatTheSolverWouldTake) {
  for (const extract::Decision& decision : extraction_->explanation.decisions) {
    if (decision.others.empty()) continue;
    EXPECT_GE(decision.others.front().growth_seconds, -1e-9 * extraction_->explanation.objective_seconds);
    EXPECT_DOUBLE_EQ(decision.others.front().growth_seconds, decision.runner_up_seconds);
  }
}

TEST_F(Explain, TextFitsInEightyColumnsAndSaysWhatTheJsonSays) {
  const std::string text = render(*facts(), Detail::all);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(line.size(), 80U) << line;
    EXPECT_FALSE(line.ends_with(' ')) << line;
  }
  for (const char* word : {"decode, 1 token", "prefill, ", "runner-up", "rules ", "time ", "estimated from default",
                           "off by 50 %", "bound ", "input ", "pack-weights", "stored ", "no limit cut anything off"}) {
    EXPECT_THAT(text, HasSubstr(word));
  }
  const std::string brief = render(*facts(), Detail::tables);
  EXPECT_TRUE(text.starts_with(brief));
  EXPECT_THAT(brief, Not(HasSubstr("runner-up")));
}

TEST_F(Explain, DefaultTextHasTheKernelsThatTakeTimeAndTellsOfTheRest) {
  const std::string text = render(*facts(), Detail::what_matters);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80U) << line;
  EXPECT_TRUE(text.starts_with(render(*facts(), Detail::tables)));
  for (const char* word : {"runner-up", "--all", "gap ", "o_proj"}) EXPECT_THAT(text, HasSubstr(word));
  for (const char* word : {"bound ", "rules  ", "input "}) EXPECT_THAT(text, Not(HasSubstr(word)));
  EXPECT_LT(text.size(), render(*facts(), Detail::all).size());
}

TEST_F(Explain, OnePhaseShowsThatPhaseAlone) {
  const auto decode = facts("decode");
  ASSERT_TRUE(decode);
  EXPECT_EQ(workloads_of(to_json(*decode)), workloads("decode"));
  EXPECT_THAT(render(*decode, Detail::tables), Not(HasSubstr("\nprefill, ")));
  const auto none = facts("warmup");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, ErrorKind::usage);
  EXPECT_THAT(none.error().message(), HasSubstr("decode or prefill"));
}

TEST_F(Explain, PageHoldsTheProgramAndTheWholeEGraphAndNoMarkupFromNames) {
  const Json json = to_json(*facts("", "</script><img src=x>"));
  const Json egraph = to_json(*extraction_->explanation.egraph, costs_->target.isa);
  const std::string html = reports::explain_page(json, egraph);
  EXPECT_THAT(html, Not(HasSubstr("<img")));
  const std::string begin = "type=\"application/json\">";
  const std::size_t at = html.find(begin) + begin.size();
  const Json data = Json::parse(html.substr(at, html.find("</script>", at) - at));
  EXPECT_EQ(data["facts"], json);
  EXPECT_EQ(data["egraph"], egraph);
  EXPECT_EQ(egraph["classes"].size(), extraction_->explanation.classes);
  std::set<std::uint32_t> ids;
  for (const Json& item : egraph["classes"]) ids.insert(item["id"].get<std::uint32_t>());
  for (const Json& phase : json["phases"]) {
    for (const Json& kernel : phase["kernels"]) EXPECT_TRUE(ids.contains(kernel["class"].get<std::uint32_t>()));
  }
  // What cannot be is there with its reason.
  bool refused = false;
  for (const Json& workload : egraph["workloads"]) {
    if (!workload["seconds"].is_null()) continue;
    refused = true;
    EXPECT_FALSE(workload["why_not"].get<std::string>().empty());
  }
  EXPECT_TRUE(refused);
}

TEST_F(Explain, AMeasurementIsNamedWithItsSessionAndHowSureItIs) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("nntune-explain-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  const schedule::Workload workload = extraction_->explanation.decisions.front().chosen;
  {
    auto database = db::Database::open(folder / "tuning.db", db::Mode::read_write);
    ASSERT_TRUE(database);
    db::Measurement row;
    row.target_id = *database->record_target(costs_->target);
    row.session_id = *database->begin_session({.command = "search", .model = "small", .nntune_version = "9.9"});
    row.workload = workload.text();
    row.family = workload.family();
    row.schedule = costs_->model->schedule(workload)->text();
    row.object_hash = hash128("code");
    row.compiler = "llvm";
    row.nntune_version = "9.9";
    row.samples_ns = {1000, 1010, 1020, 1000, 1010, 1020, 1000, 1010, 1020};
    row.created_at = "2025-03-09T14:05:06.123456Z";
    ASSERT_TRUE(database->insert_measurement(row));
  }
  {
    const auto costs = open_costs(folder / "tuning.db", "");
    ASSERT_TRUE(costs);
    const auto sessions = read_sessions(*costs->database);
    ASSERT_TRUE(sessions);
    const Provenance provenance = provenance_of(workload, *costs, *sessions);
    EXPECT_EQ(text(provenance),
              "measured in a worker 2025-03-09 14:05 UTC, 9 samples, 95 % 1.00 us .. 1.02 us; row 1, search session 1, "
              "nntune 9.9");
    const Json json = to_json(provenance);
    EXPECT_EQ(json["measurement"]["created_at"], "2025-03-09T14:05:06.123456Z");
    EXPECT_EQ(json["session"]["command"], "search");
    EXPECT_FALSE(json.contains("estimate"));
  }
  std::filesystem::remove_all(folder);
}

TEST_F(Explain, ARowIsJudgedByTheBandwidthBesideItAndTellsOfOtherLoad) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("nntune-judged-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  // A kernel of decode, which waits for memory.
  const auto& decisions = extraction_->explanation.decisions;
  const auto found = std::ranges::find_if(decisions, [&](const extract::Decision& decision) {
    const auto family = kernels::find_family(decision.chosen);
    return decision.chosen.op().kind() == graph::OpKind::matmul && decision.chosen.one_row() &&
           kernels::waits_for_memory((*family)->work(decision.chosen, costs_->target.isa), costs_->target, 1);
  });
  ASSERT_NE(found, decisions.end());
  const schedule::Workload& workload = found->chosen;
  constexpr double kReadBytes = 20e9;
  const double bytes = (*kernels::find_family(workload))->work(workload, costs_->target.isa).weight_bytes;
  auto database = db::Database::open(folder / "tuning.db", db::Mode::read_write);
  ASSERT_TRUE(database);
  Target target = costs_->target;
  target.measured = true;
  db::Measurement row;
  row.target_id = *database->record_target(target);
  row.workload = workload.text();
  row.family = workload.family();
  row.schedule = costs_->model->schedule(workload)->text();
  row.object_hash = hash128("code");
  row.place = db::Place::program;
  row.samples_ns.assign(9, 2e9 * bytes / kReadBytes);  // twice the bound
  row.dram_read_bytes_per_s = kReadBytes;
  row.environment = R"({"other_load_cores":0.93})";
  ASSERT_TRUE(database->insert_measurement(row));
  for (const double factor : {1.0, 4.0}) {  // `target` once more, with memory in a faster mode
    target.dram_read *= factor;
    target.dram_read_all_cores *= factor;
    ASSERT_TRUE(database->record_target(target));
    const auto costs = open_costs(folder / "tuning.db", "");
    ASSERT_TRUE(costs);
    ASSERT_EQ(costs->target.dram_read, target.dram_read);
    const Provenance provenance = provenance_of(workload, *costs, {});
    EXPECT_EQ(provenance.roofline.peak, kReadBytes);
    ASSERT_TRUE(provenance.roofline_share);
    EXPECT_NEAR(*provenance.roofline_share, 0.5, 1e-9);
    EXPECT_THAT(text(provenance), HasSubstr(", while other processes took 0.9 of "));

    const auto explained = gather_facts("small", ModelOptions{}, *costs, *extraction_, "");
    ASSERT_TRUE(explained);
    const std::string sentence = "other processes took 0.9 of " + std::to_string(costs->target.cores) + " core";
    EXPECT_THAT(render(*explained, Detail::tables), HasSubstr(sentence));
    EXPECT_THAT(to_json(*explained)["busy_rows"]["text"].get<std::string>(),
                testing::EndsWith("while 1 of 1 measured kernels were timed"));
    bool shown = false;
    const Json json = to_json(*explained);
    for (const Json& phase : json["phases"]) {
      for (const Json& kernel : phase["kernels"]) {
        if (kernel["workload"] != workload.text()) continue;
        shown = true;
        EXPECT_NEAR(kernel["roofline"].get<double>(), 0.5, 1e-9);
        EXPECT_EQ(kernel["provenance"]["measurement"]["other_load_cores"], 0.93);
      }
    }
    EXPECT_TRUE(shown);
  }
  std::filesystem::remove_all(folder);
}

TEST(CutOff, NamesTheLimitAndTheRulesThatItHeldBack) {
  egraph::RunReport report;
  report.rules = {{.name = "merge-everything"}, {.name = "split"}};
  report.iterations.push_back({.applied = 7, .matches = {100, 1}, .banned = {0}});
  EXPECT_EQ(cut_off(report), "");
  report.stop = {.kind = egraph::StopReason::Kind::node_limit, .value = 50'001};
  EXPECT_EQ(cut_off(report),
            "stopped by the node limit (50001); the last iteration still changed the e-graph 7 times, and held back "
            "merge-everything. Programs beyond that were not looked at");
}

TEST_F(Explain, ALimitThatCutTheRulesOffIsToldInOneLineOfEveryText) {
  EXPECT_EQ(cut_off_line(extraction_->explanation.saturation), "");
  extract::Extraction cut;
  cut.program = extraction_->program;
  cut.explanation.decisions = extraction_->explanation.decisions;
  cut.explanation.phase_calls = extraction_->explanation.phase_calls;
  cut.explanation.saturation = extraction_->explanation.saturation;
  cut.explanation.saturation.stop = {.kind = egraph::StopReason::Kind::match_limit, .value = 20'000'001};
  const auto facts = gather_facts("small", ModelOptions{}, *costs_, cut, "");
  ASSERT_TRUE(facts);
  std::string words = render(*facts, Detail::tables);
  std::ranges::replace(words, '\n', ' ');
  const auto twice = std::ranges::unique(words, [](char a, char b) { return a == ' ' && b == ' '; });
  words.erase(twice.begin(), twice.end());
  EXPECT_THAT(words, HasSubstr("rules stopped by the match limit (20000001): programs beyond it were not looked at"));
}

}  // namespace
}  // namespace nntune::cli
