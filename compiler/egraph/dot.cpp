#include "compiler/egraph/dot.h"

#include <fmt/format.h>

namespace nntune::egraph {

namespace {

std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      result += '\\';
    }
    result += c;
  }
  return result.append("\"");
}

}  // namespace

std::string to_dot(const EGraph& graph) {
  std::string result = "digraph egraph {\n  compound=true\n  clusterrank=local\n";
  for (const ClassId id : graph.classes()) {
    result += fmt::format("  subgraph cluster_{} {{\n    style=dotted\n", id);
    for (const NodeId node : graph.nodes(id)) {
      result += fmt::format("    n{} [label={}]\n", node, quoted(graph.text(node)));
    }
    result += "  }\n";
  }
  for (const ClassId id : graph.classes()) {
    for (const NodeId node : graph.nodes(id)) {
      int position = 0;
      for (const ClassId child : graph.children(node)) {
        // Edges end at a cluster, which Graphviz draws only through one of its nodes; not for an edge inside it.
        const std::string lhead = child == id ? "" : fmt::format("lhead=cluster_{} ", child);
        result += fmt::format("  n{} -> n{} [{}label={}]\n", node, graph.nodes(child).front(), lhead, position++);
      }
    }
  }
  return result.append("}\n");
}

}  // namespace nntune::egraph
