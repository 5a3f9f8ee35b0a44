#include "compiler/runtime/module.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/json.h"

namespace nntune::runtime {

Status check_isa(const std::vector<std::string>& needed, const Isa& have) {
  const std::vector<std::string> names = have.names();
  std::vector<std::string> missing;
  std::ranges::copy_if(needed, std::back_inserter(missing),
                       [&](const std::string& name) { return std::ranges::find(names, name) == names.end(); });
  if (missing.empty()) return {};
  return fail(ErrorKind::unsupported,
              fmt::format("this module was compiled for a CPU with {}, which this one lacks", fmt::join(missing, ", ")),
              "compile the model on this machine");
}

Expected<std::shared_ptr<const Module>> Module::open(const std::filesystem::path& path, int threads) {
  NNTUNE_ASSIGN(ModuleFile file, ModuleFile::open(path, threads));
  const ModuleParts parts = file.parts();
  NNTUNE_ASSIGN(const Json manifest, parse_json(parts.manifest, path.string() + " (manifest)"));
  std::shared_ptr<Module> module(new Module);
  NNTUNE_ASSIGN(module->plan_, Plan::from_json(manifest, parts.code.size(), parts.weights.size()));
  module->tokenizer_ = parts.tokenizer;
  module->weights_ = parts.weights;
  module->storage_ = std::move(file);
  module->huge_pages_ = std::make_unique<HugePages>(module->weights_);
  NNTUNE_TRY(module->load(parts.code));
  return module;
}

Expected<std::shared_ptr<const Module>> Module::from_memory(Plan plan, std::span<const std::byte> code,
                                                            std::string tokenizer, Memory weights) {
  NNTUNE_TRY(plan.validate(code.size(), weights.size()));
  std::shared_ptr<Module> module(new Module);
  module->plan_ = std::move(plan);
  module->tokenizer_ = std::move(tokenizer);
  module->weights_ = weights.bytes();
  module->storage_ = std::move(weights);
  NNTUNE_TRY(module->load(code));
  return module;
}

void Module::use_huge_pages() const {
  if (huge_pages_) huge_pages_->start();
}

void Module::wait_for_huge_pages() const {
  if (huge_pages_) huge_pages_->finish();
}

bool Module::exchange_pages(const Module& other) const {
  const auto* const mine = std::get_if<Memory>(&storage_);
  const auto* const others = std::get_if<Memory>(&other.storage_);
  return mine != nullptr && others != nullptr && mine->exchange_pages(*others);
}

Status Module::load(std::span<const std::byte> code) {
  NNTUNE_ASSIGN(const Target here, probe_target());
  NNTUNE_TRY(check_isa(plan_.isa, here.isa));
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::size_t> loaded;  // two kernels may share an image
  for (const Kernel& kernel : plan_.kernels) {
    const auto [found, fresh] = loaded.try_emplace({kernel.image_offset, kernel.image_bytes}, code_.size());
    if (fresh) {
      NNTUNE_ASSIGN(LoadedCode image, LoadedCode::load(code.subspan(kernel.image_offset, kernel.image_bytes)));
      code_.push_back(std::move(image));
    }
    entries_.push_back(code_[found->second].entry(kernel.entry));
  }
  return {};
}

}  // namespace nntune::runtime
