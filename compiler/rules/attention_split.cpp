// Attention of one row (decode) as parts: the positions are split, each split of each key-value head is a task, and the parts are
// merged (Dao et al., Flash-Decoding, 2023). One kernel, and its barrier, more: it pays where threads would idle.
#include <numeric>
#include <set>

#include "compiler/rules/registry.h"

namespace nntune::rules {

namespace {

/// The fewest splits with which all threads have equally many tasks, and one split a thread.
std::set<std::int64_t> useful_splits(std::int64_t kv_heads, std::int64_t threads) {
  std::set<std::int64_t> splits = {threads / std::gcd(threads, kv_heads), threads};
  splits.erase(1);
  return splits;
}

}  // namespace

std::span<const Rule> attention_split_rules() {
  static const std::vector<Rule> kRules = {
      {.name = "split-attention-over-keys",
       .left = "(attention:k ?x ..)",
       .build =
           [](Builder& site) {
             const graph::Attention whole = site.op("k").as<graph::Attention>();
             const auto children = site.children("k");
             const std::vector<egraph::ClassId> operands(children.begin(), children.end());
             for (const std::int64_t splits : useful_splits(whole.kv_heads, site.options().threads)) {
               graph::Attention part = whole;
               part.splits = splits;
               part.epilogue.clear();
               const graph::AttentionMerge merge{.heads = whole.heads, .splits = splits, .epilogue = whole.epilogue};
               if (const auto parts = site.add(part, operands)) {
                 site.offer(site.add(merge, {*parts}));
               }
             }
           },
       .when =
           [](const Site& site) {
             return site.options().threads > 1 && site.op("k").as<graph::Attention>().splits == 1 &&
                    site.type("x").shape[0] == 1;
           }},
  };
  return kRules;
}

}  // namespace nntune::rules
