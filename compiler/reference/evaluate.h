/// The reference evaluator: what every operation of the tensor language means, written to be read.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "compiler/graph/graph.h"
#include "compiler/reference/tensor.h"

namespace nntune::reference {

struct EvalContext {
  std::int64_t past = 0;  ///< tokens in the KV cache before these rows
  bool rounds = true;  ///< false: bf16 and blocks round nothing; shows whether programs differ by more than their roundings
};

/// The result of `op` on `inputs` (in the order of graph::Op; caches as [kv_heads, capacity, d]).
///
/// Arithmetic and sums are in T, float or double; values are rounded only where a type says bf16 or blocks. Packing changes the type
/// and no value. bad_input if the types do not fit, an id is outside of the table, or the cache or the table of positions
/// is too short for past + rows.
template <class T>
[[nodiscard]] Expected<HostTensor<T>> evaluate(const graph::Op& op, std::span<const HostTensor<T>* const> inputs,
                                               EvalContext context);
template <class T>
[[nodiscard]] Expected<HostTensor<T>> evaluate(const graph::Op& op, std::span<const HostTensor<T>> inputs,
                                               EvalContext context = {});

/// `chain` on the running value `x`; `operands` are those of its steps.
template <class T>
[[nodiscard]] Expected<HostTensor<T>> evaluate_chain(const graph::Chain& chain, HostTensor<T> x,
                                                     std::span<const HostTensor<T>* const> operands, EvalContext context);

/// A weight by the name in its node; it must live as long as the evaluation.
template <class T>
using WeightLookup = std::function<Expected<const HostTensor<T>*>(const std::string& name)>;

/// The outputs of `graph`. Every run-time dimension takes the size that `inputs` have.
template <class T>
[[nodiscard]] Expected<std::vector<HostTensor<T>>> evaluate_graph(const graph::Graph& graph,
                                                                  const std::map<std::string, HostTensor<T>>& inputs,
                                                                  const WeightLookup<T>& weights, EvalContext context = {});

}  // namespace nntune::reference
