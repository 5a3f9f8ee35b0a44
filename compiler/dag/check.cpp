#include "compiler/dag/check.h"

#include <fmt/format.h>

#include <map>
#include <vector>

#include "base/json.h"

namespace nntune::dag {

namespace {

Verdict invalid(std::string why) { return {false, std::move(why), 0, 0}; }

/// A class on the way down from a root.
struct Open {
  std::string name;
  std::size_t next_child = 0;
  double tree_cost = 0;  ///< of its node and of the children looked at so far
};

}  // namespace

Verdict check_extraction(const Json& egraph, const Json& choices) {
  const Json& nodes = egraph.at("nodes");
  for (const auto& [name, choice] : choices.items()) {
    const auto node = nodes.find(choice.get<std::string>());
    if (node == nodes.end()) return invalid(fmt::format("class '{}' chooses '{}', which is no node", name, choice.dump()));
    if (node->at("eclass") != name) {
      return invalid(fmt::format("class '{}' chooses node '{}' of class {}", name, node.key(), node->at("eclass").dump()));
    }
    if (node->value("subsumed", false)) return invalid(fmt::format("class '{}' chooses a subsumed node", name));
  }

  Verdict verdict;
  std::map<std::string, double> tree_cost_of;  // finished classes
  std::map<std::string, bool> open;
  for (const Json& root : egraph.at("root_eclasses")) {
    std::vector<Open> path;
    const auto enter = [&](const std::string& name) {
      if (open[name]) {
        verdict.why = fmt::format("class '{}' needs itself", name);
        return false;
      }
      const auto choice = choices.find(name);
      if (choice == choices.end()) {
        verdict.why = fmt::format("class '{}' has no choice", name);
        return false;
      }
      open[name] = true;
      const double cost = nodes.at(choice->get<std::string>()).value("cost", 1.0);
      verdict.dag_cost += cost;
      path.push_back({name, 0, cost});
      return true;
    };
    if (tree_cost_of.count(root.get<std::string>()) == 0 && !enter(root.get<std::string>())) return invalid(verdict.why);
    while (!path.empty()) {
      Open& last = path.back();
      const Json& node = nodes.at(choices.at(last.name).get<std::string>());
      const std::size_t child_count = node.contains("children") ? node.at("children").size() : 0;
      if (last.next_child == child_count) {
        tree_cost_of[last.name] = last.tree_cost;
        open[last.name] = false;
        path.pop_back();
        continue;
      }
      const std::string child = node.at("children")[last.next_child].get<std::string>();
      const std::string child_class = nodes.at(child).at("eclass").get<std::string>();
      if (const auto done = tree_cost_of.find(child_class); done != tree_cost_of.end()) {
        last.tree_cost += done->second;
        ++last.next_child;
      } else if (!enter(child_class)) {  // comes back to this child when it is finished
        return invalid(verdict.why);
      }
    }
    verdict.tree_cost += tree_cost_of.at(root.get<std::string>());
  }
  verdict.valid = true;
  return verdict;
}

}  // namespace nntune::dag
