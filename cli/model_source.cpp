#include "cli/model_source.h"

#include <fmt/format.h>

#include <cstdio>

#include "compiler/module/model_program.h"

namespace nntune::cli {

namespace {

Expected<tokenizer::Tokenizer> read_tokenizer(std::string_view json, std::string_view model) {
  return tokenizer::Tokenizer::from_json(json, fmt::format("tokenizer.json of {}", model));
}

}  // namespace

Expected<Compilation> compile_model(const ModelOptions& options, std::chrono::milliseconds proof_limit,
                                    const std::optional<std::filesystem::path>& output) {
  Compilation result;
  // The database first: a bad one is known at once, while checking the weights takes seconds.
  NNTUNE_ASSIGN(result.costs, open_costs(options.db, options.isa));
  NNTUNE_ASSIGN(result.model, import::load_model(options.model, options.weights));
  if (!result.model.tokenizer_json.empty()) {
    // It goes into the module as it is: better refused now than when the module is run.
    NNTUNE_TRY(read_tokenizer(result.model.tokenizer_json, result.model.name));
  }
  if (output) {
    NNTUNE_TRY(module::check_disk_space(*output, module::least_module_bytes(result.model.config, options.dtype)));
  }
  const Isa& isa = result.costs.target.isa;
  NNTUNE_ASSIGN(result.extraction,
                module::plan_model(result.model.config, options.dtype, options.threads, isa, *result.costs.model,
                                   options.limits(true), {.proof_limit = proof_limit}));
  module::ObjectCache cache;
  NNTUNE_ASSIGN(result.program, module::compile_program(result.extraction.program, result.model, options.dtype,
                                                        *result.costs.model, isa, cache));
  result.program.plan.allowed = {options.allowed.begin(), options.allowed.end()};
  // A database that could not be read must not pass for an empty one.
  NNTUNE_TRY(result.costs.model->status());
  return result;
}

Expected<std::shared_ptr<const runtime::Module>> open_module(const ModelOptions& options) {
  std::error_code ignored;
  std::shared_ptr<const runtime::Module> module;
  if (std::filesystem::is_regular_file(options.model, ignored)) {
    if (options.weights) return fail(ErrorKind::usage, "--weights does not go with a .nnm file", "it holds its weights");
    if (!options.isa.empty())
      return fail(ErrorKind::usage, "--isa does not go with a .nnm file", "compile the model with it");
    if (options.db) return fail(ErrorKind::usage, "--db does not go with a .nnm file", "compile the model with it");
    if (options.memory_given)
      return fail(ErrorKind::usage, "--memory does not go with a .nnm file", "compile the model with it");
    NNTUNE_ASSIGN(module, runtime::Module::open(options.model, options.threads));
    const std::string& dtype = module->plan().model.dtype;
    if (options.dtype_given && dtype != graph::name(options.dtype)) {
      return fail(ErrorKind::usage, fmt::format("{} holds {} weights", options.model, dtype),
                  fmt::format("compile the model again with --dtype {}", graph::name(options.dtype)));
    }
  } else if (options.model.ends_with(".nnm")) {
    return fail(ErrorKind::io, fmt::format("there is no module {}", options.model),
                "make one with `nntune compile MODEL -o FILE`");
  } else {
    NNTUNE_ASSIGN(const Compilation compilation, compile_model(options));
    NNTUNE_ASSIGN(module, module::make_module(compilation.program, compilation.model));
  }
  if (module->plan().model.weights == "random") {
    fmt::print(stderr, "the weights are random: speed is real, text is not\n");
  }
  const std::vector<std::string>& allowed = module->plan().allowed;
  if (!allowed.empty()) fmt::print(stderr, "compiled with {}\n", allowed_text({allowed.begin(), allowed.end()}));
  return module;
}

Expected<tokenizer::Tokenizer> open_tokenizer(const runtime::Module& module) {
  const std::string& name = module.plan().model.name;
  if (module.tokenizer().empty()) {
    return fail(ErrorKind::bad_input, fmt::format("{} has no tokenizer", name),
                "give ids with --tokens 1,2,3 --ids, or compile it with --weights DIR where DIR has a tokenizer.json");
  }
  return read_tokenizer(module.tokenizer(), name);
}

}  // namespace nntune::cli
