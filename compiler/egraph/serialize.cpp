#include "compiler/egraph/serialize.h"

#include <fmt/format.h>

#include <cmath>
#include <unordered_map>

#include "base/file.h"
#include "base/json.h"
#include "compiler/egraph/gzip.h"

namespace nntune::egraph {

namespace {

/// As the text has it; nodes are not yet ordered by class.
struct RawNode {
  std::string id;
  std::string eclass;
  bool has_class = false;
  bool subsumed = false;
  double cost = 1;
  std::vector<std::string> children;
};

/// Reads event by event: a document tree would take ten times the memory of the file, and would hide ids that come twice.
class Reader final : public nlohmann::json_sax<Json> {
 public:
  std::vector<RawNode> nodes;
  std::vector<std::string> roots;
  bool has_nodes = false;
  bool has_roots = false;
  std::string trouble;  ///< "" or what is wrong

  bool null() override { return scalar("null"); }
  bool boolean(bool value) override {
    if (skipping_ == 0 && where_ == Where::node && key_ == "subsumed") {
      nodes.back().subsumed = value;
      return true;
    }
    return scalar("true or false");
  }
  bool number_integer(number_integer_t value) override { return number(static_cast<double>(value)); }
  bool number_unsigned(number_unsigned_t value) override { return number(static_cast<double>(value)); }
  bool number_float(number_float_t value, const string_t& /*text*/) override { return number(value); }
  bool string(string_t& value) override {
    if (skipping_ == 0) {
      switch (where_) {
        case Where::node:
          if (key_ == "eclass") {
            nodes.back().eclass = std::move(value);
            nodes.back().has_class = true;
            return true;
          }
          if (key_ == "op") return true;
          break;
        case Where::children: nodes.back().children.push_back(std::move(value)); return true;
        case Where::roots: roots.push_back(std::move(value)); return true;
        case Where::outside:
        case Where::top:
        case Where::nodes: break;
      }
    }
    return scalar("a string");
  }
  bool binary(binary_t& /*value*/) override { return scalar("binary data"); }

  bool start_object(std::size_t /*size*/) override {
    if (skipping_ > 0) return ++skipping_ > 0;
    switch (where_) {
      case Where::outside: where_ = Where::top; return true;
      case Where::top:
        if (key_ == "nodes") {
          if (has_nodes) return wrong("\"nodes\" comes twice");
          has_nodes = true;
          where_ = Where::nodes;
          return true;
        }
        break;
      case Where::nodes:
        nodes.emplace_back().id = key_;
        where_ = Where::node;
        return true;
      case Where::node:
      case Where::children:
      case Where::roots: break;
    }
    return ignored() ? ++skipping_ > 0 : scalar("an object");
  }
  bool end_object() override { return up(); }
  bool start_array(std::size_t /*size*/) override {
    if (skipping_ > 0) return ++skipping_ > 0;
    if (where_ == Where::top && key_ == "root_eclasses") {
      if (has_roots) return wrong("\"root_eclasses\" comes twice");
      has_roots = true;
      where_ = Where::roots;
      return true;
    }
    if (where_ == Where::node && key_ == "children") {
      nodes.back().children.clear();
      where_ = Where::children;
      return true;
    }
    return ignored() ? ++skipping_ > 0 : scalar("a list");
  }
  bool end_array() override { return up(); }
  bool key(string_t& value) override {
    if (skipping_ == 0) key_ = std::move(value);
    return true;
  }
  bool parse_error(std::size_t /*position*/, const std::string& /*token*/, const nlohmann::detail::exception& e) override {
    return wrong(e.what());
  }

 private:
  enum class Where { outside, top, nodes, node, children, roots };

  bool wrong(std::string what) {
    if (trouble.empty()) trouble = std::move(what);
    return false;
  }
  /// Whether the value of this key has no meaning here.
  [[nodiscard]] bool ignored() const {
    if (where_ == Where::top) return key_ != "nodes" && key_ != "root_eclasses";
    return where_ == Where::node && key_ != "op" && key_ != "children" && key_ != "eclass" && key_ != "cost" &&
           key_ != "subsumed";
  }
  bool number(double value) {
    if (skipping_ == 0 && where_ == Where::node && key_ == "cost") {
      if (!std::isfinite(value) || value < 0) {
        return wrong(fmt::format("node '{}' has cost {}", nodes.back().id, value));
      }
      nodes.back().cost = value;
      return true;
    }
    return scalar("a number");
  }
  /// A value that is wrong where it stands, unless nothing there has a meaning.
  bool scalar(std::string_view what) {
    if (skipping_ > 0 || ignored()) return true;
    switch (where_) {
      case Where::outside: return wrong(fmt::format("it is {} and not an object", what));
      case Where::top: return wrong(fmt::format("\"{}\" is {}", key_, what));
      case Where::nodes: return wrong(fmt::format("node '{}' is {}", key_, what));
      case Where::node: return wrong(fmt::format("\"{}\" of node '{}' is {}", key_, nodes.back().id, what));
      case Where::children: return wrong(fmt::format("a child of node '{}' is {}", nodes.back().id, what));
      case Where::roots: return wrong(fmt::format("a root is {}", what));
    }
    return false;
  }
  bool up() {
    if (skipping_ > 0) {
      --skipping_;
      return true;
    }
    switch (where_) {
      case Where::children: where_ = Where::node; break;
      case Where::node: where_ = Where::nodes; break;
      case Where::nodes:
      case Where::roots: where_ = Where::top; break;
      case Where::outside:
      case Where::top: where_ = Where::outside;
    }
    return true;
  }

  Where where_ = Where::outside;
  std::size_t skipping_ = 0;  // depth inside a value without meaning
  std::string key_;
};

/// Orders nodes by class and resolves names; says what is wrong.
Expected<ExtractionInstance> to_instance(Reader& raw, const std::function<tl::unexpected<Error>(std::string)>& bad) {
  std::unordered_map<std::string_view, std::uint32_t> class_ids;
  std::unordered_map<std::string_view, std::uint32_t> class_of_node;
  std::vector<std::vector<std::uint32_t>> members;
  class_of_node.reserve(raw.nodes.size());
  for (std::uint32_t i = 0; i < raw.nodes.size(); ++i) {
    const RawNode& node = raw.nodes[i];
    if (!node.has_class) return bad(fmt::format("node '{}' has no \"eclass\"", node.id));
    const auto [at, is_new] = class_ids.try_emplace(node.eclass, static_cast<std::uint32_t>(members.size()));
    if (is_new) members.emplace_back();
    if (!node.subsumed) members[at->second].push_back(i);
    if (!class_of_node.try_emplace(node.id, at->second).second) return bad(fmt::format("node '{}' comes twice", node.id));
  }
  ExtractionInstance result;
  result.class_names.resize(members.size());
  for (const auto& [name, id] : class_ids) result.class_names[id] = name;
  result.node_names.reserve(raw.nodes.size());
  std::vector<std::uint32_t> children;
  for (const std::vector<std::uint32_t>& nodes : members) {
    result.add_class();
    for (const std::uint32_t i : nodes) {
      children.clear();
      for (const std::string& child : raw.nodes[i].children) {
        const auto found = class_of_node.find(child);
        if (found == class_of_node.end()) {
          return bad(fmt::format("node '{}' has the child '{}', which is no node", raw.nodes[i].id, child));
        }
        children.push_back(found->second);
      }
      result.add_node(raw.nodes[i].cost, children);
      result.node_names.push_back(raw.nodes[i].id);
    }
  }
  for (const std::string& root : raw.roots) {
    const auto found = class_ids.find(root);
    if (found == class_ids.end()) return bad(fmt::format("root '{}' is no class of a node", root));
    result.roots.push_back(found->second);
  }
  return result;
}

}  // namespace

Expected<std::string> read_serialized_text(const std::filesystem::path& path) {
  NNTUNE_ASSIGN(std::string text, read_file(path));
  if (!is_gzip(text)) return text;
  return gunzip(text, path.string());
}

Expected<ExtractionInstance> parse_serialized(std::string_view text, std::string_view name) {
  const auto bad = [name](std::string why) {
    return fail(ErrorKind::bad_input, fmt::format("{} is not an e-graph in egraph-serialize JSON: {}", name, why),
                "see https://github.com/egraphs-good/egraph-serialize for the format");
  };
  Reader raw;
  try {
    if (!Json::sax_parse(text, &raw)) return bad(raw.trouble);
  } catch (const Json::exception& e) {
    return bad(e.what());
  }
  if (!raw.has_nodes) return bad("there are no \"nodes\"");
  if (raw.roots.empty()) return bad("there are no \"root_eclasses\"");
  return to_instance(raw, bad);
}

std::string to_serialized(const EGraph& graph, std::span<const ClassId> roots, const std::function<double(NodeId)>& cost) {
  // A child is named by any node of its class that is written, and a class by its number.
  std::vector<NodeId> name_of_class(graph.total_nodes());
  for (const ClassId id : graph.classes()) {
    for (const NodeId node : graph.nodes(id)) {
      if (!graph.hidden(node)) {
        name_of_class[id] = node;
        break;
      }
    }
  }
  Json json = {{"nodes", Json::object()}, {"root_eclasses", Json::array()}, {"class_data", Json::object()}};
  for (const ClassId id : graph.classes()) {
    for (const NodeId node : graph.nodes(id)) {
      if (graph.hidden(node)) continue;
      Json children = Json::array();
      for (const ClassId child : graph.children(node))
        children.push_back(fmt::format("n{}", name_of_class[graph.find(child)]));
      json["nodes"][fmt::format("n{}", node)] = {{"op", graph.text(node)},
                                                 {"children", std::move(children)},
                                                 {"eclass", fmt::format("c{}", id)},
                                                 {"cost", cost(node)},
                                                 {"subsumed", false}};
    }
  }
  for (const ClassId root : roots) json["root_eclasses"].push_back(fmt::format("c{}", graph.find(root)));
  return json.dump(1) + "\n";
}

std::string to_serialized(const ExtractionInstance& instance) {
  const auto name = [](const std::vector<std::string>& names, std::size_t at, char kind) {
    return names.empty() ? fmt::format("{}{}", kind, at) : names[at];
  };
  // A class without nodes gets one that is never extracted, so that others can name it.
  const auto empty = [&instance](std::size_t c) { return instance.class_begin[c] == instance.class_begin[c + 1]; };
  Json json = {{"nodes", Json::object()}, {"root_eclasses", Json::array()}};
  for (std::size_t c = 0; c < instance.class_count(); ++c) {
    if (empty(c)) {
      json["nodes"][fmt::format("empty {}", c)] = {
          {"op", "empty"}, {"eclass", name(instance.class_names, c, 'c')}, {"subsumed", true}};
    }
    for (std::size_t n = instance.class_begin[c]; n < instance.class_begin[c + 1]; ++n) {
      const std::string id = name(instance.node_names, n, 'n');
      Json children = Json::array();
      for (const std::uint32_t child : instance.children_of(n)) {
        children.push_back(empty(child) ? fmt::format("empty {}", child)
                                        : name(instance.node_names, instance.class_begin[child], 'n'));
      }
      json["nodes"][id] = {{"op", id},
                           {"children", std::move(children)},
                           {"eclass", name(instance.class_names, c, 'c')},
                           {"cost", instance.cost[n]}};
    }
  }
  for (const std::uint32_t root : instance.roots) json["root_eclasses"].push_back(name(instance.class_names, root, 'c'));
  return json.dump(1) + "\n";
}

}  // namespace nntune::egraph
