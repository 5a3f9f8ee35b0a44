#include "compiler/schedule/knobs.h"

#include "base/json.h"

namespace nntune::schedule {

void to_json(Json& json, const Knobs& knobs) {
  json = Json::object();
  for (const auto& [name, value] : knobs) json[name] = value;
}

void from_json(const Json& json, Knobs& knobs) {
  for (const auto& [name, value] : json.get_ref<const Json::object_t&>()) knobs[name] = value.get<std::int64_t>();
}

}  // namespace nntune::schedule
