/// The name of JSON's type, for headers that only declare functions with it: base/json.h is a second of compile time.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace nntune {

using Json = nlohmann::json;

}  // namespace nntune
