#include "compiler/egraph/egraph.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "compiler/egraph/dot.h"
#include "compiler/egraph/sexpr.h"
#include "compiler/egraph/smallest_term.h"

namespace nntune::egraph {
namespace {

ClassId add(EGraph& graph, std::string_view text) { return add_term(graph, *parse_sexpr(text)); }

TEST(EGraph, EqualTermsAreOneClass) {
  EGraph graph;
  EXPECT_EQ(add(graph, "(+ a (* b c))"), add(graph, "(+ a (* b c))"));
  EXPECT_NE(add(graph, "(+ a b)"), add(graph, "(+ b a)"));
  graph.rebuild();
  EXPECT_EQ(graph.node_count(), 7U);
}

TEST(EGraph, MergingOperandsMergesParentsAllTheWayUp) {
  EGraph graph;
  const ClassId fa = add(graph, "(f (f (f a)))");
  const ClassId fb = add(graph, "(f (f (f b)))");
  graph.merge(add(graph, "a"), add(graph, "b"));
  EXPECT_NE(graph.find(fa), graph.find(fb)) << "congruence is deferred";
  graph.rebuild();
  EXPECT_EQ(graph.find(fa), graph.find(fb));
  EXPECT_EQ(graph.node_count(), 5U);  // a, b and three times f
  EXPECT_EQ(graph.class_count(), 4U);
  EXPECT_EQ(graph.check_invariants(), "");
}

TEST(EGraph, ACycleIsAFixedPoint) {
  EGraph graph;
  const ClassId x = add(graph, "x");
  graph.merge(x, add(graph, "(f x)"));
  graph.rebuild();
  EXPECT_EQ(graph.find(x), graph.find(add(graph, "(f (f (f x)))")));
  EXPECT_EQ(SmallestTerms(graph).term(x).text(), "x");
}

TEST(EGraph, LookupFindsModuloEqualityAndAddsNothing) {
  EGraph graph;
  const ClassId fa = add(graph, "(f a)");
  graph.merge(add(graph, "a"), add(graph, "b"));
  graph.rebuild();
  const std::size_t nodes = graph.total_nodes();
  EXPECT_EQ(lookup_term(graph, *parse_sexpr("(f b)")), graph.find(fa));
  EXPECT_EQ(lookup_term(graph, *parse_sexpr("(g b)")), std::nullopt);
  EXPECT_EQ(graph.total_nodes(), nodes);
}

// Random terms and merges against a plain fixpoint over all pairs of nodes.
TEST(EGraph, AgreesWithNaiveCongruenceClosure) {
  std::mt19937 rng(7);
  for (int round = 0; round < 30; ++round) {
    EGraph graph;
    struct Term {
      std::string symbol;
      std::vector<std::size_t> children;
      ClassId id;
    };
    std::vector<Term> terms;
    for (const char* leaf : {"a", "b", "c", "d", "e"}) {
      terms.push_back({leaf, {}, graph.add(leaf)});
    }
    std::vector<std::pair<std::size_t, std::size_t>> merges;
    for (int i = 0; i < 60; ++i) {
      if (i % 6 == 5) {
        const std::size_t a = rng() % terms.size();
        const std::size_t b = rng() % terms.size();
        merges.emplace_back(a, b);
        graph.merge(terms[a].id, terms[b].id);
        if (i % 12 == 5) {
          graph.rebuild();
        }
      } else {
        const std::size_t a = rng() % terms.size();
        const std::size_t b = rng() % terms.size();
        if (rng() % 2 == 0) {
          terms.push_back({"f", {a}, graph.add("f", {terms[a].id})});
        } else {
          terms.push_back({"g", {a, b}, graph.add("g", {terms[a].id, terms[b].id})});
        }
      }
    }
    graph.rebuild();
    ASSERT_EQ(graph.check_invariants(), "");

    std::vector<std::size_t> group(terms.size());
    for (std::size_t i = 0; i < group.size(); ++i) {
      group[i] = i;
    }
    const auto unite = [&](std::size_t a, std::size_t b) {
      const std::size_t from = group[a];
      const std::size_t into = group[b];
      std::replace(group.begin(), group.end(), from, into);
      return from != into;
    };
    for (const auto& [a, b] : merges) {
      unite(a, b);
    }
    for (bool changed = true; changed;) {
      changed = false;
      for (std::size_t i = 0; i < terms.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j) {
          const auto congruent = [&] {
            if (terms[i].symbol != terms[j].symbol) return false;
            for (std::size_t k = 0; k < terms[i].children.size(); ++k) {
              if (group[terms[i].children[k]] != group[terms[j].children[k]]) return false;
            }
            return true;
          };
          if (group[i] != group[j] && congruent()) {
            changed = unite(i, j) || changed;
          }
        }
      }
    }
    for (std::size_t i = 0; i < terms.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        EXPECT_EQ(group[i] == group[j], graph.find(terms[i].id) == graph.find(terms[j].id))
            << round << ": " << i << ", " << j;
      }
    }
  }
}

TEST(EGraph, IsDrawnWithAClusterForEachClass) {
  EGraph graph;
  graph.merge(add(graph, "(+ a b)"), add(graph, "\"quoted\""));
  graph.rebuild();
  const std::string dot = to_dot(graph);
  std::size_t clusters = 0;
  for (std::size_t at = dot.find("subgraph"); at != std::string::npos; at = dot.find("subgraph", at + 1)) {
    ++clusters;
  }
  EXPECT_EQ(clusters, graph.class_count());
  EXPECT_NE(dot.find("\\\"quoted\\\""), std::string::npos);
}

TEST(SmallestTerms, DoNotDependOnTheOrderOfInsertion) {
  const std::vector<std::pair<std::string, std::string>> equalities = {
      {"(f a b)", "(g c)"}, {"(g c)", "(h a)"}, {"a", "(k b)"}, {"(h b)", "c"}};
  std::vector<std::size_t> order = {0, 1, 2, 3};
  std::map<std::string, int> seen;
  do {
    EGraph graph;
    for (const std::size_t i : order) {
      graph.merge(add(graph, equalities[i].first), add(graph, equalities[i].second));
    }
    graph.rebuild();
    const SmallestTerms terms(graph);
    ++seen[terms.term(add(graph, "(f a b)")).text() + terms.key(add(graph, "(f a b)")).hash.hex()];
  } while (std::next_permutation(order.begin(), order.end()));
  EXPECT_EQ(seen.size(), 1U);
}

TEST(Sexpr, SaysWhereItIsMalformed) {
  for (const char* text : {"", "(", "(+ a", "a b", "()", "(+ a))"}) {
    const auto result = parse_sexpr(text);
    ASSERT_FALSE(result.has_value()) << text;
    EXPECT_NE(result.error().message().find("character"), std::string::npos) << result.error().message();
  }
  EXPECT_EQ(parse_sexpr("( f  a (g{x (y)} b) )")->text(), "(f a (g{x (y)} b))");
}

}  // namespace
}  // namespace nntune::egraph
