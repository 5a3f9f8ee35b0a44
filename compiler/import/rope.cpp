#include "compiler/import/rope.h"

#include <fmt/format.h>

#include <cmath>
#include <numbers>

namespace nntune::import {
namespace {

Expected<double> read_theta(const ConfigFields& fields) {
  NNTUNE_ASSIGN(const double theta, fields.number("rope_theta"));
  if (!(theta > 1 && theta < 1e12)) return fields.bad("rope_theta", "must be between 1 and 1e12");
  return theta;
}

Expected<Llama3Scaling> read_llama3(const ConfigFields& fields) {
  Llama3Scaling scaling;
  NNTUNE_ASSIGN(scaling.factor, fields.number("factor"));
  NNTUNE_ASSIGN(scaling.low_freq_factor, fields.number("low_freq_factor"));
  NNTUNE_ASSIGN(scaling.high_freq_factor, fields.number("high_freq_factor"));
  NNTUNE_ASSIGN(const std::int64_t positions, fields.integer("original_max_position_embeddings", 1, 1 << 24));
  scaling.original_positions = static_cast<double>(positions);
  if (!(scaling.factor >= 1 && scaling.factor < 1e6)) return fields.bad("factor", "must be between 1 and 1e6");
  if (!(scaling.low_freq_factor > 0)) return fields.bad("low_freq_factor", "must be above 0");
  if (!(scaling.high_freq_factor > scaling.low_freq_factor && scaling.high_freq_factor < 1e6)) {
    return fields.bad("high_freq_factor", fmt::format("must be above low_freq_factor, {}", scaling.low_freq_factor));
  }
  return scaling;
}

/// Settings that go with any kind of scaling.
Status check_other_settings(const ConfigFields& fields) {
  if (fields.find("partial_rotary_factor") != nullptr) {
    NNTUNE_ASSIGN(const double part, fields.number("partial_rotary_factor"));
    if (part != 1) return fields.unsupported("partial_rotary_factor");
  }
  if (fields.find("mrope_section") != nullptr) return fields.unsupported("mrope_section");
  return {};
}

}  // namespace

Rope plain_rope(double theta, std::int64_t head_dim) {
  Rope rope;
  for (std::int64_t i = 0; i < head_dim / 2; ++i) {
    rope.frequencies.push_back(std::pow(theta, -2.0 * static_cast<double>(i) / static_cast<double>(head_dim)));
  }
  return rope;
}

Rope llama3_rope(double theta, std::int64_t head_dim, const Llama3Scaling& scaling) {
  Rope rope = plain_rope(theta, head_dim);
  for (double& frequency : rope.frequencies) {
    const double turns = scaling.original_positions * frequency / (2 * std::numbers::pi);
    if (turns > scaling.high_freq_factor) continue;
    const double slowed = frequency / scaling.factor;
    if (turns < scaling.low_freq_factor) {
      frequency = slowed;
    } else {
      const double keep = (turns - scaling.low_freq_factor) / (scaling.high_freq_factor - scaling.low_freq_factor);
      frequency = (1 - keep) * slowed + keep * frequency;
    }
  }
  return rope;
}

Expected<Rope> read_rope(const ConfigFields& fields, std::int64_t head_dim) {
  NNTUNE_TRY(check_other_settings(fields));
  const bool joined = fields.find("rope_parameters") != nullptr;
  if (joined && fields.find("rope_scaling") != nullptr) {
    return fields.bad("rope_scaling", "must not stand beside \"rope_parameters\"");
  }
  if (!joined && fields.find("rope_scaling") == nullptr) {
    NNTUNE_ASSIGN(const double theta, read_theta(fields));
    return plain_rope(theta, head_dim);
  }
  NNTUNE_ASSIGN(const ConfigFields settings, fields.object(joined ? "rope_parameters" : "rope_scaling"));
  NNTUNE_TRY(check_other_settings(settings));
  // "type" is the older spelling.
  const char* kind_field = settings.find("rope_type") == nullptr && settings.find("type") != nullptr ? "type" : "rope_type";
  if (!joined && settings.find(kind_field) == nullptr) return settings.missing(kind_field);
  NNTUNE_ASSIGN(const std::string kind, settings.string(kind_field, "default"));
  NNTUNE_ASSIGN(const double theta, read_theta(settings.find("rope_theta") != nullptr ? settings : fields));
  if (kind == "default") return plain_rope(theta, head_dim);
  if (kind == "llama3") {
    NNTUNE_ASSIGN(const Llama3Scaling scaling, read_llama3(settings));
    return llama3_rope(theta, head_dim, scaling);
  }
  return settings.unsupported(kind_field);
}

}  // namespace nntune::import
