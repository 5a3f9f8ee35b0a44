/// From a program and a model's weights to a module, on disk or in memory.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/target.h"
#include "compiler/extract/cost_model.h"
#include "compiler/extract/program.h"
#include "compiler/import/model.h"
#include "compiler/module/object_cache.h"
#include "compiler/runtime/module.h"
#include "compiler/runtime/plan.h"

namespace nntune::module {

/// Everything of a module but the weights' values.
struct CompiledProgram {
  runtime::Plan plan;  ///< complete
  std::vector<std::byte> code;
  std::vector<extract::StoredWeight> weights;
  std::size_t weight_bytes = 0;
};

/// Compiles each distinct workload with the schedule that `costs` has for it, on all cores. The same program and schedules
/// give the same result, byte for byte.
[[nodiscard]] Expected<CompiledProgram> compile_program(const extract::Program& program, const import::Model& model,
                                                        graph::DType dtype, const extract::CostModel& costs, const Isa& isa,
                                                        ObjectCache& cache);

/// io if the disk of `path` has not `bytes` free: for those who would else find out after long work.
[[nodiscard]] Status check_disk_space(const std::filesystem::path& path, double bytes);

/// The least that any module of this model takes on disk: each weight once.
[[nodiscard]] double least_module_bytes(const import::ModelConfig& config, graph::DType dtype);

/// Packs the weights and writes `path`, atomically. Whether the disk has room is looked at first.
[[nodiscard]] Status write_module(const std::filesystem::path& path, const CompiledProgram& compiled,
                                  const import::Model& model, int threads);

/// Packs the weights into memory and loads the module.
[[nodiscard]] Expected<std::shared_ptr<const runtime::Module>> make_module(const CompiledProgram& compiled,
                                                                           const import::Model& model);

}  // namespace nntune::module
