/// From an ELF object to a flat image: a linker for code that calls nothing.
#pragma once

#include <llvm/Support/MemoryBufferRef.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/error.h"

namespace nntune::codegen {

struct FlatImage {
  std::vector<std::byte> bytes;
  std::uint64_t entry = 0;
  std::uint64_t text_bytes = 0;  ///< code; constants follow
};

/// Lays the allocated sections behind each other (text first) and resolves the relocations between them. All are
/// PC-relative, so the image runs at any 64-byte aligned address. Errors: unsupported (a call to the outside, another relocation).
[[nodiscard]] Expected<FlatImage> flatten(llvm::MemoryBufferRef object, const char* entry_symbol);

}  // namespace nntune::codegen
