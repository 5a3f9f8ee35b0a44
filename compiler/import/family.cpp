#include "compiler/import/family.h"

#include <algorithm>
#include <iterator>

namespace nntune::import {

// One line a family: declare it here, define it in compiler/import/NAME.cpp, list it below.
extern const ModelFamily kQwen3;
extern const ModelFamily kLlama;
extern const ModelFamily kQwen2;

std::span<const ModelFamily* const> families() {
  static constexpr const ModelFamily* kFamilies[] = {&kQwen3, &kLlama, &kQwen2};
  return kFamilies;
}

const ModelFamily* find_family(std::string_view model_type) {
  const auto found = std::ranges::find(families(), model_type, &ModelFamily::model_type);
  return found == families().end() ? nullptr : *found;
}

std::string family_names() {
  std::string names;
  for (std::size_t i = 0; i < families().size(); ++i) {
    if (i > 0) names += i + 1 == families().size() ? " and " : ", ";
    names += families()[i]->title;
  }
  return names;
}

}  // namespace nntune::import
