/// Machine code by content: the same workload, schedule and CPU features are compiled once in a process.
#pragma once

#include <memory>
#include <mutex>
#include <unordered_map>

#include "base/error.h"
#include "base/hash.h"
#include "base/target.h"
#include "compiler/codegen/object.h"
#include "compiler/schedule/schedule.h"
#include "compiler/schedule/workload.h"

namespace nntune::module {

class ObjectCache {
 public:
  /// Thread-safe; different kernels compile at the same time. The object lives as long as the cache.
  [[nodiscard]] Expected<const codegen::ObjectCode*> get(const schedule::Workload& workload,
                                                         const schedule::Schedule& schedule, const Isa& isa);
  /// Kernels compiled so far.
  [[nodiscard]] std::size_t size() const;

 private:
  struct Entry {
    std::once_flag once;
    Expected<codegen::ObjectCode> object = codegen::ObjectCode{};
  };
  mutable std::mutex mutex_;  ///< guards the map; an entry is filled outside it, once
  std::unordered_map<Hash128, std::unique_ptr<Entry>> entries_;
};

/// Generates the code of one kernel: family, loop nest, machine code.
[[nodiscard]] Expected<codegen::ObjectCode> compile_kernel(const schedule::Workload& workload,
                                                           const schedule::Schedule& schedule, const Isa& isa);

}  // namespace nntune::module
