#include "compiler/module/build.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/json.h"
#include "base/parallel/parallel_for.h"
#include "compiler/module/lower.h"
#include "compiler/module/pack.h"
#include "compiler/runtime/memory.h"
#include "compiler/runtime/module_file.h"

namespace nntune::module {
namespace {

constexpr std::size_t kImageAlignment = 64;

/// What is known of one kernel after compiling.
struct Compiled {
  Expected<const codegen::ObjectCode*> object = nullptr;
  schedule::Schedule schedule;
  bool tuned = false;
};

Compiled compile_one(const schedule::Workload& workload, const extract::CostModel& costs, const Isa& isa,
                     ObjectCache& cache) {
  Compiled result;
  auto schedule = costs.schedule(workload);
  if (!schedule) {
    result.object = tl::unexpected<Error>(schedule.error());
    return result;
  }
  result.schedule = *std::move(schedule);
  result.tuned = costs.cost(workload).source == extract::CostSource::measured;
  result.object = cache.get(workload, result.schedule, isa);
  return result;
}

}  // namespace

Expected<CompiledProgram> compile_program(const extract::Program& program, const import::Model& model, graph::DType dtype,
                                          const extract::CostModel& costs, const Isa& isa, ObjectCache& cache) {
  const WeightLayout layout = lay_out_weights(program.weights);
  CompiledProgram result;
  NNTUNE_ASSIGN(result.plan, lower(program, model, dtype, layout));
  result.plan.isa = isa.names();
  result.weights = program.weights;
  result.weight_bytes = layout.bytes;

  const std::vector<schedule::Workload> workloads = distinct_workloads(program);
  std::vector<Compiled> compiled(workloads.size());
  parallel_for(workloads.size(), [&](std::size_t i) { compiled[i] = compile_one(workloads[i], costs, isa, cache); });
  for (std::size_t i = 0; i < workloads.size(); ++i) {
    if (!compiled[i].object) {
      Error error = compiled[i].object.error();
      error.what = workloads[i].text() + ": " + error.what;
      return tl::unexpected<Error>(std::move(error));
    }
    const codegen::ObjectCode& object = **compiled[i].object;
    result.code.resize((result.code.size() + kImageAlignment - 1) / kImageAlignment * kImageAlignment);
    runtime::Kernel& kernel = result.plan.kernels[i];
    kernel.schedule = compiled[i].schedule.text();
    kernel.tuned = compiled[i].tuned;
    kernel.image_offset = result.code.size();
    kernel.image_bytes = object.image.size();
    kernel.entry = object.entry;
    kernel.scratch_bytes = object.scratch_bytes;
    result.code.insert(result.code.end(), object.image.begin(), object.image.end());
  }
  if (const Status valid = result.plan.validate(result.code.size(), result.weight_bytes); !valid) {
    return fail(ErrorKind::internal, valid.error().what, "this is a bug of nntune, please report it");
  }
  return result;
}

Status check_disk_space(const std::filesystem::path& path, double bytes) {
  std::error_code unknown;
  const auto space = std::filesystem::space(path.has_parent_path() ? path.parent_path() : ".", unknown);
  if (unknown || static_cast<double>(space.available) >= bytes) return {};  // if it is not told, writing will tell
  return fail(ErrorKind::io,
              fmt::format("{} takes {}, and its disk has {} free", path.string(), format_bytes(bytes),
                          format_bytes(static_cast<double>(space.available))),
              "free some space or choose another folder");
}

double least_module_bytes(const import::ModelConfig& config, graph::DType dtype) {
  return static_cast<double>(import::parameter_count(config)) * static_cast<double>(graph::size_bytes(dtype));
}

Status write_module(const std::filesystem::path& path, const CompiledProgram& compiled, const import::Model& model,
                    int threads) {
  const std::string manifest = compiled.plan.to_json().dump();
  const runtime::ModuleParts parts{
      .manifest = manifest, .code = compiled.code, .tokenizer = model.tokenizer_json, .weights = {}};
  const auto fill = [&](std::span<std::byte> memory) {
    const WeightLayout layout = lay_out_weights(compiled.weights);
    return pack_weights(compiled.weights, layout, *model.weights, memory);
  };
  NNTUNE_TRY(check_disk_space(path, static_cast<double>(compiled.weight_bytes + compiled.code.size())));
  return runtime::write_module_file(path, parts, compiled.weight_bytes, fill, threads);
}

Expected<std::shared_ptr<const runtime::Module>> make_module(const CompiledProgram& compiled, const import::Model& model) {
  NNTUNE_ASSIGN(runtime::Memory memory, runtime::Memory::allocate(compiled.weight_bytes, "the weights"));
  const WeightLayout layout = lay_out_weights(compiled.weights);
  NNTUNE_TRY(pack_weights(compiled.weights, layout, *model.weights, memory.bytes()));
  return runtime::Module::from_memory(compiled.plan, compiled.code, model.tokenizer_json, std::move(memory));
}

}  // namespace nntune::module
