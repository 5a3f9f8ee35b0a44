/// How each matmul of a program gets its input: as plain rows, or packed, and then by whom.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "compiler/extract/program.h"

namespace nntune::extract {

enum class InputLayout {
  plain,              ///< the kernel reads rows as they lie
  packed_by_maker,    ///< the kernel that computes the values writes them packed
  packed_by_a_kernel  ///< a kernel that does nothing else packs them
};

struct MatmulInput {
  std::size_t step = 0;                ///< the matmul, in SectionProgram::steps
  std::optional<std::size_t> maker{};  ///< the step that wrote what it reads; none: an input of the section
  InputLayout layout = InputLayout::plain;
  /// packed_by_a_kernel: the values come from another matmul or from attention.
  bool between_matmuls = false;
};

/// One for each matmul, in execution order.
[[nodiscard]] std::vector<MatmulInput> matmul_inputs(const SectionProgram& section);

}  // namespace nntune::extract
