// Databases that older versions of nntune made, kept in tests/data as they were: what was measured then is found, and is what
// programs are made of. A version whose change adds a schema adds a file (CONTRIBUTING.md).
#include <gmock/gmock.h>

#include <set>

#include "base/json.h"
#include "compiler/import/config.h"
#include "compiler/module/model_program.h"
#include "compiler/schedule/workload.h"
#include "cost_model/database_cost.h"
#include "db/database.h"
#include "db/migrations.h"
#include "db/query.h"
#include "tests/e2e/process.h"

namespace nntune::e2e {
namespace {

namespace fs = std::filesystem;
using schedule::Workload;
using testing::HasSubstr;

/// The model that the searches behind these databases were for, in bf16 with 2 threads.
import::ModelConfig searched_model(){const Json json = {{"architectures", {"Qwen3ForCausalLM"}},
                                                        {"model_type", "qwen3"},
                                                        {"hidden_size", 256},
                                                        {"num_hidden_layers", 4},
                                                        {"num_attention_heads", 4},
                                                        {"num_key_value_heads", 2},
                                                        {"head_dim", 128},
                                                        {"intermediate_size", 768},
                                                        {"vocab_size", 2072},
                                                        {"max_position_embeddings", 2048},
                                                        {"rms_norm_eps", 1e-6},
                                                        {"rope_theta", 1000000},
                                                        {"hidden_act", "silu"},
                                                        {"attention_bias", false},
                                                        {"tie_word_embeddings", true}};
const auto config = import::parse_config(json, "the test");
if (!config) throw std::runtime_error(config.error().message());
return *config;
}  // namespace

/// The number is the schema that the file has.
class OldDatabase : public testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    path_ = folder_ / "tuning.db";
    const std::string name = "database_v" + std::to_string(GetParam()) + ".db";
    ASSERT_TRUE(fs::copy_file(test_support::data_folder() / name, path_));
    fs::permissions(path_, fs::perms::owner_all);
  }
  db::Database migrated() {
    const auto change = db::migrate_file(path_);
    if (!change) throw std::runtime_error(change.error().message());
    EXPECT_EQ(change->before, GetParam());
    EXPECT_EQ(change->after, db::schema_version());
    return *db::Database::open(path_, db::Mode::read_only);
  }
  static db::TargetRecord target_of(const db::Database& database) { return db::targets(database).value().at(0); }

  TemporaryFolder folder_;
  fs::path path_;
};

TEST_P(OldDatabase, IsReadOnceItsSchemaIsTodays) {
  const Result before = run_nntune("db stats --json --db " + path_.string());
  if (GetParam() < db::schema_version()) {
    EXPECT_EQ(before.exit_code, 1);
    EXPECT_THAT(before.err, HasSubstr("`nntune db migrate --db " + path_.string() + "`"));
    EXPECT_EQ(read_all(path_), read_all(test_support::data_folder() / ("database_v" + std::to_string(GetParam()) + ".db")));
  } else {
    EXPECT_EQ(before.exit_code, 0) << before.err;
  }
  EXPECT_EQ(run_nntune("db migrate --db " + path_.string()).exit_code, 0);
  const Result after = run_nntune("db stats --json --db " + path_.string());
  ASSERT_EQ(after.exit_code, 0) << after.err;
  EXPECT_GT(Json::parse(after.out)["measurements"].get<int>(), 50);
}

TEST_P(OldDatabase, EveryRowIsFoundByTheTextOfItsWorkload) {
  const db::Database database = migrated();
  const db::TargetRecord target = target_of(database);
  std::set<std::string> texts;
  const auto rows = db::measurements(database);
  ASSERT_TRUE(rows) << rows.error().message();
  for (const db::Measurement& row : *rows) {
    const auto workload = Workload::parse(row.workload);
    ASSERT_TRUE(workload) << row.workload << ": " << workload.error().message();
    ASSERT_EQ(workload->text(), row.workload);
    texts.insert(row.workload);
    // Its schedule is still one of the workload's.
    EXPECT_TRUE(cost_model::read_schedule(*workload, row.schedule, target.target)) << row.workload << " " << row.schedule;
  }
  EXPECT_GT(texts.size(), 40U);
  for (const std::string& text : texts) {
    // The key in the file is today's hash of the text, or nothing would be found.
    EXPECT_TRUE(db::best(database, target.id, Workload::parse(text)->hash()).value()) << text;
  }
}

TEST_P(OldDatabase, ProgramsAreMadeOfWhatWasMeasured) {
  const db::Database database = migrated();
  const db::TargetRecord target = target_of(database);
  const auto costs = cost_model::DatabaseCostModel::make(database, target.id,
                                                         std::make_shared<cost_model::EstimateCostModel>(target.latest));
  ASSERT_TRUE(costs) << costs.error().message();
  const auto extraction = module::plan_model(searched_model(), graph::DType::bf16, 2, target.latest.isa, **costs);
  ASSERT_TRUE(extraction) << extraction.error().message();
  int measured = 0, all = 0;
  for (const auto& phase : extraction->program.phases) {
    for (const auto& section : phase.sections) {
      for (const extract::KernelStep& step : section.steps) {
        ++all;
        if (step.cost.source != extract::CostSource::measured) continue;
        ++measured;
        const auto row = (*costs)->measurement(step.workload);
        ASSERT_TRUE(row);
        EXPECT_EQ((*costs)->schedule(step.workload)->text(), row->schedule);
      }
    }
  }
  EXPECT_GT(2 * measured, all) << measured << " of " << all;
}

INSTANTIATE_TEST_SUITE_P(Schema, OldDatabase, testing::Values(3));

}  // namespace nntune::e2e
}  // namespace nntune::e2e
