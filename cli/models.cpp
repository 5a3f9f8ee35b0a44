// `nntune models`: the built-in models, their shapes and what their weights take.
#include <fmt/format.h>

#include "base/json.h"
#include "cli/command.h"
#include "compiler/import/family.h"

namespace nntune::cli {
namespace {

void declare(Options& options) { options.flag("json", "print JSON"); }

Expected<int> run(const Arguments& arguments) {
  if (arguments.has("json")) {
    Json all = Json::array();
    for (const auto& [name, config] : import::builtin_models()) {
      const std::int64_t weights = import::parameter_count(config);
      all.push_back({{"name", name},
                     {"family", config.family->model_type},
                     {"layers", config.layers},
                     {"hidden", config.hidden},
                     {"heads", config.heads},
                     {"kv_heads", config.kv_heads},
                     {"head_dim", config.head_dim},
                     {"intermediate", config.intermediate},
                     {"vocab", config.vocab},
                     {"tied", config.tied},
                     {"parameters", weights},
                     {"bf16_bytes", 2 * weights},
                     {"f32_bytes", 4 * weights}});
    }
    fmt::print("{}\n", all.dump(2));
    return 0;
  }
  fmt::print("{:<12} {:>6} {:>6} {:>8} {:>4} {:>6} {:>6} {:>8} {:>9} {:>9}\n", "name", "layers", "hidden", "heads/kv", "dim",
             "mlp", "vocab", "weights", "bf16", "f32");
  for (const auto& [name, config] : import::builtin_models()) {
    const auto weights = static_cast<double>(import::parameter_count(config));
    fmt::print("{:<12} {:>6} {:>6} {:>8} {:>4} {:>6} {:>6} {:>6.2f} B {:>6.1f} GB {:>6.1f} GB\n", name, config.layers,
               config.hidden, fmt::format("{}/{}", config.heads, config.kv_heads), config.head_dim, config.intermediate,
               config.vocab, weights / 1e9, 2 * weights / 1e9, 4 * weights / 1e9);
  }
  fmt::print("\nWithout --weights DIR they get seeded random weights: speed is real, text is not.\n");
  return 0;
}

}  // namespace

extern const Command kModelsCommand;
const Command kModelsCommand = {"models", "[--json]", "list the built-in models", declare, run};

}  // namespace nntune::cli
