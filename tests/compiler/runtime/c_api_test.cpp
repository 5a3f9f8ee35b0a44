#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "base/target.h"
#include "compiler/runtime/nntune.h"
#include "tests/compiler/runtime/tiny_module.h"

namespace nntune::runtime {
namespace {

using Tokens = std::vector<std::int32_t>;

struct Free {
  void operator()(nntune_module* module) const { nntune_module_free(module); }
  void operator()(nntune_sequence* sequence) const { nntune_sequence_free(sequence); }
};
using ModuleHandle = std::unique_ptr<nntune_module, Free>;
using SequenceHandle = std::unique_ptr<nntune_sequence, Free>;

std::string message() { return nntune_error_message(); }

void expect_logits(const SequenceHandle& sequence, const Tokens& tokens) {
  const float* logits = nntune_logits(sequence.get());
  ASSERT_NE(logits, nullptr) << message();
  const std::vector<float> expected = testing::expected_logits(tokens);
  for (std::size_t v = 0; v < expected.size(); ++v) EXPECT_NEAR(logits[v], expected[v], 1e-3) << "after " << tokens.size();
}

class CApi : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::path(::testing::TempDir()) /
              (std::string("nntune_c_api_") + test->name() + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
    path_ = (folder_ / "tiny.nnm").string();
    Plan plan = testing::tiny_plan();
    plan.threads = 2;
    plan.model.max_positions = 77;
    plan.model.end_tokens = {3, 5};
    ASSERT_TRUE(testing::write_tiny_module(path_, plan));
    module_ = load(path_);
    ASSERT_TRUE(module_) << message();
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] static ModuleHandle load(const std::string& path) {
    nntune_module* module = nullptr;
    EXPECT_EQ(nntune_module_load(path.c_str(), 2, &module), NNTUNE_OK) << message();
    return ModuleHandle(module);
  }
  [[nodiscard]] static SequenceHandle create(const ModuleHandle& module, std::int64_t context = 100, int threads = 2) {
    nntune_sequence* sequence = nullptr;
    EXPECT_EQ(nntune_sequence_create(module.get(), context, threads, &sequence), NNTUNE_OK) << message();
    return SequenceHandle(sequence);
  }
  static nntune_status prefill(const SequenceHandle& sequence, const Tokens& tokens) {
    return nntune_prefill(sequence.get(), tokens.data(), tokens.size());
  }
  [[nodiscard]] static SequenceHandle filled(const ModuleHandle& module, const Tokens& tokens) {
    SequenceHandle sequence = create(module);
    EXPECT_EQ(prefill(sequence, tokens), NNTUNE_OK) << message();
    return sequence;
  }
  /// The `count` likeliest tokens after what is in the sequence.
  static Tokens continued(nntune_sequence* sequence, std::size_t count) {
    Tokens result;
    while (result.size() < count) {
      result.push_back(nntune_argmax(sequence));
      EXPECT_EQ(nntune_decode(&sequence, &result.back(), 1), NNTUNE_OK) << message();
    }
    return result;
  }

  std::filesystem::path folder_;
  std::string path_;
  ModuleHandle module_;
};

TEST_F(CApi, TellsWhatTheModuleIs) {
  EXPECT_STREQ(nntune_version(), "0.1.0");
  EXPECT_STREQ(nntune_module_name(module_.get()), "tiny");
  EXPECT_EQ(nntune_module_vocab_size(module_.get()), testing::kVocab);
  EXPECT_EQ(nntune_module_context_limit(module_.get()), 77);
  EXPECT_EQ(nntune_module_threads(module_.get()), 2);
  std::size_t count = 0;
  const std::int32_t* ends = nntune_module_end_tokens(module_.get(), &count);
  ASSERT_EQ(count, 2U);
  EXPECT_EQ(Tokens(ends, ends + count), (Tokens{3, 5}));
}

TEST_F(CApi, PrefillAndDecodeGiveTheLogits) {
  const SequenceHandle sequence = filled(module_, {3, 8, 1, 15, 0});
  expect_logits(sequence, {3, 8, 1, 15, 0});
  const Tokens next = {7};
  nntune_sequence* const one = sequence.get();
  ASSERT_EQ(nntune_decode(&one, next.data(), 1), NNTUNE_OK) << message();
  expect_logits(sequence, {3, 8, 1, 15, 0, 7});
  EXPECT_EQ(nntune_position(sequence.get()), 6);
  const float* logits = nntune_logits(sequence.get());
  EXPECT_EQ(nntune_argmax(sequence.get()), std::max_element(logits, logits + testing::kVocab) - logits);
  ASSERT_EQ(prefill(sequence, {2, 2}), NNTUNE_OK) << "a second part of the prompt";
  expect_logits(sequence, {3, 8, 1, 15, 0, 7, 2, 2});
}

TEST_F(CApi, DecodeAdvancesEachSequenceByItsToken) {
  const SequenceHandle a = filled(module_, {3, 8, 1});
  const SequenceHandle b = filled(module_, {9});
  const SequenceHandle c = create(module_);
  const std::vector<nntune_sequence*> all = {a.get(), b.get(), c.get()};
  const Tokens next = {4, 5, 6};
  ASSERT_EQ(nntune_decode(all.data(), next.data(), all.size()), NNTUNE_OK) << message();
  expect_logits(a, {3, 8, 1, 4});
  expect_logits(b, {9, 5});
  expect_logits(c, {6});
}

TEST_F(CApi, RewindForgets) {
  const SequenceHandle sequence = filled(module_, {3, 8, 1, 15});
  ASSERT_EQ(nntune_rewind(sequence.get(), 4), NNTUNE_OK);
  expect_logits(sequence, {3, 8, 1, 15});
  ASSERT_EQ(nntune_rewind(sequence.get(), 2), NNTUNE_OK);
  EXPECT_EQ(nntune_position(sequence.get()), 2);
  EXPECT_EQ(nntune_logits(sequence.get()), nullptr);
  EXPECT_EQ(nntune_argmax(sequence.get()), -1);
  EXPECT_EQ(message(), "no token has run since the sequence was created or rewound; prefill or decode first");
  ASSERT_EQ(prefill(sequence, {4}), NNTUNE_OK);
  expect_logits(sequence, {3, 8, 4});
}

TEST_F(CApi, ASequenceOutlivesItsModule) {
  const SequenceHandle sequence = create(module_);
  module_.reset();
  ASSERT_EQ(prefill(sequence, {1, 2}), NNTUNE_OK);
  expect_logits(sequence, {1, 2});
}

TEST_F(CApi, SequencesOfSeveralThreadsAtOnceGiveWhatEachGivesAlone) {
  constexpr std::size_t kTokens = 60;
  const std::vector<Tokens> prompts = {{3, 8, 1, 15, 0, 7}, {9, 9}, {1, 2, 3, 4, 5}, {12}};
  std::vector<Tokens> alone, together(prompts.size());
  for (const Tokens& prompt : prompts) alone.push_back(continued(filled(module_, prompt).get(), kTokens));
  for (int round = 0; round < 5; ++round) {
    {
      std::vector<std::jthread> threads;
      for (std::size_t i = 0; i < prompts.size(); ++i) {
        threads.emplace_back([&, i] { together[i] = continued(filled(module_, prompts[i]).get(), kTokens); });
      }
    }
    EXPECT_EQ(together, alone);
  }
}

TEST_F(CApi, ZeroThreadsAreThoseTheModuleWasTunedForOrAllCpus) {
  nntune_module* module = nullptr;
  ASSERT_EQ(nntune_module_load(path_.c_str(), 0, &module), NNTUNE_OK) << message();
  const ModuleHandle loaded(module);
  const SequenceHandle sequence = create(loaded, 100, 0);
  ASSERT_EQ(prefill(sequence, {1, 2}), NNTUNE_OK);
  expect_logits(sequence, {1, 2});
}

// Errors.

TEST_F(CApi, FilesThatAreNoModulesAreRefused) {
  const auto refused = [](const std::string& path) {
    auto* module = reinterpret_cast<nntune_module*>(1);
    const nntune_status status = nntune_module_load(path.c_str(), 1, &module);
    EXPECT_EQ(module, nullptr) << path;
    EXPECT_NE(message().find(path), std::string::npos) << message();
    EXPECT_EQ(message().find('\n'), std::string::npos) << message();
    return status;
  };
  EXPECT_EQ(refused((folder_ / "missing.nnm").string()), NNTUNE_ERROR_SYSTEM);
  const std::string text = (folder_ / "text.nnm").string();
  std::ofstream(text) << "hello";
  EXPECT_EQ(refused(text), NNTUNE_ERROR_FILE);

  const std::string truncated = (folder_ / "truncated.nnm").string();
  std::filesystem::copy_file(path_, truncated);
  std::filesystem::resize_file(truncated, std::filesystem::file_size(path_) / 2);
  EXPECT_EQ(refused(truncated), NNTUNE_ERROR_FILE);

  const std::string flipped = (folder_ / "flipped.nnm").string();
  std::filesystem::copy_file(path_, flipped);
  std::fstream file(flipped, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(-5, std::ios::end).put('\x55').flush();
  EXPECT_EQ(refused(flipped), NNTUNE_ERROR_FILE);
  EXPECT_NE(message().find("is damaged"), std::string::npos) << message();
}

TEST_F(CApi, AModuleForAnotherCpuIsRefused) {
  Plan plan = testing::tiny_plan();
  plan.isa = {"no-such-feature"};
  const std::string other = (folder_ / "other.nnm").string();
  ASSERT_TRUE(testing::write_tiny_module(other, plan));
  nntune_module* module = nullptr;
  EXPECT_EQ(nntune_module_load(other.c_str(), 1, &module), NNTUNE_ERROR_UNSUPPORTED);
  EXPECT_NE(message().find("no-such-feature"), std::string::npos) << message();
}

TEST_F(CApi, ALongPathIsNoHarm) {
  nntune_module* module = nullptr;
  EXPECT_EQ(nntune_module_load(std::string(100'000, 'x').c_str(), 1, &module), NNTUNE_ERROR_SYSTEM);
  EXPECT_GT(message().size(), 1000U);
}

TEST_F(CApi, NullIsAnErrorEverywhere) {
  const auto names = [](const char* what) {
    return message() == std::string(what) + " is NULL; give what was loaded or created";
  };
  nntune_module* module = nullptr;
  nntune_sequence* sequence = nullptr;
  std::size_t count = 1;
  const Tokens tokens = {1};

  EXPECT_EQ(nntune_module_load(nullptr, 1, &module), NNTUNE_ERROR_ARGUMENT);
  EXPECT_EQ(message(), "path is NULL; give that of a module");
  EXPECT_EQ(nntune_module_load(path_.c_str(), 1, nullptr), NNTUNE_ERROR_ARGUMENT);
  EXPECT_EQ(message(), "module is NULL; give the address of a pointer");
  EXPECT_EQ(nntune_module_name(nullptr), nullptr);
  EXPECT_TRUE(names("module")) << message();
  EXPECT_EQ(nntune_module_vocab_size(nullptr), -1);
  EXPECT_EQ(nntune_module_context_limit(nullptr), -1);
  EXPECT_EQ(nntune_module_threads(nullptr), -1);
  EXPECT_EQ(nntune_module_end_tokens(nullptr, &count), nullptr);
  EXPECT_EQ(count, 0U);
  EXPECT_EQ(nntune_module_end_tokens(module_.get(), nullptr), nullptr);
  EXPECT_EQ(message(), "count is NULL; give the address of a size_t");
  nntune_module_free(nullptr);

  EXPECT_EQ(nntune_sequence_create(nullptr, 10, 1, &sequence), NNTUNE_ERROR_ARGUMENT);
  EXPECT_TRUE(names("module")) << message();
  EXPECT_EQ(nntune_sequence_create(module_.get(), 10, 1, nullptr), NNTUNE_ERROR_ARGUMENT);
  EXPECT_EQ(message(), "sequence is NULL; give the address of a pointer");
  nntune_sequence_free(nullptr);

  EXPECT_EQ(nntune_prefill(nullptr, tokens.data(), 1), NNTUNE_ERROR_ARGUMENT);
  EXPECT_TRUE(names("sequence")) << message();
  EXPECT_EQ(nntune_prefill(create(module_).get(), nullptr, 1), NNTUNE_ERROR_ARGUMENT);
  EXPECT_EQ(message(), "tokens is NULL; give the ids of at least one token");
  EXPECT_EQ(nntune_decode(nullptr, tokens.data(), 1), NNTUNE_ERROR_ARGUMENT);
  EXPECT_EQ(nntune_decode(&sequence, nullptr, 1), NNTUNE_ERROR_ARGUMENT);
  EXPECT_EQ(nntune_decode(&sequence, tokens.data(), 1), NNTUNE_ERROR_ARGUMENT);
  EXPECT_TRUE(names("sequences[0]")) << message();
  EXPECT_EQ(nntune_logits(nullptr), nullptr);
  EXPECT_TRUE(names("sequence")) << message();
  EXPECT_EQ(nntune_argmax(nullptr), -1);
  EXPECT_EQ(nntune_position(nullptr), -1);
  EXPECT_EQ(nntune_rewind(nullptr, 0), NNTUNE_ERROR_ARGUMENT);
}

TEST_F(CApi, NumbersOutOfRangeAreRefused) {
  const int too_many = 4 * static_cast<int>(allowed_cpus().size()) + 1;
  for (const int threads : {-1, too_many, INT32_MAX}) {
    nntune_module* module = nullptr;
    EXPECT_EQ(nntune_module_load(path_.c_str(), threads, &module), NNTUNE_ERROR_ARGUMENT) << threads;
    nntune_sequence* sequence = nullptr;
    EXPECT_EQ(nntune_sequence_create(module_.get(), 10, threads, &sequence), NNTUNE_ERROR_ARGUMENT) << threads;
    EXPECT_NE(message().find("threads are out of range; give 1 to "), std::string::npos) << message();
  }
  for (const std::int64_t context : {INT64_MIN, std::int64_t{-1}, std::int64_t{0}, INT64_MAX, std::int64_t{1} << 40}) {
    nntune_sequence* sequence = nullptr;
    EXPECT_EQ(nntune_sequence_create(module_.get(), context, 1, &sequence), NNTUNE_ERROR_ARGUMENT) << context;
    EXPECT_EQ(sequence, nullptr);
  }
  const SequenceHandle sequence = filled(module_, {1, 2});
  for (const std::int64_t position : {INT64_MIN, std::int64_t{-1}, std::int64_t{3}, INT64_MAX}) {
    EXPECT_EQ(nntune_rewind(sequence.get(), position), NNTUNE_ERROR_ARGUMENT) << position;
  }
  expect_logits(sequence, {1, 2});
}

TEST_F(CApi, TokensThatCannotRunChangeNothing) {
  const SequenceHandle sequence = create(module_, 5);
  ASSERT_EQ(prefill(sequence, {1, 2, 3}), NNTUNE_OK);
  EXPECT_EQ(prefill(sequence, {4, 5, 6}), NNTUNE_ERROR_CONTEXT_FULL);
  EXPECT_EQ(message(),
            "3 tokens after 3 do not fit into a context of 5; rewind the sequence, or create it with a larger context");
  const std::int32_t token = 1;
  EXPECT_EQ(nntune_prefill(sequence.get(), &token, SIZE_MAX), NNTUNE_ERROR_CONTEXT_FULL);
  EXPECT_EQ(nntune_prefill(sequence.get(), &token, 0), NNTUNE_ERROR_ARGUMENT);
  EXPECT_EQ(prefill(sequence, {1, -1}), NNTUNE_ERROR_ARGUMENT);
  EXPECT_EQ(prefill(sequence, {testing::kVocab}), NNTUNE_ERROR_ARGUMENT);
  EXPECT_EQ(message(), "token 16 is not in the vocabulary of 16; give ids from 0 to 15");
  EXPECT_EQ(nntune_position(sequence.get()), 3);
  expect_logits(sequence, {1, 2, 3});
  ASSERT_EQ(prefill(sequence, {4, 5}), NNTUNE_OK);
  expect_logits(sequence, {1, 2, 3, 4, 5});
}

TEST_F(CApi, ADecodeThatCannotRunChangesNoSequence) {
  const SequenceHandle a = filled(module_, {1, 2});
  const SequenceHandle b = filled(module_, {3});
  const SequenceHandle full = create(module_, 1);
  ASSERT_EQ(prefill(full, {1}), NNTUNE_OK);
  const ModuleHandle other_module = load(path_);
  const SequenceHandle other = filled(other_module, {1});

  const auto refused = [](const std::vector<nntune_sequence*>& sequences, const Tokens& tokens) {
    const nntune_status status = nntune_decode(sequences.data(), tokens.data(), sequences.size());
    EXPECT_NE(status, NNTUNE_OK);
    return status;
  };
  EXPECT_EQ(refused({a.get(), b.get()}, {4, testing::kVocab}), NNTUNE_ERROR_ARGUMENT);
  EXPECT_EQ(refused({a.get(), nullptr}, {4, 4}), NNTUNE_ERROR_ARGUMENT);
  EXPECT_EQ(refused({a.get(), full.get()}, {4, 4}), NNTUNE_ERROR_CONTEXT_FULL);
  EXPECT_EQ(refused({a.get(), b.get(), a.get()}, {4, 4, 4}), NNTUNE_ERROR_ARGUMENT);
  EXPECT_EQ(message(), "sequences[0] is given twice; give one token for each sequence");
  EXPECT_EQ(refused({a.get(), other.get()}, {4, 4}), NNTUNE_ERROR_ARGUMENT);
  EXPECT_EQ(message(), "sequences[1] is of another module than sequences[0]; make one call for each module");
  EXPECT_EQ(refused({}, {}), NNTUNE_ERROR_ARGUMENT);
  expect_logits(a, {1, 2});
  expect_logits(b, {3});
  EXPECT_EQ(nntune_position(a.get()), 2);
}

TEST_F(CApi, NoMemoryIsAnError) {
  // 2 x 2^20 tokens x 2^20 heads of 2 f32: more than any address space.
  Plan plan = testing::tiny_plan();
  for (State& state : plan.states) state.rows = std::int64_t{1} << 20;
  const std::string huge = (folder_ / "huge.nnm").string();
  ASSERT_TRUE(testing::write_tiny_module(huge, plan));
  const ModuleHandle module = load(huge);
  nntune_sequence* sequence = nullptr;
  EXPECT_EQ(nntune_sequence_create(module.get(), 1 << 20, 1, &sequence), NNTUNE_ERROR_MEMORY);
  EXPECT_EQ(sequence, nullptr);
  EXPECT_EQ(message().rfind("no memory for the KV cache", 0), 0U) << message();
}

TEST_F(CApi, AMessageBelongsToItsThread) {
  EXPECT_EQ(nntune_position(nullptr), -1);
  const std::string mine = message();
  std::string fresh = "?", other;
  std::thread([&] {
    fresh = message();
    EXPECT_EQ(nntune_module_threads(nullptr), -1);
    other = message();
  }).join();
  EXPECT_EQ(fresh, "");
  EXPECT_NE(other, mine);
  EXPECT_EQ(message(), mine);
}

}  // namespace
}  // namespace nntune::runtime
