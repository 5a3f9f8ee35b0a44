/// From what a user names (a .nnm file, a built-in name, a folder) to a module that is ready to run.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "base/error.h"
#include "cli/costs.h"
#include "cli/options.h"
#include "compiler/extract/extract.h"
#include "compiler/import/model.h"
#include "compiler/module/build.h"
#include "compiler/runtime/module.h"
#include "compiler/tokenizer/tokenizer.h"

namespace nntune::cli {

/// A model compiled from the database, before its weights are packed.
struct Compilation {
  import::Model model;
  Costs costs;
  extract::Extraction extraction;
  module::CompiledProgram program;
};

/// Loads the model, extracts its program and compiles it; measures nothing.
/// \param proof_limit  module::PlanExtras::proof_limit
/// \param output       the module that will be written: io at once if its disk has no room for the weights
[[nodiscard]] Expected<Compilation> compile_model(const ModelOptions& options, std::chrono::milliseconds proof_limit = {},
                                                  const std::optional<std::filesystem::path>& output = std::nullopt);

/// A regular file is read as a .nnm; anything else is compiled in memory. Says on stderr if the weights are random.
/// Errors: usage if options contradict what a .nnm holds.
[[nodiscard]] Expected<std::shared_ptr<const runtime::Module>> open_module(const ModelOptions& options);

/// The tokenizer of a module; bad_input if it has none.
[[nodiscard]] Expected<tokenizer::Tokenizer> open_tokenizer(const runtime::Module& module);

}  // namespace nntune::cli
