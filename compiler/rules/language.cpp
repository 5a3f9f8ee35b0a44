#include "compiler/rules/language.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

namespace nntune::rules {

using egraph::ClassId;
using egraph::EGraph;
using egraph::NodeId;
using graph::OpKind;

std::vector<ClassId> Operands::all() const {
  std::vector<ClassId> result = {x};
  result.insert(result.end(), prologue.begin(), prologue.end());
  result.insert(result.end(), middle.begin(), middle.end());
  result.insert(result.end(), epilogue.begin(), epilogue.end());
  return result;
}

Language::Language(std::vector<std::string> weights) : weights_(std::move(weights)) {
  std::sort(weights_.begin(), weights_.end());
  weights_.erase(std::unique(weights_.begin(), weights_.end()), weights_.end());
}

Expected<std::vector<ClassId>> Language::add(EGraph& e, const graph::Graph& graph, const std::string& section) {
  if (std::find(sections_.begin(), sections_.end(), section) == sections_.end()) {
    sections_.push_back(section);
  }
  std::vector<ClassId> classes;
  for (const graph::Node& node : graph.nodes()) {
    graph::Op op = node.op;
    if (const auto* leaf = op.get_if<graph::Input>()) {
      op = graph::input(section + "." + leaf->name, leaf->type);
    }
    if (const auto* leaf = op.get_if<graph::State>()) {
      op = graph::State{section + "." + leaf->name, leaf->type};
    }
    if (const auto* leaf = op.get_if<graph::Weight>(); leaf != nullptr && weight_rank(leaf->name) == Facts::kNoType) {
      return fail(ErrorKind::internal, fmt::format("weight {} was not announced to the e-graph", leaf->name));
    }
    std::vector<ClassId> children;
    for (const graph::NodeId input : node.inputs) {
      children.push_back(classes[static_cast<std::size_t>(input)]);
    }
    const auto id = add(e, op, children);
    if (!id) {
      return fail(ErrorKind::internal, fmt::format("{} does not fit its operands", op.text()));
    }
    classes.push_back(*id);
  }
  return classes;
}

std::optional<ClassId> Language::add(EGraph& e, const graph::Op& op, std::span<const ClassId> children) {
  const egraph::Symbol symbol = e.symbols().intern(op.text());
  if (const auto known = e.lookup(symbol, children)) {
    return known;
  }
  std::vector<graph::TensorType> inputs;
  inputs.reserve(children.size());
  for (const ClassId child : children) {
    inputs.push_back(type(e, child));
  }
  if (!graph::infer_type(op, inputs)) {
    return std::nullopt;
  }
  return e.add(symbol, children);
}

const graph::Op& Language::op(const EGraph& e, NodeId node) const {
  const egraph::Symbol symbol = e.symbol(node);
  if (ops_.size() <= symbol) {
    ops_.resize(e.symbols().size());
  }
  std::optional<graph::Op>& entry = ops_[symbol];
  if (!entry) {
    auto parsed = graph::Op::parse(e.symbols().text(symbol));
    assert(parsed.has_value() && "every symbol of the tensor language is the text of an operation");
    entry = std::move(*parsed);
  }
  return *entry;
}

Operands Language::operands(const EGraph& e, NodeId node) const {
  const graph::Op& node_op = op(e, node);
  const auto children = e.children(node);
  const auto before = static_cast<std::size_t>(graph::operands(node_op.prologue()));
  const auto after = static_cast<std::size_t>(graph::operands(node_op.epilogue()));
  assert(children.size() >= 1 + before + after);
  const auto at = [&](std::size_t i) { return children.begin() + static_cast<std::ptrdiff_t>(i); };
  Operands result;
  result.x = children[0];
  result.prologue.assign(at(1), at(1 + before));
  result.middle.assign(at(1 + before), at(children.size() - after));
  result.epilogue.assign(at(children.size() - after), children.end());
  return result;
}

std::pair<std::uint32_t, std::string> Language::plain_input(const std::string& name) const {
  const std::size_t dot = name.rfind('.');
  assert(dot != std::string::npos);
  const auto found = std::find(sections_.begin(), sections_.end(), name.substr(0, dot));
  assert(found != sections_.end());
  return {static_cast<std::uint32_t>(found - sections_.begin()) + 1, name.substr(dot + 1)};
}

std::uint32_t Language::intern(const graph::TensorType& type) {
  const auto [place, is_new] = type_ids_.emplace(type, static_cast<std::uint32_t>(types_.size()));
  if (is_new) {
    types_.push_back(type);
  }
  return place->second;
}

std::uint32_t Language::weight_rank(const std::string& name) const {
  const auto found = std::lower_bound(weights_.begin(), weights_.end(), name);
  return found != weights_.end() && *found == name ? static_cast<std::uint32_t>(found - weights_.begin()) : Facts::kNoType;
}

Facts Language::make(const EGraph& e, NodeId node) {
  const graph::Op& node_op = op(e, node);
  Facts facts;
  facts.input = node_op.kind() == OpKind::input || node_op.kind() == OpKind::state;
  facts.constant = !facts.input;
  std::vector<graph::TensorType> inputs;
  for (const ClassId child : e.children(node)) {
    const Facts& known = data(e.find(child));
    inputs.push_back(types_[known.type]);
    facts.constant = facts.constant && known.constant;
    if (known.section != Facts::kAnySection) {
      facts.section =
          facts.section == Facts::kAnySection || facts.section == known.section ? known.section : Facts::kMixedSections;
    }
    if (known.first_weight != Facts::kNoType) {
      facts.first_weight = std::min(facts.first_weight, known.first_weight);
      facts.last_weight =
          facts.last_weight == Facts::kNoType ? known.last_weight : std::max(facts.last_weight, known.last_weight);
    }
  }
  if (const auto* leaf = node_op.get_if<graph::Weight>()) {
    facts.first_weight = facts.last_weight = weight_rank(leaf->name);
  }
  if (facts.input) {
    facts.section = plain_input(node_op.leaf_name()).first;
  }
  const auto inferred = graph::infer_type(node_op, inputs);
  if (!inferred && trouble_.empty()) {
    trouble_ = inferred.error().message();
  }
  facts.type = intern(inferred ? *inferred : graph::TensorType{});
  return facts;
}

egraph::Merged Language::join(Facts& into, Facts from) {
  if (into.type != from.type && trouble_.empty()) {
    trouble_ = fmt::format("{} became equal to {}", types_[into.type].text(), types_[from.type].text());
  }
  // Equal tensors depend on the same leaves, so only constness can differ between their nodes.
  egraph::Merged merged;
  merged.into_changed = from.constant && !into.constant;
  merged.from_changed = into.constant && !from.constant;
  into.constant = into.constant || from.constant;
  into.input = into.input || from.input;  // no fact of other classes depends on it
  return merged;
}

}  // namespace nntune::rules
