/// An e-graph with costs in plain arrays: what an extractor needs, and nothing of where it came from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

namespace nntune::egraph {

/// Classes are 0 .. class_count() - 1; the nodes of class c are class_begin[c] .. class_begin[c + 1] - 1, so nodes are numbered
/// class by class. Built by add_class() and add_node(), in this order.
struct ExtractionInstance {
  std::vector<std::uint32_t> class_begin = {0};  ///< one more than there are classes
  std::vector<std::uint32_t> child_begin = {0};  ///< one more than there are nodes
  std::vector<std::uint32_t> children;           ///< classes; repeats count in the tree cost alone
  std::vector<double> cost;                      ///< by node, finite and >= 0
  /// By node, finite and >= 0, or empty: a second resource, of which the chosen nodes together may take `capacity`.
  std::vector<double> bytes;
  double capacity = std::numeric_limits<double>::infinity();
  std::vector<std::uint32_t> roots;      ///< classes; repeats count in the tree cost alone
  std::vector<std::string> class_names;  ///< by class, or empty
  std::vector<std::string> node_names;   ///< by node, or empty

  [[nodiscard]] std::size_t class_count() const { return class_begin.size() - 1; }
  [[nodiscard]] std::size_t node_count() const { return cost.size(); }
  [[nodiscard]] std::span<const std::uint32_t> children_of(std::size_t node) const {
    return {children.data() + child_begin[node], child_begin[node + 1] - child_begin[node]};
  }
  [[nodiscard]] double bytes_of(std::size_t node) const { return bytes.empty() ? 0 : bytes[node]; }
  [[nodiscard]] bool limited() const { return !bytes.empty() && capacity < std::numeric_limits<double>::infinity(); }

  /// Adds a node to the last class.
  void add_node(double node_cost, std::span<const std::uint32_t> child_classes) {
    children.insert(children.end(), child_classes.begin(), child_classes.end());
    child_begin.push_back(static_cast<std::uint32_t>(children.size()));
    cost.push_back(node_cost);
    class_begin.back() = static_cast<std::uint32_t>(cost.size());
  }
  /// Begins a class; the first call begins class 0.
  std::uint32_t add_class() {
    class_begin.push_back(static_cast<std::uint32_t>(cost.size()));
    return static_cast<std::uint32_t>(class_count() - 1);
  }
};

}  // namespace nntune::egraph
