/// A small roofline-like cost model for tests: times depend on work, bytes, unit, layout and a fixed cost per kernel.
#pragma once

#include <algorithm>
#include <functional>
#include <limits>

#include "compiler/extract/cost_model.h"

namespace nntune::testing_models {

struct SimpleCosts : extract::CostModel {
  double f32_macs_per_second = 60e9;
  double bf16_macs_per_second = 120e9;
  double dram_bytes_per_second = 20e9;
  double cache_bytes_per_second = 100e9;
  double kernel_seconds = 4e-6;
  double step_elements_per_second = 4e9;
  double best_panel = 32;
  /// Changes single costs in tests.
  std::function<double(const schedule::Workload&, double)> adjust = [](const schedule::Workload&, double s) { return s; };

  [[nodiscard]] double seconds(const schedule::Workload& w) const {
    using graph::OpKind;
    const auto dynamic_bytes = [](const graph::TensorType& type) {
      return std::find(type.shape.begin(), type.shape.end(), graph::kRunTime) == type.shape.end()
                 ? static_cast<double>(type.storage_bytes())
                 : 0.0;
    };
    double bytes = dynamic_bytes(w.output);
    for (const graph::TensorType& input : w.inputs) {
      bytes += dynamic_bytes(input);
    }
    const auto rows = static_cast<double>(w.inputs[0].shape[0]);
    const auto columns = static_cast<double>(w.inputs[0].rank() > 1 ? w.inputs[0].shape[1] : 1);
    const double steps = static_cast<double>(w.op().prologue().size()) * rows * columns / step_elements_per_second;
    double result = kernel_seconds + bytes / cache_bytes_per_second + steps;
    if (w.op().kind() == OpKind::matmul) {
      const schedule::OperandMap map = schedule::operand_map(w.op());
      const graph::TensorType& x = w.inputs[map.x];
      const graph::TensorType& weights = w.inputs[map.w];
      if (!weights.packed() || (x.packed() && !w.op().prologue().empty())) {
        return std::numeric_limits<double>::infinity();
      }
      const bool pairs = weights.lanes.size() == 2;
      const double panel = weights.lanes[0].count;
      double peak = pairs ? bf16_macs_per_second : f32_macs_per_second;
      peak *= 1 - 0.004 * std::abs(panel - best_panel);
      if (rows > 1) {
        if (x.packed()) {
          peak *= 1 - 0.01 * std::abs(x.lanes[0].count - 12);
        } else {
          result += rows * columns / step_elements_per_second;  // packs inside
        }
      }
      const double macs = rows * static_cast<double>(weights.shape[0]) * static_cast<double>(weights.shape[1]);
      result += std::max(macs / peak, static_cast<double>(weights.storage_bytes()) / dram_bytes_per_second);
      result += 0.1 * static_cast<double>(w.op().epilogue().size()) * rows * static_cast<double>(weights.shape[0]) /
                step_elements_per_second;
    } else if (w.op().kind() == OpKind::attention) {
      result += rows * columns * static_cast<double>(w.past + w.inputs[0].shape[0] / 2) / f32_macs_per_second;
    } else if (w.op().kind() == OpKind::embed) {
      result = kernel_seconds + rows * static_cast<double>(w.output.shape[1]) * 4 / cache_bytes_per_second;
    }
    return result;
  }

  [[nodiscard]] extract::Cost cost(const schedule::Workload& workload) const override {
    return {adjust(workload, seconds(workload)), extract::CostSource::estimated, 0.5};
  }
  [[nodiscard]] Expected<schedule::Schedule> schedule(const schedule::Workload&) const override {
    return schedule::Schedule{};
  }
};

}  // namespace nntune::testing_models
