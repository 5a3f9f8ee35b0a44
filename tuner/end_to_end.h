/// Measuring whole modules: prefill of 512 tokens and decode, in tokens a second.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/error.h"
#include "compiler/import/model.h"
#include "compiler/module/build.h"
#include "compiler/runtime/session.h"
#include "db/records.h"

namespace nntune::tuner {

inline constexpr std::int64_t kPrefillTokens = 512;
inline constexpr std::int64_t kDecodeTokens = 24;

/// How many layers fit when `modules` of them are in memory at once, beside the search itself; at least 1.
[[nodiscard]] std::int64_t layers_that_fit(std::size_t weight_bytes, std::int64_t layers, int modules);

/// The program with `layers` repetitions of its body.
[[nodiscard]] extract::Program with_layers(extract::Program program, std::int64_t layers);

/// A module in memory under test. One at a time runs; several may be kept.
class Contestant {
 public:
  /// Packs the weights and loads.
  [[nodiscard]] static Expected<std::shared_ptr<Contestant>> make(const module::CompiledProgram& compiled,
                                                                  const import::Model& model, int threads);

  /// Where the module has fewer layers than the model: its times are scaled, but for what is spent outside of the layers.
  struct Scale {
    std::int64_t layers = 1;           ///< of the model
    std::int64_t measured_layers = 1;  ///< of the module
    double fixed_prefill_seconds = 0;  ///< estimated, of embedding and head
    double fixed_decode_seconds = 0;
  };
  void set_scale(const Scale& scale) { scale_ = scale; }
  [[nodiscard]] const Scale& scale() const { return scale_; }

  /// Runs once and keeps the times: a prefill of kPrefillTokens, then kDecodeTokens from the beginning of a text. The first
  /// run prefills once more before, to warm up.
  [[nodiscard]] Status run();

  /// Medians of the runs.
  [[nodiscard]] db::Throughput throughput() const;
  [[nodiscard]] double run_seconds() const { return last_run_seconds_; }
  [[nodiscard]] std::size_t runs() const { return prefill_seconds_.size(); }

 private:
  explicit Contestant(std::unique_ptr<runtime::Session> session) : session_(std::move(session)) {}

  std::unique_ptr<runtime::Session> session_;
  Scale scale_;
  std::vector<double> prefill_seconds_;  ///< of all tokens
  std::vector<double> decode_seconds_;   ///< of one token
  std::int64_t prefill_tokens_ = kPrefillTokens;
  double last_run_seconds_ = 0;
};

}  // namespace nntune::tuner
