/// Integers by name, few of them: read millions of times when schedules are estimated, so they lie together.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json_fwd.h"

namespace nntune::schedule {

/// Sorted by name, so that the text is canonical.
class Knobs {
 public:
  using Entry = std::pair<std::string, std::int64_t>;

  Knobs() = default;
  Knobs(std::initializer_list<Entry> entries) {
    for (const auto& [name, value] : entries) (*this)[name] = value;
  }

  auto operator<=>(const Knobs&) const = default;

  [[nodiscard]] bool empty() const { return entries_.empty(); }
  [[nodiscard]] auto begin() const { return entries_.begin(); }
  [[nodiscard]] auto end() const { return entries_.end(); }
  /// nullptr if there is none.
  [[nodiscard]] const std::int64_t* find(std::string_view name) const {
    for (const Entry& entry : entries_) {
      if (entry.first == name) return &entry.second;
    }
    return nullptr;
  }
  /// Of a knob that there is.
  [[nodiscard]] std::int64_t at(std::string_view name) const {
    const std::int64_t* const value = find(name);
    assert(value != nullptr && "the kernel asks for a knob of its space");
    return *value;
  }
  /// Makes one of value 0 where there is none.
  std::int64_t& operator[](std::string_view name) {
    const auto place =
        std::ranges::lower_bound(entries_, name, {}, [](const Entry& entry) -> std::string_view { return entry.first; });
    if (place != entries_.end() && place->first == name) return place->second;
    return entries_.emplace(place, name, 0)->second;
  }

  friend void to_json(Json& json, const Knobs& knobs);
  friend void from_json(const Json& json, Knobs& knobs);

 private:
  std::vector<Entry> entries_;
};

}  // namespace nntune::schedule
