/// Access to the tiny models beside the repository, for the tests of this folder.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "base/file.h"
#include "base/json.h"
#include "compiler/tokenizer/tokenizer.h"
#include "tests/support/shared_data.h"

namespace nntune::tokenizer {

inline std::filesystem::path shared_models() { return test_support::shared_folder() / "models"; }

/// A suite that skips (fails under CI) where the tiny models are missing.
class WithTinyModel : public ::testing::Test {
 protected:
  void SetUp() override { NNTUNE_NEED_DATA(shared_models()); }

  static const std::string& tiny_json() {
    static const std::string text = read_file(shared_models() / "tiny-qwen3-dense/tokenizer.json").value();
    return text;
  }
  static const Tokenizer& tiny() {
    static const Tokenizer tokenizer = Tokenizer::from_json(tiny_json(), "tokenizer.json").value();
    return tokenizer;
  }
  static const Json& cases() {
    static const Json json = read_json(shared_models() / "tokenizer_cases.json").value();
    return json;
  }
};

}  // namespace nntune::tokenizer
