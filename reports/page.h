/// The HTML layer: one self-contained page, light or dark, with its data, style and script inside; nothing is fetched.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"

namespace nntune::reports {

/// Text between tags or in a quoted attribute: & < > " ' as entities. Bytes that are not UTF-8 stay for the browser to replace.
[[nodiscard]] std::string escape_html(std::string_view text);

/// JSON to stand in a <script> element: valid JSON in which no text can end the element or open a comment. Bytes that are not
/// UTF-8 become U+FFFD.
[[nodiscard]] std::string script_json(const Json& json);

struct Page {
  std::string title;        ///< plain text
  std::string body;         ///< HTML
  Json data;                ///< what scripts read as `pageData`
  std::string_view style;   ///< CSS behind that of all pages
  std::string_view script;  ///< runs at the end, behind the helpers of all pages
};
[[nodiscard]] std::string render(const Page& page);

}  // namespace nntune::reports
