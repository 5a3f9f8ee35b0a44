#include "reports/page.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace nntune::reports {
namespace {

constexpr const char* kNasty = "</script><img src=x onerror=alert(1)>&\"'<!--";

/// What a browser takes for the text of the data's element.
std::string data_of(const std::string& html) {
  const std::string begin = "<script id=\"data\" type=\"application/json\">";
  const std::size_t at = html.find(begin) + begin.size();
  return html.substr(at, html.find("</script", at) - at);
}

std::size_t occurrences(const std::string& text, const std::string& what) {
  std::size_t count = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

TEST(Page, EscapesWhatHasAMeaningInHtml) {
  EXPECT_EQ(escape_html("a<b> & \"c\" 'd'"), "a&lt;b&gt; &amp; &quot;c&quot; &#39;d&#39;");
  EXPECT_EQ(escape_html("1024->4096 ü"), "1024-&gt;4096 ü");
}

TEST(Page, DataReadsBackAsItWasWhateverItSays) {
  const Json data = {{"name", kNasty}, {kNasty, Json::array({1, 2.5, nullptr, "\u2028 ü"})}};
  const std::string text = script_json(data);
  EXPECT_EQ(text.find_first_of("<>&"), std::string::npos) << text;
  EXPECT_EQ(Json::parse(text), data);
}

TEST(Page, BytesThatAreNoUtf8AreReplaced) {
  EXPECT_EQ(Json::parse(script_json({{"name", "a\xff"}})), (Json{{"name", "a\ufffd"}}));
}

TEST(Page, NoTextEndsItsElementAndNothingIsFetched) {
  const std::string html =
      render({.title = kNasty, .body = "<main></main>", .data = {{"x", kNasty}}, .style = {}, .script = {}});
  EXPECT_EQ(html.find("<img"), std::string::npos);
  EXPECT_EQ(occurrences(html, "</script>"), 2U);
  EXPECT_EQ(Json::parse(data_of(html)), (Json{{"x", kNasty}}));
  EXPECT_EQ(html.find("src=\""), std::string::npos);
  EXPECT_EQ(html.find("https:"), std::string::npos);
  EXPECT_NE(html.find("default-src 'none'"), std::string::npos);
}

}  // namespace
}  // namespace nntune::reports
