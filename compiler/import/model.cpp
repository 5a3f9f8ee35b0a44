#include "compiler/import/model.h"

#include <fmt/format.h>

#include "base/file.h"
#include "base/json.h"
#include "compiler/import/builtin.h"
#include "compiler/tokenizer/tokenizer.h"

namespace nntune::import {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kSeed = 1;

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

/// "eos_token_id" of generation_config.json, else of config.json: a number or a list.
Expected<std::vector<std::int64_t>> read_eos_ids(const fs::path& folder, std::int64_t vocab) {
  for (const char* file : {"generation_config.json", "config.json"}) {
    const fs::path path = folder / file;
    if (!is_there(path)) continue;
    NNTUNE_ASSIGN(const Json json, read_json(path));
    if (!json.is_object() || !json.contains("eos_token_id") || json["eos_token_id"].is_null()) continue;
    const Json& field = json["eos_token_id"];
    std::vector<std::int64_t> ids;
    // By position and without copies: a list may be nested without end, and copying recurses.
    const std::size_t count = field.is_array() ? field.size() : 1;
    for (std::size_t i = 0; i < count; ++i) {
      const Json& id = field.is_array() ? field[i] : field;
      if (!id.is_number_unsigned() || id.get<std::uint64_t>() >= static_cast<std::uint64_t>(vocab)) {
        return fail(ErrorKind::bad_input, fmt::format("{}: \"eos_token_id\" is not a token below {}", path.string(), vocab),
                    fmt::format("take the {} that belongs to the model", file));
      }
      ids.push_back(id.get<std::int64_t>());
    }
    return ids;
  }
  return std::vector<std::int64_t>();
}

/// What lies beside the weights.
Status read_companions(const fs::path& folder, Model& model) {
  if (is_there(folder / "tokenizer.json")) {
    const fs::path path = folder / "tokenizer.json";
    NNTUNE_ASSIGN(model.tokenizer_json, read_file(path));
    // Read once here, so that a module is never built around a tokenizer that it cannot use.
    NNTUNE_TRY(tokenizer::Tokenizer::from_json(model.tokenizer_json, path.string()));
  }
  NNTUNE_ASSIGN(model.eos_ids, read_eos_ids(folder, model.config.vocab));
  return {};
}

Expected<ModelConfig> read_config(const fs::path& folder) {
  const fs::path path = folder / "config.json";
  if (!is_there(path)) {
    return fail(ErrorKind::bad_input, fmt::format("{} has no config.json", folder.string()),
                "give a Hugging Face model folder");
  }
  NNTUNE_ASSIGN(const Json json, read_json(path));
  return parse_config(json, path.string());
}

Expected<std::shared_ptr<const WeightSource>> read_weights(const ModelConfig& config, const fs::path& folder) {
  NNTUNE_ASSIGN(SafeTensors tensors, SafeTensors::open_folder(folder));
  return make_stored_weights(config, std::move(tensors), folder.string());
}

Status check_is_folder(const fs::path& folder) {
  std::error_code ignored;
  if (fs::is_directory(folder, ignored)) return {};
  return fail(ErrorKind::bad_input, fmt::format("{} is not a folder", folder.string()),
              "give a Hugging Face model folder with config.json and safetensors files");
}

/// The config of `folder`, if it is there, which must describe the model that was asked for.
Expected<ModelConfig> agreeing_config(const ModelConfig& wanted, const std::string& name, const fs::path& folder) {
  if (!is_there(folder / "config.json")) return wanted;
  NNTUNE_ASSIGN(const ModelConfig found, read_config(folder));
  // Published revisions of one size differ in how far positions reach, and in the epsilon (Qwen2.5-14B and its Instruct).
  ModelConfig comparable = found;
  comparable.max_positions = wanted.max_positions;
  comparable.rms_eps = wanted.rms_eps;
  if (comparable == wanted) return found;
  return fail(ErrorKind::bad_input, fmt::format("the weights in {} are of another model than {}", folder.string(), name),
              "give the folder itself as the model, or other weights");
}

}  // namespace

Expected<Model> load_model(const std::string& name_or_folder, const std::optional<fs::path>& weights_folder, Check check) {
  Model model;
  if (weights_folder) NNTUNE_TRY(check_is_folder(*weights_folder));
  if (const std::optional<ModelConfig> builtin = find_builtin(name_or_folder)) {
    model.name = name_or_folder;
    model.config = *builtin;
    if (weights_folder) {
      NNTUNE_ASSIGN(model.config, agreeing_config(model.config, model.name, *weights_folder));
      NNTUNE_ASSIGN(model.weights, read_weights(model.config, *weights_folder));
      NNTUNE_TRY(read_companions(*weights_folder, model));
    } else {
      model.weights = make_random_weights(model.config, kSeed);
    }
  } else {
    const fs::path folder = name_or_folder;
    if (!is_there(folder)) {
      return fail(ErrorKind::bad_input, fmt::format("there is no model or folder \"{}\"", name_or_folder),
                  fmt::format("give one of {}, or a Hugging Face model folder", builtin_names()));
    }
    NNTUNE_TRY(check_is_folder(folder));
    const fs::path absolute = fs::absolute(folder).lexically_normal();
    model.name = (absolute.has_filename() ? absolute : absolute.parent_path()).filename().string();
    NNTUNE_ASSIGN(model.config, read_config(folder));
    if (weights_folder) {
      NNTUNE_ASSIGN(model.config, agreeing_config(model.config, model.name, *weights_folder));
    }
    NNTUNE_ASSIGN(model.weights, read_weights(model.config, weights_folder.value_or(folder)));
    NNTUNE_TRY(read_companions(folder, model));
  }
  if (check == Check::all) NNTUNE_TRY(model.weights->validate());
  return model;
}

}  // namespace nntune::import
