/// From loop nests to LLVM IR.
#pragma once

#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>

#include <memory>

#include "base/error.h"
#include "base/target.h"
#include "compiler/loopir/loopir.h"

namespace nntune::codegen {

/// Symbol of the kernel in its module.
inline constexpr const char* kEntrySymbol = "kernel";

/// One function `kernel(const KernelCall*)` (runtime/kernel_abi.h). Only instructions of `isa` are asked for by name;
/// everything else is generic vectors, which LLVM legalises. Errors: internal (loopir::verify refuses the function, or it asks for
/// an access that is not generated, e.g. a masked load of lanes that do not lie side by side), in every build.
[[nodiscard]] Expected<std::unique_ptr<llvm::Module>> lower(const loopir::Function& function, const Isa& isa,
                                                            llvm::LLVMContext& context);

}  // namespace nntune::codegen
