#include "compiler/egraph/node_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace nntune::egraph {
namespace {

// Few hashes, so that runs of neighbours are long and wrap around the end.
TEST(NodeTable, AgreesWithAMapUnderInsertionsAndErasures) {
  std::mt19937 rng(3);
  for (const std::uint32_t hashes : {3U, 61U, 100'000U}) {
    NodeTable table;
    std::map<std::uint32_t, std::uint32_t> known;  // node to hash
    for (std::uint32_t node = 0; node < 3000; ++node) {
      const std::uint32_t hash = (rng() % hashes) * 0x3fffffffU;
      table.insert(hash, node);
      known.emplace(node, hash);
      while (known.size() > 100 && rng() % 2 == 0) {
        const auto victim = std::next(known.begin(), static_cast<std::ptrdiff_t>(rng() % known.size()));
        table.erase(victim->second, victim->first);
        EXPECT_EQ(table.find(victim->second, [&](std::uint32_t n) { return n == victim->first; }), NodeTable::kNone);
        known.erase(victim);
      }
    }
    for (const auto& [node, hash] : known) {
      EXPECT_EQ(table.find(hash, [n = node](std::uint32_t other) { return other == n; }), node);
    }
  }
}

}  // namespace
}  // namespace nntune::egraph
