#include "compiler/import/weight_list.h"

#include <algorithm>
#include <cassert>

#include "compiler/import/family.h"

namespace nntune::import {

std::string WeightSpec::stored_name(std::int64_t layer) const {
  const std::size_t star = stored.find('*');
  return star == std::string::npos ? stored : std::string(stored).replace(star, 1, std::to_string(layer));
}

const WeightSpec* WeightList::find(std::string_view name) const {
  const auto found = std::ranges::find(tensors, name, &WeightSpec::name);
  return found == tensors.end() ? nullptr : &*found;
}

WeightList weight_list(const ModelConfig& config) {
  assert(config.family != nullptr);
  return config.family->weights(config);
}

std::int64_t parameter_count(const ModelConfig& config) {
  std::int64_t count = 0;
  for (const WeightSpec& spec : weight_list(config).tensors) {
    count += spec.rows() * spec.columns() * (spec.per_layer() ? config.layers : 1);
  }
  return count;
}

}  // namespace nntune::import
