/// Dot products, the matrix product and attention: the only loops of the reference that are written for speed, because a
/// candidate is compared with them at full size.
#pragma once

#include <cstdint>
#include <span>

#include "compiler/graph/op.h"
#include "compiler/reference/tensor.h"

namespace nntune::reference {

/// sum of x[k] * y[k], in 16 partial sums so that it vectorises without reordering by the compiler.
template <class T>
[[nodiscard]] T dot(const T* x, const T* y, std::int64_t count);

/// x w^T for x: [m, K], w: [N, K]; f32[m, N].
template <class T>
[[nodiscard]] HostTensor<T> multiply(const HostTensor<T>& x, const HostTensor<T>& w);

/// Causal attention of q: [m, heads*d] over the caches k, v: [kv_heads, capacity, d]; row i sees positions 0 .. past+i.
/// f32[m, heads*d]
template <class T>
[[nodiscard]] HostTensor<T> attend(const HostTensor<T>& q, const HostTensor<T>& k, const HostTensor<T>& v,
                                   std::int64_t heads, T scale, std::int64_t past);

/// The same of one row, in splits of the positions 0 .. past: the result of an attention of `splits` > 1 (graph/op.h).
template <class T>
[[nodiscard]] HostTensor<T> attend_in_splits(const HostTensor<T>& q, const HostTensor<T>& k, const HostTensor<T>& v,
                                             std::int64_t heads, T scale, std::int64_t past, std::int64_t splits);

}  // namespace nntune::reference
