#include "compiler/reference/linear.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <span>

namespace nntune::reference {
namespace {

constexpr std::int64_t kLanes = 16;
/// Rows of w that stay in the cache while all rows of x pass.
constexpr std::int64_t kBlock = 64;

template <class T>
T sum_lanes(const T* lanes) {
  T total = 0;
  for (std::int64_t l = 0; l < kLanes; ++l) total += lanes[l];
  return total;
}

/// out[j] = x . (row j of four rows of w), each in kLanes partial sums.
template <class T>
void dot4(const T* x, const T* w, std::int64_t count, T* out) {
  T s0[kLanes] = {}, s1[kLanes] = {}, s2[kLanes] = {}, s3[kLanes] = {};
  const T *w0 = w, *w1 = w + count, *w2 = w + 2 * count, *w3 = w + 3 * count;
  std::int64_t k = 0;
  for (; k + kLanes <= count; k += kLanes) {
    for (std::int64_t l = 0; l < kLanes; ++l) s0[l] += x[k + l] * w0[k + l];
    for (std::int64_t l = 0; l < kLanes; ++l) s1[l] += x[k + l] * w1[k + l];
    for (std::int64_t l = 0; l < kLanes; ++l) s2[l] += x[k + l] * w2[k + l];
    for (std::int64_t l = 0; l < kLanes; ++l) s3[l] += x[k + l] * w3[k + l];
  }
  out[0] = sum_lanes(s0);
  out[1] = sum_lanes(s1);
  out[2] = sum_lanes(s2);
  out[3] = sum_lanes(s3);
  for (; k < count; ++k) {
    out[0] += x[k] * w0[k];
    out[1] += x[k] * w1[k];
    out[2] += x[k] * w2[k];
    out[3] += x[k] * w3[k];
  }
}

/// Turns scores into probabilities, in place; gives log2 of the sum of their exponentials.
template <class T>
T softmax(std::span<T> scores) {
  if (scores.empty()) return static_cast<T>(graph::kNoPositions);
  const T largest = *std::ranges::max_element(scores);
  T total = 0;
  for (T& score : scores) total += score = std::exp(score - largest);
  for (T& score : scores) score /= total;
  return largest * std::numbers::log2e_v<T> + std::log2(total);
}

/// One head of one row: result[d] += softmax(scale * query k^T) v over `scores.size()` positions that start at row `first` of
/// the caches; gives log2 of the sum of exponentials.
template <class T>
T attend_row(const T* query, const HostTensor<T>& k, const HostTensor<T>& v, std::int64_t first, T scale, T* result,
             std::span<T> scores) {
  const std::int64_t d = k.type.shape[2];
  for (std::size_t p = 0; p < scores.size(); ++p) {
    scores[p] = dot(query, k.row(first + static_cast<std::int64_t>(p)), d) * scale;
  }
  const T log_sum = softmax(scores);
  for (std::size_t p = 0; p < scores.size(); ++p) {
    const T* value = v.row(first + static_cast<std::int64_t>(p));
    for (std::int64_t c = 0; c < d; ++c) result[c] += scores[p] * value[c];
  }
  return log_sum;
}

}  // namespace

template <class T>
T dot(const T* x, const T* y, std::int64_t count) {
  T lanes[kLanes] = {};
  std::int64_t k = 0;
  for (; k + kLanes <= count; k += kLanes) {
    for (std::int64_t l = 0; l < kLanes; ++l) lanes[l] += x[k + l] * y[k + l];
  }
  T total = sum_lanes(lanes);
  for (; k < count; ++k) total += x[k] * y[k];
  return total;
}

template <class T>
HostTensor<T> multiply(const HostTensor<T>& x, const HostTensor<T>& w) {
  const std::int64_t m = x.rows();
  const std::int64_t n = w.rows();
  const std::int64_t k = x.columns();
  HostTensor<T> out(graph::TensorType{graph::DType::f32, {m, n}, {}});
  for (std::int64_t block = 0; block < n; block += kBlock) {
    const std::int64_t end = std::min(n, block + kBlock);
    for (std::int64_t i = 0; i < m; ++i) {
      std::int64_t j = block;
      for (; j + 4 <= end; j += 4) dot4(x.row(i), w.row(j), k, out.row(i) + j);
      for (; j < end; ++j) out.row(i)[j] = dot(x.row(i), w.row(j), k);
    }
  }
  return out;
}

template <class T>
HostTensor<T> attend(const HostTensor<T>& q, const HostTensor<T>& k, const HostTensor<T>& v, std::int64_t heads, T scale,
                     std::int64_t past) {
  const std::int64_t m = q.rows();
  const std::int64_t kv_heads = k.type.shape[0];
  const std::int64_t capacity = k.type.shape[1];
  const std::int64_t d = k.type.shape[2];
  HostTensor<T> out(graph::TensorType{graph::DType::f32, {m, heads * d}, {}});
  std::vector<T> scores(static_cast<std::size_t>(past + m));
  for (std::int64_t head = 0; head < heads; ++head) {
    const std::int64_t first = head * kv_heads / heads * capacity;  // row of position 0 in the caches
    for (std::int64_t i = 0; i < m; ++i) {
      const auto visible = std::span(scores).first(static_cast<std::size_t>(past + i + 1));
      attend_row(q.row(i) + head * d, k, v, first, scale, out.row(i) + head * d, visible);
    }
  }
  return out;
}

template <class T>
HostTensor<T> attend_in_splits(const HostTensor<T>& q, const HostTensor<T>& k, const HostTensor<T>& v, std::int64_t heads,
                               T scale, std::int64_t past, std::int64_t splits) {
  const std::int64_t kv_heads = k.type.shape[0];
  const std::int64_t capacity = k.type.shape[1];
  const std::int64_t d = k.type.shape[2];
  const std::int64_t blocks = past / graph::kSplitBlock + 1;
  HostTensor<T> out(graph::TensorType{graph::DType::f32, {1, splits * heads * (d + 1)}, {}});
  std::vector<T> scores(static_cast<std::size_t>(past + 1));
  for (std::int64_t s = 0; s < splits; ++s) {
    const std::int64_t begin = s * blocks / splits * graph::kSplitBlock;
    const std::int64_t end = std::min(past + 1, (s + 1) * blocks / splits * graph::kSplitBlock);
    for (std::int64_t head = 0; head < heads; ++head) {
      const std::int64_t first = head * kv_heads / heads * capacity + begin;
      out.row(0)[splits * heads * d + s * heads + head] =
          attend_row(q.row(0) + head * d, k, v, first, scale, out.row(0) + (s * heads + head) * d,
                     std::span(scores).first(static_cast<std::size_t>(end - begin)));
    }
  }
  return out;
}

#define NNTUNE_INSTANTIATE(T)                                                                                         \
  template T dot<T>(const T*, const T*, std::int64_t);                                                                \
  template HostTensor<T> multiply<T>(const HostTensor<T>&, const HostTensor<T>&);                                     \
  template HostTensor<T> attend<T>(const HostTensor<T>&, const HostTensor<T>&, const HostTensor<T>&, std::int64_t, T, \
                                   std::int64_t);                                                                     \
  template HostTensor<T> attend_in_splits<T>(const HostTensor<T>&, const HostTensor<T>&, const HostTensor<T>&,        \
                                             std::int64_t, T, std::int64_t, std::int64_t);
NNTUNE_INSTANTIATE(float)
NNTUNE_INSTANTIATE(double)
#undef NNTUNE_INSTANTIATE

}  // namespace nntune::reference
