/// A small language of real arithmetic for the tests of the engine: laws of egg's tests/math.rs and constant folding.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "compiler/egraph/runner.h"
#include "compiler/egraph/sexpr.h"

namespace nntune::egraph::math {

/// The constant a class is known to equal; modify adds it as a node.
class ConstantFold : public TypedAnalysis<std::optional<double>> {
 public:
  void modify(EGraph& graph, ClassId id) override {
    if (const auto value = data(graph.find(id)); value && *value == std::floor(*value)) {
      graph.merge(id, graph.add(std::to_string(static_cast<long long>(*value))));
    }
  }

 protected:
  std::optional<double> make(const EGraph& graph, NodeId node) override {
    const std::string text(graph.text(node));
    const auto children = graph.children(node);
    if (children.empty()) {
      char* end = nullptr;
      const double value = std::strtod(text.c_str(), &end);
      return *end == '\0' ? std::optional(value) : std::nullopt;
    }
    if (children.size() != 2) {
      return std::nullopt;
    }
    const auto a = data(graph.find(children[0]));
    const auto b = data(graph.find(children[1]));
    if (!a || !b) {
      return std::nullopt;
    }
    if (text == "+") return *a + *b;
    if (text == "-") return *a - *b;
    if (text == "*") return *a * *b;
    if (text == "/" && *b != 0) return *a / *b;
    return std::nullopt;
  }

  Merged join(std::optional<double>& into, std::optional<double> from) override {
    if (into && from) {
      EXPECT_NEAR(*into, *from, 1e-9 * std::abs(*into)) << "two constants became equal: a rule is wrong";
      return {};
    }
    if (from) {
      into = from;
      return {true, false};
    }
    return {false, into.has_value()};
  }
};

struct Law {
  const char* name;
  const char* left;
  const char* right;
  const char* nonzero = nullptr;  ///< a variable that must not be the constant 0
};

inline const std::vector<Law>& laws() {
  static const std::vector<Law> kLaws = {
      {"commute add", "(+ ?a ?b)", "(+ ?b ?a)"},
      {"commute mul", "(* ?a ?b)", "(* ?b ?a)"},
      {"associate add", "(+ ?a (+ ?b ?c))", "(+ (+ ?a ?b) ?c)"},
      {"associate mul", "(* ?a (* ?b ?c))", "(* (* ?a ?b) ?c)"},
      {"canonical sub", "(- ?a ?b)", "(+ ?a (* -1 ?b))"},
      {"canonical div", "(/ ?a ?b)", "(* ?a (pow ?b -1))", "b"},
      {"zero add", "(+ ?a 0)", "?a"},
      {"zero mul", "(* ?a 0)", "0"},
      {"one mul", "(* ?a 1)", "?a"},
      {"introduce one", "?a", "(* ?a 1)"},
      {"cancel sub", "(- ?a ?a)", "0"},
      {"cancel div", "(/ ?a ?a)", "1", "a"},
      {"distribute", "(* ?a (+ ?b ?c))", "(+ (* ?a ?b) (* ?a ?c))"},
      {"factor", "(+ (* ?a ?b) (* ?a ?c))", "(* ?a (+ ?b ?c))"},
      {"power of one", "(pow ?a 1)", "?a"},
      {"power of two", "(pow ?a 2)", "(* ?a ?a)"},
      {"power sum", "(* (pow ?a ?b) (pow ?a ?c))", "(pow ?a (+ ?b ?c))"},
      {"reciprocal", "(* ?a (pow ?a -1))", "1", "a"},
      {"d of x", "(d x x)", "1"},
      {"d of sum", "(d ?x (+ ?a ?b))", "(+ (d ?x ?a) (d ?x ?b))"},
      {"d of product", "(d ?x (* ?a ?b))", "(+ (* ?a (d ?x ?b)) (* ?b (d ?x ?a)))"},
  };
  return kLaws;
}

inline std::vector<Rewrite> rules(SymbolTable& symbols, const ConstantFold& constants) {
  std::vector<Rewrite> result;
  for (const Law& law : laws()) {
    Condition condition;
    if (law.nonzero != nullptr) {
      condition = [&constants, name = std::string(law.nonzero)](const EGraph& graph, const Match& match) {
        const auto value = constants.data(graph.find(match[name]));
        return !value || *value != 0;
      };
    }
    auto rule = rewrite(law.name, law.left, law.right, symbols, condition);
    EXPECT_TRUE(rule.has_value()) << law.name;
    result.push_back(std::move(*rule));
  }
  auto rule = rewrite("d of constant", "(d ?x ?c)", "0", symbols, [&constants](const EGraph& graph, const Match& match) {
    return constants.data(graph.find(match["c"])).has_value();
  });
  result.push_back(std::move(*rule));
  return result;
}

inline ClassId add(EGraph& graph, std::string_view text) { return add_term(graph, *parse_sexpr(text)); }

inline bool equal(const EGraph& graph, std::string_view a, std::string_view b) {
  const auto left = lookup_term(graph, *parse_sexpr(a));
  const auto right = lookup_term(graph, *parse_sexpr(b));
  return left && right && graph.find(*left) == graph.find(*right);
}

}  // namespace nntune::egraph::math
