#include "compiler/module/object_cache.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "compiler/kernels/family.h"

namespace nntune::module {

Expected<const codegen::ObjectCode*> ObjectCache::get(const schedule::Workload& workload, const schedule::Schedule& schedule,
                                                      const Isa& isa) {
  const Hash128 key = hash128(fmt::format("{}\n{}\n{}", workload.text(), schedule.text(), fmt::join(isa.names(), ",")));
  Entry* entry = nullptr;
  {
    const std::lock_guard lock(mutex_);
    auto& slot = entries_[key];
    if (!slot) slot = std::make_unique<Entry>();
    entry = slot.get();
  }
  std::call_once(entry->once, [&] { entry->object = compile_kernel(workload, schedule, isa); });
  if (!entry->object) return tl::unexpected<Error>(entry->object.error());
  return &*entry->object;
}

std::size_t ObjectCache::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

Expected<codegen::ObjectCode> compile_kernel(const schedule::Workload& workload, const schedule::Schedule& schedule,
                                             const Isa& isa) {
  NNTUNE_ASSIGN(const kernels::Family* family, kernels::find_family(workload));
  NNTUNE_ASSIGN(const loopir::Function function, family->build(workload, schedule, isa));
  return codegen::compile(function, isa);
}

}  // namespace nntune::module
