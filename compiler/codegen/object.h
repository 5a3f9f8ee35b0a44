/// Machine code as nntune keeps it: one flat, position-independent image, the same bytes when timed and when shipped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/hash.h"
#include "base/target.h"
#include "compiler/loopir/loopir.h"

namespace nntune::codegen {

/// Code and constants of one kernel, relocated against each other; entry at `entry` bytes from the (64-byte aligned) start.
struct ObjectCode {
  std::vector<std::byte> image;
  std::uint64_t entry = 0;
  std::int64_t scratch_bytes = 0;  ///< KernelCall::scratch, for each thread
  int vector_spills = 0;           ///< vector registers stored to and reloaded from the stack inside loops
  [[nodiscard]] Hash128 hash() const;
};

/// Compiles for exactly `isa`. Thread-safe. Errors: internal (the nest or what it is lowered to is not legal), unsupported (the code would call
/// outside itself).
[[nodiscard]] Expected<ObjectCode> compile(const loopir::Function& function, const Isa& isa);

/// The assembly of the same, for people.
[[nodiscard]] Expected<std::string> to_assembly(const loopir::Function& function, const Isa& isa);

}  // namespace nntune::codegen
