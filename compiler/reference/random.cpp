#include "compiler/reference/random.h"

#include <algorithm>
#include <cmath>

namespace nntune::reference {
namespace {

/// The finaliser of SplitMix64 (Steele et al., OOPSLA 2014): every counter gives an independent number.
std::uint64_t mix(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15U;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
  return x ^ (x >> 31);
}

}  // namespace

template <class T>
HostTensor<T> random_tensor(const graph::TensorType& type, std::uint64_t seed, double amplitude) {
  HostTensor<T> tensor(type);
  const std::uint64_t start = mix(seed);
  for (std::size_t i = 0; i < tensor.values.size(); ++i) {
    const double unit = static_cast<double>(mix(start + i) >> 11) * 0x1p-53;  // [0, 1)
    if (type.dtype == graph::DType::i8 && type.block == 0) {
      tensor.values[i] = static_cast<T>(std::round((2 * unit - 1) * 127 * std::min(amplitude, 1.0)));
      continue;
    }
    tensor.values[i] = type.dtype == graph::DType::i32
                           ? static_cast<T>(std::floor(unit * amplitude))
                           : round_to(type.dtype, static_cast<T>(static_cast<float>((2 * unit - 1) * amplitude)));
  }
  round_values(tensor);
  return tensor;
}

template HostTensor<float> random_tensor<float>(const graph::TensorType&, std::uint64_t, double);
template HostTensor<double> random_tensor<double>(const graph::TensorType&, std::uint64_t, double);

}  // namespace nntune::reference
