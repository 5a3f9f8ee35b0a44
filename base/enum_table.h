/// Tables indexed by an enum whose completeness the compiler checks.
///
///   inline constexpr std::array kRows = {Row{Kind::a, ...}, Row{Kind::b, ...}};
///   static_assert(is_complete_table<kRows>());
///
/// A row has a member `kind`. Enumerators count from 0 without gaps. A forgotten row, or rows in another order, do not compile.
#pragma once

#include <cstddef>
#include <string_view>

namespace nntune {

/// Whether `value` has a name. The compiler spells a value without one as a cast, "(Kind)11".
template <auto value>
[[nodiscard]] consteval bool is_enumerator() {
  const std::string_view text = __PRETTY_FUNCTION__;
  const std::size_t at = text.find("value = ");
  return at != std::string_view::npos && text[at + std::string_view("value = ").size()] != '(';
}

template <const auto& table>
[[nodiscard]] consteval bool is_complete_table() {
  using Kind = decltype(table[0].kind);
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (table[i].kind != static_cast<Kind>(i)) return false;
  }
  return is_enumerator<static_cast<Kind>(table.size() - 1)>() && !is_enumerator<static_cast<Kind>(table.size())>();
}

}  // namespace nntune
