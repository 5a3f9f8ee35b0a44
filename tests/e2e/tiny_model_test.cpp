// The tiny trained model through the whole path: compiled, loaded and run by the real binary, against its reference results.
#include <gtest/gtest.h>
#include <sched.h>

#include <cmath>
#include <cstring>
#include <ostream>
#include <vector>

#include "base/json.h"
#include "tests/e2e/process.h"

namespace nntune::e2e {
namespace {

struct Npy {
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::vector<float> values;
};

/// A little-endian f32 matrix in .npy format version 1.
Npy read_npy(const std::filesystem::path& path) {
  const std::string bytes = read_all(path);
  Npy npy;
  if (bytes.size() < 10 || bytes.compare(0, 6, "\x93NUMPY") != 0) {
    ADD_FAILURE() << path << " is no .npy file";
    return npy;
  }
  std::uint16_t header = 0;
  std::memcpy(&header, bytes.data() + 8, 2);
  const std::string text = bytes.substr(10, header);
  EXPECT_NE(text.find("'<f4'"), std::string::npos) << text;
  const std::size_t shape = text.find("'shape': (");
  EXPECT_EQ(std::sscanf(text.c_str() + shape, "'shape': (%zu, %zu", &npy.rows, &npy.columns), 2) << text;
  npy.values.resize((bytes.size() - 10 - header) / 4);
  std::memcpy(npy.values.data(), bytes.data() + 10 + header, npy.values.size() * 4);
  EXPECT_EQ(npy.values.size(), npy.rows * npy.columns);
  return npy;
}

std::string join(const std::vector<int>& ids, const char* separator) {
  std::string text;
  for (const int id : ids) text += (text.empty() ? "" : separator) + std::to_string(id);
  return text;
}

std::vector<int> numbers(const std::string& text) {
  std::vector<int> ids;
  std::string digits;
  for (const char c : text + " ") {
    if (c >= '0' && c <= '9') {
      digits += c;
    } else if (!digits.empty()) {
      ids.push_back(std::stoi(digits));
      digits.clear();
    }
  }
  return ids;
}

/// Compiles the model once for all tests of a dtype and instruction set; "" if this CPU lacks that.
std::string compiled(const std::string& model, const std::string& dtype, const std::string& isa = "") {
  static const TemporaryFolder folder;
  const std::string name = std::filesystem::path(model).filename().string();
  const std::string path = (folder / (name + dtype + isa + ".nnm")).string();
  if (!std::filesystem::exists(path)) {
    const Result result = run_nntune("compile " + model + " --dtype " + dtype + " -t 2 --db " + empty_database(folder) +
                                     (isa.empty() ? "" : " --isa " + isa) + " -o " + path);
    if (result.err.find("this CPU has no") != std::string::npos) return "";
    EXPECT_EQ(result.exit_code, 0) << result.err;
  }
  return path;
}

struct Way {
  int threads;
  const char* isa;
  const char* model = "tiny-qwen3-dense";
};

void PrintTo(const Way& way, std::ostream* out) { *out << way.model << " " << way.threads << " threads " << way.isa; }

class TinyModel : public testing::TestWithParam<Way> {};

TEST_P(TinyModel, F32LogitsAndGreedyTokensAreTheReferences) {
  NNTUNE_NEED_SHARED(model, GetParam().model);
  const std::string module = compiled(model, "f32", GetParam().isa);
  if (module.empty()) GTEST_SKIP() << "this CPU has no " << GetParam().isa;
  const Json expected = *read_json(model + "/expected.json");
  const TemporaryFolder folder;
  for (const Json& prompt : expected["prompts"]) {
    SCOPED_TRACE(prompt["name"].get<std::string>());
    const auto ids = prompt["ids"].get<std::vector<int>>();
    const auto greedy = prompt["greedy"]["ids"].get<std::vector<int>>();
    const std::string npy = (folder / "logits.npy").string();
    const Result result =
        run_nntune("run " + module + " --tokens " + join(ids, ",") + " --ids -n " + std::to_string(greedy.size()) + " -t " +
                   std::to_string(GetParam().threads) + " --dump-logits " + npy);
    ASSERT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(numbers(result.out), greedy);
    const Npy logits = read_npy(npy);
    const auto last = prompt["last_logits"].get<std::vector<float>>();
    ASSERT_GE(logits.rows, ids.size());
    ASSERT_EQ(logits.columns, last.size());
    float worst = 0;
    for (std::size_t i = 0; i < last.size(); ++i) {
      worst = std::max(worst, std::abs(logits.values[(ids.size() - 1) * logits.columns + i] - last[i]));
    }
    EXPECT_LT(worst, 2e-3F);
  }
}

TEST_P(TinyModel, Bf16PerplexityIsTheReferences) {
  NNTUNE_NEED_SHARED(model, GetParam().model);
  const std::string module = compiled(model, "bf16", GetParam().isa);
  if (module.empty()) GTEST_SKIP() << "this CPU has no " << GetParam().isa;
  const std::string text = (test_support::shared_folder() / "models/valid.txt").string();
  const Json expected = (*read_json(model + "/expected.json"))["perplexity"];
  const Result result =
      run_nntune("eval " + module + " --text " + text + " --window 512 --limit " +
                 std::to_string(expected["tokens"].get<int>()) + " --json -t " + std::to_string(GetParam().threads));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto json = parse_json(result.out, "stdout");
  ASSERT_TRUE(json) << result.out;
  const double nll = (*json)["mean_nll"];
  // Half a percent of the perplexity of a trained model. Random weights amplify rounding: a percent of the mean.
  const bool trained = std::string_view(GetParam().model) == "tiny-qwen3-dense";
  const double expected_nll = expected["mean_nll"];
  EXPECT_NEAR(nll, expected_nll, trained ? 0.005 : 0.01 * expected_nll);
  EXPECT_EQ((*json)["predictions"], expected["predictions"]);
  EXPECT_NEAR(std::exp(nll) / (*json)["perplexity"].get<double>(), 1, 1e-4);
}

INSTANTIATE_TEST_SUITE_P(Ways, TinyModel,
                         testing::Values(Way{1, ""}, Way{2, ""}, Way{4, ""}, Way{2, "avx2"}, Way{2, "avx512"},
                                         Way{2, "avx512-bf16"}, Way{2, "", "tiny-llama3"}, Way{2, "avx2", "tiny-llama3"},
                                         Way{2, "avx512", "tiny-llama3"}, Way{2, "", "tiny-qwen2"},
                                         Way{2, "avx2", "tiny-qwen2"}, Way{2, "avx512", "tiny-qwen2"}),
                         [](const testing::TestParamInfo<Way>& way) {
                           const bool qwen3 = std::string_view(way.param.model) == "tiny-qwen3-dense";
                           std::string name = (qwen3 ? "" : way.param.model) + std::to_string(way.param.threads) +
                                              "threads" + way.param.isa;
                           std::erase(name, '-');
                           return name;
                         });

TEST(Threads, AreByDefaultAsManyAsTheCpusThatMayBeUsed) {
  NNTUNE_NEED_SHARED(model, "tiny-qwen3-dense");
  const std::string module = compiled(model, "f32");
  cpu_set_t allowed;
  ASSERT_EQ(sched_getaffinity(0, sizeof allowed, &allowed), 0);
  int cpu = 0;
  while (!CPU_ISSET(static_cast<std::size_t>(cpu), &allowed)) ++cpu;
  const std::string one_cpu = "taskset -pc " + std::to_string(cpu) + " $$ >/dev/null;";
  const std::string generate = "run " + module + " --tokens 1,2,3 --ids -n 8";
  EXPECT_EQ(run_nntune(generate, one_cpu).out, run_nntune(generate).out);
  const TemporaryFolder folder;
  const std::string explain = "explain " + model + " --db " + empty_database(folder);
  EXPECT_NE(run_nntune(explain, one_cpu).out.find(", 1 thread,"), std::string::npos);
  const Result many = run_nntune(explain + " -t 5", one_cpu);
  EXPECT_EQ(many.exit_code, 2);
  EXPECT_NE(many.err.find("-t"), std::string::npos) << many.err;
}

TEST(Compile, GivesTheSameBytesTwice) {
  NNTUNE_NEED_SHARED(model, "tiny-qwen3-dense");
  const TemporaryFolder folder;
  for (const char* name : {"a.nnm", "b.nnm"}) {
    const Result result =
        run_nntune("compile " + model + " --db " + empty_database(folder) + " -o " + (folder / name).string());
    ASSERT_EQ(result.exit_code, 0) << result.err;
  }
  EXPECT_TRUE(read_all(folder / "a.nnm") == read_all(folder / "b.nnm"));
}

TEST(Run, StreamsTextAndKeepsNumbersOnStderr) {
  NNTUNE_NEED_SHARED(model, "tiny-qwen3-dense");
  const Result result = run_nntune("run " + compiled(model, "f32") + " -p 'In the beginning' -n 12");
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_FALSE(result.out.empty());
  EXPECT_EQ(result.out.find("tok/s"), std::string::npos);
  EXPECT_NE(result.err.find("tok/s"), std::string::npos) << result.err;
}

TEST(Run, TakesThePromptFromAFileOrStandardInput) {
  NNTUNE_NEED_SHARED(model, "tiny-qwen3-dense");
  const TemporaryFolder folder;
  const std::string prompt = (folder / "prompt.txt").string();
  write_all(prompt, "In the beginning");
  const std::string run = "run " + compiled(model, "f32") + " -n 12 -p ";
  const Result typed = run_nntune(run + "'In the beginning'");
  ASSERT_EQ(typed.exit_code, 0) << typed.err;
  EXPECT_EQ(run_nntune(run + "@" + prompt).out, typed.out);
  EXPECT_EQ(run_nntune(run + "@/dev/fd/3", "exec 3<" + prompt + ";").out, typed.out);
  EXPECT_EQ(run_nntune(run + "-", "", prompt).out, typed.out);
  const Result nothing = run_nntune(run + "-");
  EXPECT_EQ(nothing.exit_code, 2);
  EXPECT_NE(nothing.err.find("the prompt is empty"), std::string::npos) << nothing.err;
}

TEST(Run, SamplesTheSameTextWithTheSameSeed) {
  NNTUNE_NEED_SHARED(model, "tiny-qwen3-dense");
  const std::string run = "run " + compiled(model, "f32") + " -p 'In the' -n 24 --temperature 1.0 --top-k 40 --seed ";
  const Result first = run_nntune(run + "7");
  EXPECT_EQ(first.exit_code, 0) << first.err;
  EXPECT_EQ(first.out, run_nntune(run + "7").out);
  EXPECT_NE(first.out, run_nntune(run + "8").out);
}

TEST(Bench, JsonHasTheFieldsOfLlamaBench) {
  NNTUNE_NEED_SHARED(model, "tiny-qwen3-dense");
  const Result result = run_nntune("bench " + compiled(model, "bf16") + " -p 32 -n 8 -d 0 -t 1,2 -r 2 -o json");
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto json = parse_json(result.out, "stdout");
  ASSERT_TRUE(json) << result.out;
  ASSERT_EQ(json->size(), 4U);
  for (const Json& row : *json) {
    for (const char* key : {"n_prompt", "n_gen", "n_depth", "n_threads", "avg_ts", "stddev_ts", "samples_ts"}) {
      EXPECT_TRUE(row.contains(key)) << key << " in " << row.dump();
    }
    EXPECT_GT(row["avg_ts"].get<double>(), 0);
  }
  const Result no_prompt = run_nntune("bench " + compiled(model, "bf16") + " -p 0 -n 8 -t 1 -r 1 -o json");
  ASSERT_EQ(no_prompt.exit_code, 0) << no_prompt.err;
  EXPECT_EQ(parse_json(no_prompt.out, "stdout")->size(), 1U);
}

TEST(Explain, ShowsEachKernelWithItsShare) {
  NNTUNE_NEED_SHARED(model, "tiny-qwen3-dense");
  const TemporaryFolder folder;
  const Result result = run_nntune("explain " + model + " --db " + empty_database(folder));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  for (const char* word : {"matmul", "attention", "decode", "prefill", "estimated", "%"}) {
    EXPECT_NE(result.out.find(word), std::string::npos) << word << " in\n" << result.out;
  }
}

}  // namespace
}  // namespace nntune::e2e
