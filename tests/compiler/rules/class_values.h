/// Checks an e-graph of the tensor language by the reference evaluator: every node of a class must have the same value.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "base/hash.h"
#include "compiler/egraph/smallest_term.h"
#include "compiler/reference/evaluate.h"
#include "compiler/reference/random.h"
#include "compiler/rules/language.h"

namespace nntune::testing_models {

/// Values of classes on random inputs and weights, computed from their smallest terms.
class ClassValues {
 public:
  using Tensor = reference::HostTensor<double>;

  /// A node that has another value than its class.
  struct Mismatch {
    egraph::ClassId id = 0;
    double difference = 0;  ///< relative to the largest value
    std::string text;       ///< both terms
  };

  /// \param rounds  false: bf16 rounds nothing (reference::EvalContext), so that rules which round must be exact too
  ClassValues(const egraph::EGraph& graph, const rules::Language& language, std::int64_t past = 3, bool rounds = true)
      : graph_(graph), language_(language), terms_(graph), past_(past), rounds_(rounds) {}

  const Tensor& value(egraph::ClassId id) {
    id = graph_.find(id);
    if (const auto known = values_.find(id); known != values_.end()) {
      return known->second;
    }
    Tensor made = value_of(terms_.node(id));
    return values_.emplace(id, std::move(made)).first->second;
  }

  Tensor value_of(egraph::NodeId node) {
    std::vector<const Tensor*> inputs;
    for (const egraph::ClassId child : graph_.children(node)) {
      inputs.push_back(&value(child));
    }
    return apply(node, inputs);
  }

  /// Of a random term of the class: random nodes down to `depth`, smallest terms below.
  Tensor value_of_random_term(egraph::ClassId id, int depth, std::mt19937_64& random) {
    id = graph_.find(id);
    if (depth == 0) {
      return value(id);
    }
    const auto nodes = graph_.nodes(id);
    const egraph::NodeId node = nodes[random() % nodes.size()];
    std::vector<Tensor> operands;
    for (const egraph::ClassId child : graph_.children(node)) {
      operands.push_back(value_of_random_term(child, depth - 1, random));
    }
    std::vector<const Tensor*> inputs;
    for (const Tensor& operand : operands) {
      inputs.push_back(&operand);
    }
    return apply(node, inputs);
  }

  /// Largest difference relative to the largest value of `expected`; infinite if the tensors are not of one type.
  static double difference(const Tensor& actual, const Tensor& expected) {
    if (actual.type != expected.type || actual.values.size() != expected.values.size()) {
      return std::numeric_limits<double>::infinity();
    }
    double scale = 1e-30;
    for (const double v : expected.values) {
      scale = std::max(scale, std::abs(v));
    }
    double worst = 0;
    for (std::size_t i = 0; i < expected.values.size(); ++i) {
      const double each = std::abs(actual.values[i] - expected.values[i]) / scale;
      worst = std::isnan(each) ? std::numeric_limits<double>::infinity() : std::max(worst, each);
    }
    return worst;
  }

  std::vector<Mismatch> mismatches(double tolerance) {
    std::vector<Mismatch> result;
    for (const egraph::ClassId id : graph_.classes()) {
      for (const egraph::NodeId node : graph_.nodes(id)) {
        const double off = difference(value_of(node), value(id));
        if (!(off <= tolerance)) {
          result.push_back({id, off, term_of(node) + "\n  is not " + terms_.term(id).text()});
        }
      }
    }
    return result;
  }

  void check(double tolerance) {
    for (const Mismatch& each : mismatches(tolerance)) {
      ADD_FAILURE() << each.text << "\n  they differ by " << each.difference;
    }
  }

 private:
  Tensor apply(egraph::NodeId node, const std::vector<const Tensor*>& inputs) {
    const graph::Op& op = language_.op(graph_, node);
    if (op.traits().run_time == graph::RunTime::leaf) {
      graph::TensorType type = op.leaf_type();
      std::replace(type.shape.begin(), type.shape.end(), graph::kRunTime, past_ + kRoom);  // cache, table of positions
      return reference::random_tensor<double>(type, hash128(op.leaf_name()).low, type.dtype == graph::DType::i32 ? 8 : 1);
    }
    auto result =
        reference::evaluate<double>(op, std::span<const Tensor* const>(inputs), {.past = past_, .rounds = rounds_});
    EXPECT_TRUE(result.has_value()) << op.text() << ": " << (result ? "" : result.error().message());
    return result ? std::move(*result) : Tensor{};
  }

  [[nodiscard]] std::string term_of(egraph::NodeId node) const {
    egraph::Sexpr term{std::string(graph_.text(node)), {}};
    for (const egraph::ClassId child : graph_.children(node)) {
      term.operands.push_back(terms_.term(child));
    }
    return term.text();
  }

  static constexpr std::int64_t kRoom = 13;  ///< for the rows behind the past

  const egraph::EGraph& graph_;
  const rules::Language& language_;
  egraph::SmallestTerms terms_;
  std::int64_t past_;
  bool rounds_;
  std::map<egraph::ClassId, Tensor> values_;
};

}  // namespace nntune::testing_models
