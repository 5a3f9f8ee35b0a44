/// Looks for vector registers kept on the stack inside innermost loops: such code is not worth timing.
#pragma once

#include <llvm/Target/TargetMachine.h>

#include <cstddef>
#include <span>

namespace nntune::codegen {

/// Number of instructions in innermost loops of `text` that move a vector register to or from the stack.
[[nodiscard]] int count_vector_spills(std::span<const std::byte> text, const llvm::TargetMachine& machine);

}  // namespace nntune::codegen
