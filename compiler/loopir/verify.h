/// Whether a function is a legal kernel: asked in every build, before it becomes code.
#pragma once

#include "base/error.h"
#include "compiler/loopir/loopir.h"

namespace nntune::loopir {

/// Walks the nest once. Refused (ErrorKind::internal, with the reason) are:
/// - what the construction has refused (Function::refuse), e.g. a primitive that found no loop;
/// - accesses of another rank than their buffer's, to operands or scratch that the function does not have;
/// - values of the wrong type, variables outside their loop or let, loops longer than their variable says;
/// - unrolled or vectorised loops without a constant extent, loops inside a vectorised one, parallel loops inside each other;
/// - stores to an operand that every thread would do: outside parallel loops, or at an index that is the same in each
///   iteration of one. (Two iterations at one index of another kind are found only when the kernel runs.)
[[nodiscard]] Status verify(const Function& function);

}  // namespace nntune::loopir
