/// Checks an e-graph of the tensor language by the reference evaluator: every node of a class must have the same value.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
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

  ClassValues(const egraph::EGraph& graph, const rules::Language& language, std::int64_t past = 3)
      : graph_(graph), language_(language), terms_(graph), past_(past) {}

  const Tensor& value(egraph::ClassId id) {
    id = graph_.find(id);
    if (const auto known = values_.find(id); known != values_.end()) {
      return known->second;
    }
    Tensor made = value_of(terms_.node(id));
    return values_.emplace(id, std::move(made)).first->second;
  }

  Tensor value_of(egraph::NodeId node) {
    const graph::Op& op = language_.op(graph_, node);
    if (op.kind == graph::OpKind::input || op.kind == graph::OpKind::weight) {
      graph::TensorType type = op.type;
      std::replace(type.shape.begin(), type.shape.end(), graph::kRunTime, past_ + kRoom);  // cache, table of positions
      return reference::random_tensor<double>(type, hash128(op.name).low, type.dtype == graph::DType::i32 ? 8 : 1);
    }
    std::vector<const Tensor*> inputs;
    for (const egraph::ClassId child : graph_.children(node)) {
      inputs.push_back(&value(child));
    }
    auto result = reference::evaluate<double>(op, std::span<const Tensor* const>(inputs), {.past = past_});
    EXPECT_TRUE(result.has_value()) << op.text() << ": " << (result ? "" : result.error().message());
    return result ? std::move(*result) : Tensor{};
  }

  /// Largest difference between nodes of a class, relative to the largest value in it; reports classes above `tolerance`.
  double check(double tolerance) {
    double worst = 0;
    for (const egraph::ClassId id : graph_.classes()) {
      const Tensor& expected = value(id);
      double scale = 1e-30;
      for (const double v : expected.values) {
        scale = std::max(scale, std::abs(v));
      }
      for (const egraph::NodeId node : graph_.nodes(id)) {
        const Tensor actual = value_of(node);
        EXPECT_EQ(actual.values.size(), expected.values.size()) << graph_.text(node);
        double difference = 0;
        for (std::size_t i = 0; i < std::min(actual.values.size(), expected.values.size()); ++i) {
          difference = std::max(difference, std::abs(actual.values[i] - expected.values[i]) / scale);
        }
        EXPECT_LE(difference, tolerance) << graph_.text(node) << " is not " << terms_.term(id).text();
        worst = std::max(worst, difference);
      }
    }
    return worst;
  }

 private:
  static constexpr std::int64_t kRoom = 13;  ///< for the rows behind the past

  const egraph::EGraph& graph_;
  const rules::Language& language_;
  egraph::SmallestTerms terms_;
  std::int64_t past_;
  std::map<egraph::ClassId, Tensor> values_;
};

}  // namespace nntune::testing_models
