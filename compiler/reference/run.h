/// Runs the phases of a model by the reference evaluator, with its states: what a compiled module must agree with.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "compiler/graph/graph.h"
#include "compiler/reference/evaluate.h"

namespace nntune::reference {

/// A text of tokens that grows. T is float or double.
template <class T>
class Runner {
 public:
  /// The phase for this many rows.
  using Phases = std::function<Expected<graph::Phase>(std::int64_t rows)>;
  /// The values of a weight by the name in the graph and the layer; read once and kept.
  using Weights = std::function<Expected<std::vector<float>>(const std::string& name, std::int64_t layer)>;

  /// \param rope      the table of StepKind::rope, f32[capacity or more, head_dim]
  /// \param capacity  most tokens of the text
  Runner(Phases phases, Weights weights, HostTensor<T> rope, std::int64_t capacity);

  /// Appends `ids` (at least one) in one go; the logits of the last one, [vocab].
  /// bad_input if the text grows beyond the capacity; then nothing is appended.
  [[nodiscard]] Expected<std::vector<T>> feed(std::span<const std::int32_t> ids);

  /// Takes the most likely token `count` times, after `ids`; ends for no token.
  [[nodiscard]] Expected<std::vector<std::int32_t>> generate(std::span<const std::int32_t> ids, std::int64_t count);

  [[nodiscard]] std::int64_t past() const { return past_; }
  /// Back to an empty text; the weights stay.
  void clear();

 private:
  using States = std::map<std::pair<std::size_t, std::int64_t>, HostTensor<T>>;  ///< by number and layer

  /// What `section` reads in `layer`, states that are not there yet as zeros.
  [[nodiscard]] Expected<std::map<std::string, HostTensor<T>>> inputs_of(const graph::Section& section, std::int64_t layer,
                                                                         std::span<const std::int32_t> ids,
                                                                         const HostTensor<T>& x, States& states) const;
  [[nodiscard]] Expected<std::vector<HostTensor<T>>> run(const graph::Section& section, std::int64_t layer,
                                                         std::map<std::string, HostTensor<T>> inputs);
  [[nodiscard]] Expected<const HostTensor<T>*> weight(const graph::TensorType& type, const std::string& name,
                                                      std::int64_t layer);

  Phases phases_;
  Weights weights_;
  HostTensor<T> rope_;
  std::int64_t capacity_;
  std::int64_t past_ = 0;
  std::map<std::pair<std::string, std::int64_t>, HostTensor<T>> loaded_;
  States states_;
};

}  // namespace nntune::reference
