/// A module that is ready to run: its plan, its code in executable memory, its weights.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/target.h"
#include "compiler/runtime/code.h"
#include "compiler/runtime/huge_pages.h"
#include "compiler/runtime/memory.h"
#include "compiler/runtime/module_file.h"
#include "compiler/runtime/plan.h"

namespace nntune::runtime {

class Module {
 public:
  /// From a file, all of it verified, with the help of `threads` threads.
  [[nodiscard]] static Expected<std::shared_ptr<const Module>> open(const std::filesystem::path& path, int threads);
  /// From memory, as it is made for a search or `nntune run NAME`.
  [[nodiscard]] static Expected<std::shared_ptr<const Module>> from_memory(Plan plan, std::span<const std::byte> code,
                                                                           std::string tokenizer, Memory weights);

  [[nodiscard]] const Plan& plan() const { return plan_; }
  [[nodiscard]] KernelFn kernel(std::size_t index) const { return entries_[index]; }
  [[nodiscard]] std::span<const std::byte> weights() const { return weights_; }
  /// Begins to move the weights of a module file to huge pages, in the background; of others they are there. A session does
  /// so after its first run. Thread-safe.
  void use_huge_pages() const;
  /// Waits until that is done, so that what is measured from now on is measured as it will stay.
  void wait_for_huge_pages() const;
  /// Lets the weights of this and `other` lie in each other's pages, see Memory::exchange_pages. False as well for modules of files.
  [[nodiscard]] bool exchange_pages(const Module& other) const;

  /// The tokenizer of the model as compiler/module stored it, "" if it has none.
  [[nodiscard]] const std::string& tokenizer() const { return tokenizer_; }

 private:
  Module() = default;
  [[nodiscard]] Status load(std::span<const std::byte> code);

  std::variant<std::monostate, ModuleFile, Memory> storage_;
  Plan plan_;
  std::vector<LoadedCode> code_;
  std::vector<KernelFn> entries_;
  std::span<const std::byte> weights_;
  std::string tokenizer_;
  std::unique_ptr<HugePages> huge_pages_;  ///< last: stops before the mapping goes
};

/// Fine if `have` has every feature in `needed` (names of base/target.h), else unsupported, naming what is missing.
[[nodiscard]] Status check_isa(const std::vector<std::string>& needed, const Isa& have);

}  // namespace nntune::runtime
