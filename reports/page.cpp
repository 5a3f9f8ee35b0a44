#include "reports/page.h"

#include <fmt/format.h>

#include "base/json.h"
#include "page.css.h"
#include "page.js.h"

namespace nntune::reports {

std::string escape_html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  }
  return out;
}

std::string script_json(const Json& json) {
  std::string out;
  // In JSON these characters stand only inside of strings, where an escape means the same.
  for (const char c : json.dump(-1, ' ', false, Json::error_handler_t::replace)) {
    if (c == '<' || c == '>' || c == '&') {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out;
}

std::string render(const Page& page) {
  std::string out =
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
      "script-src 'unsafe-inline'; img-src data:\">\n";
  out += "<link rel=\"icon\" href=\"data:,\">\n<title>" + escape_html(page.title) + "</title>\n<style>\n";
  out.append(kPageCss).append(page.style);
  out += "</style>\n</head>\n<body>\n" + page.body + "\n<script id=\"data\" type=\"application/json\">";
  out += script_json(page.data) + "</script>\n<script>\n\"use strict\";\n";
  out.append(kPageJs).append(page.script);
  out += "</script>\n</body>\n</html>\n";
  return out;
}

}  // namespace nntune::reports
