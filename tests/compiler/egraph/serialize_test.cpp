#include "compiler/egraph/serialize.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "compiler/egraph/gzip.h"

namespace nntune::egraph {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const char* const kText =
    R"({"class_data": {"c": {"type": "T"}}, "root_eclasses": ["c", "d", "c"], "comment": [1, {"nodes": 3}],
  "nodes": {"1": {"eclass": "c", "op": "+", "cost": 2, "children": ["2", "3", "2"]},
            "2": {"op": "x", "children": [], "eclass": "d", "cost": 0.25, "more": {"cost": -1}},
            "4": {"op": "-", "eclass": "c", "children": ["1"], "cost": 7, "subsumed": false},
            "3": {"op": "y", "eclass": "d"}}})";

std::string gzip(const std::string& text) {
  z_stream stream = {};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string result(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(result.data());
  stream.avail_out = static_cast<uInt>(result.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  result.resize(stream.total_out);
  deflateEnd(&stream);
  return result;
}

TEST(Serialize, ReadsClassesNodesAndRoots) {
  const auto instance = parse_serialized(kText, "text");
  ASSERT_TRUE(instance) << instance.error().message();
  EXPECT_THAT(instance->class_names, ElementsAre("c", "d"));
  EXPECT_THAT(instance->node_names, ElementsAre("1", "4", "2", "3"));
  EXPECT_THAT(instance->class_begin, ElementsAre(0, 2, 4));
  EXPECT_THAT(instance->cost, ElementsAre(2, 7, 0.25, 1));
  EXPECT_THAT(instance->children_of(0), ElementsAre(1, 1, 1));
  EXPECT_THAT(instance->children_of(1), ElementsAre(0));
  EXPECT_THAT(instance->roots, ElementsAre(0, 1, 0));
}

TEST(Serialize, SubsumedNodesAreNotExtractedButName) {
  std::string text = kText;
  text.replace(text.find("\"op\": \"y\""), 9, "\"subsumed\": true");
  const auto instance = parse_serialized(text, "text");
  ASSERT_TRUE(instance) << instance.error().message();
  EXPECT_THAT(instance->node_names, ElementsAre("1", "4", "2"));
  EXPECT_THAT(instance->children_of(0), ElementsAre(1, 1, 1));
}

TEST(Serialize, WhatIsWrittenReadsTheSame) {
  const auto first = parse_serialized(kText, "text");
  ASSERT_TRUE(first);
  const auto second = parse_serialized(to_serialized(*first), "text");
  ASSERT_TRUE(second) << second.error().message();
  EXPECT_EQ(to_serialized(*first), to_serialized(*second));
  EXPECT_EQ(first->roots.size(), second->roots.size());
}

TEST(Serialize, WritesAnEGraphWithCosts) {
  EGraph graph;
  const ClassId x = graph.add("x");
  const ClassId y = graph.add("y");
  const ClassId sum = graph.add("+", {x, y});
  graph.merge(x, y);
  graph.rebuild();
  const ClassId roots[] = {sum, sum};
  const auto instance = parse_serialized(
      to_serialized(graph, roots, [&](NodeId node) { return graph.text(node) == "+" ? 3.0 : 0.5; }), "text");
  ASSERT_TRUE(instance) << instance.error().message();
  EXPECT_EQ(instance->class_count(), 2U);
  EXPECT_EQ(instance->node_count(), 3U);
  EXPECT_EQ(instance->roots.size(), 2U);
  const std::uint32_t root = instance->roots[0];
  const std::uint32_t node = instance->class_begin[root];
  EXPECT_DOUBLE_EQ(instance->cost[node], 3);
  EXPECT_THAT(instance->children_of(node), ElementsAre(1 - root, 1 - root));
}

struct BadText {
  const char* name;
  const char* from;  ///< of kText, replaced by `to`
  const char* to;
  const char* says;
};

class BadTexts : public testing::TestWithParam<BadText> {};

TEST_P(BadTexts, AreNamed) {
  std::string text = kText;
  const std::size_t at = text.find(GetParam().from);
  ASSERT_NE(at, std::string::npos);
  text.replace(at, std::string(GetParam().from).size(), GetParam().to);
  const auto instance = parse_serialized(text, "graph.json");
  ASSERT_FALSE(instance);
  EXPECT_EQ(instance.error().kind, ErrorKind::bad_input);
  EXPECT_THAT(instance.error().what, HasSubstr("graph.json"));
  EXPECT_THAT(instance.error().what, HasSubstr(GetParam().says));
}

INSTANTIATE_TEST_SUITE_P(
    Serialize, BadTexts,
    testing::Values(BadText{"UnknownChild", "[\"1\"]", "[\"9\"]", "node '4' has the child '9'"},
                    BadText{"UnknownRoot", "[\"c\", \"d\", \"c\"]", "[\"e\"]", "root 'e'"},
                    BadText{"NoRoot", "[\"c\", \"d\", \"c\"]", "[]", "root_eclasses"},
                    BadText{"NegativeCost", "0.25", "-0.25", "node '2' has cost -0.25"},
                    BadText{"HugeCost", "0.25", "1e999", "1e999"},
                    BadText{"TextualCost", "0.25", "\"1\"", "\"cost\" of node '2' is a string"},
                    BadText{"MissingClass", "\"eclass\": \"d\", \"cost\"", "\"cost\"", "node '2' has no \"eclass\""},
                    BadText{"NodeTwice", "\"4\":", "\"1\":", "node '1' comes twice"},
                    BadText{"NumberAsChild", "[\"1\"]", "[1]", "a child of node '4' is a number"},
                    BadText{"ChildrenNotAList", "[\"1\"]", "{\"1\": 2}", "\"children\" of node '4' is an object"},
                    BadText{"NodeNotAnObject", "{\"op\": \"y\", \"eclass\": \"d\"}", "17", "node '3' is a number"},
                    BadText{"NodesNotAnObject", "\"nodes\": {\"1\"", "\"nodes\": [], \"x\": {\"1\"", "\"nodes\" is a list"},
                    BadText{"NoNodes", "\"nodes\": {\"1\"", "\"x\": {\"1\"", "there are no \"nodes\""},
                    BadText{"CutOff", "\"op\": \"y\", \"eclass\": \"d\"}}}", "\"op\": \"y", "parse error"},
                    BadText{"Garbage", "{\"class_data\"", "hello {", "parse error"}),
    [](const auto& at) { return at.param.name; });

TEST(Gzip, UnpacksAllMembers) {
  EXPECT_EQ(gunzip(gzip("one ") + gzip("two"), "x").value(), "one two");
  const std::string large(1'000'000, 'x');
  EXPECT_EQ(gunzip(gzip(large), "x").value(), large);
}

TEST(Gzip, RefusesWhatIsDamagedCutOffOrTooLarge) {
  const std::string whole = gzip("something that is long enough to be packed, long enough to be packed");
  for (std::size_t size = 2; size < whole.size(); ++size) {
    ASSERT_FALSE(gunzip(whole.substr(0, size), "x")) << size;
  }
  std::string damaged = whole;
  damaged[damaged.size() / 2] ^= 0x55;
  EXPECT_FALSE(gunzip(damaged, "x"));
  EXPECT_FALSE(gunzip(whole + "tail", "x"));
  EXPECT_FALSE(gunzip(whole, "x", 10));
}

}  // namespace
}  // namespace nntune::egraph
