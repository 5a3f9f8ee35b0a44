#include "compiler/import/weights.h"

#include <fmt/format.h>

namespace nntune::import {

Expected<const WeightSpec*> WeightSource::spec(std::string_view name) const {
  const WeightSpec* found = list_.find(name);
  if (found == nullptr) return fail(ErrorKind::bad_input, fmt::format("the model has no weight \"{}\"", name));
  return found;
}

Expected<const WeightSpec*> WeightSource::check(std::string_view name, std::int64_t layer, std::int64_t first,
                                                std::int64_t count) const {
  NNTUNE_ASSIGN(const WeightSpec* const found, spec(name));
  if (found->per_layer() && (layer < 0 || layer >= config_.layers)) {
    return fail(ErrorKind::bad_input, fmt::format("weight \"{}\" has no layer {} of {}", name, layer, config_.layers));
  }
  if (first < 0 || count < 0 || first > found->rows() - count) {
    return fail(ErrorKind::bad_input,
                fmt::format("weight \"{}\" has {} rows, not {} from {} on", name, found->rows(), count, first));
  }
  return found;
}

Status WeightSource::read_rows(std::string_view name, std::int64_t layer, std::int64_t first, std::int64_t count,
                               float* out) const {
  NNTUNE_ASSIGN(const WeightSpec* const found, check(name, layer, first, count));
  copy_rows(*found, layer, first, count, out);
  return {};
}

Expected<std::vector<float>> WeightSource::read(std::string_view name, std::int64_t layer) const {
  NNTUNE_ASSIGN(const WeightSpec* const found, spec(name));
  std::vector<float> values(static_cast<std::size_t>(found->rows() * found->columns()));
  NNTUNE_TRY(read_rows(name, layer, 0, found->rows(), values.data()));
  return values;
}

}  // namespace nntune::import
