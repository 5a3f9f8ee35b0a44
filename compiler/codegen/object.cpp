#include "compiler/codegen/object.h"

#include <llvm/Analysis/AliasAnalysis.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Verifier.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Support/SmallVectorMemoryBuffer.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Target/TargetMachine.h>
#include <llvm/Transforms/Scalar/EarlyCSE.h>
#include <llvm/Transforms/Scalar/SROA.h>

#include <memory>
#include <mutex>

#include "compiler/codegen/flatten.h"
#include "compiler/codegen/lower.h"
#include "compiler/codegen/spills.h"

namespace nntune::codegen {
namespace {

constexpr const char* kTriple = "x86_64-unknown-linux-gnu";

void initialise_llvm() {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    LLVMInitializeX86AsmParser();
    LLVMInitializeX86Disassembler();
  });
}

std::string feature_string(const Isa& isa) {
  std::string features;
  for (const std::string& name : isa.names()) features += (features.empty() ? "+" : ",+") + name;
  return features;
}

/// Target machines are costly to make and not thread-safe: one a thread and feature set.
Expected<llvm::TargetMachine*> machine_for(const Isa& isa) {
  thread_local std::string cached_features = "none yet";
  thread_local std::unique_ptr<llvm::TargetMachine> cached;
  const std::string features = feature_string(isa);
  if (features == cached_features) return cached.get();
  initialise_llvm();
  std::string error;
  const llvm::Target* target = llvm::TargetRegistry::lookupTarget(kTriple, error);
  if (target == nullptr)
    return fail(ErrorKind::internal, "LLVM has no x86 backend: " + error, "install llvm with the X86 target");
  // A generic CPU plus the probed features: host names lie on virtual machines.
  cached.reset(target->createTargetMachine(kTriple, "x86-64", features, llvm::TargetOptions(), llvm::Reloc::PIC_,
                                           llvm::CodeModel::Small, llvm::CodeGenOptLevel::Default));
  cached_features = features;
  return cached.get();
}

/// Promotes the register tiles and shares address arithmetic; the rest of the middle end costs time and gains nothing.
void promote_registers(llvm::Module& module) {
  llvm::PassBuilder passes;
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager call_graphs;
  llvm::ModuleAnalysisManager modules;
  passes.registerModuleAnalyses(modules);
  passes.registerCGSCCAnalyses(call_graphs);
  passes.registerFunctionAnalyses(functions);
  passes.registerLoopAnalyses(loops);
  passes.crossRegisterProxies(loops, functions, call_graphs, modules);
  llvm::FunctionPassManager manager;
  manager.addPass(llvm::SROAPass(llvm::SROAOptions::PreserveCFG));
  manager.addPass(llvm::EarlyCSEPass(false));
  for (llvm::Function& function : module) {
    if (!function.isDeclaration()) manager.run(function, functions);
  }
}

/// A lowered module that is ready for the back end. The context must outlive it.
Expected<std::unique_ptr<llvm::Module>> prepare(const loopir::Function& function, const Isa& isa, llvm::LLVMContext& context,
                                                llvm::TargetMachine& machine) {
  NNTUNE_ASSIGN(std::unique_ptr<llvm::Module> module, lower(function, isa, context));
  module->setTargetTriple(kTriple);
  module->setDataLayout(machine.createDataLayout());
  std::string problem;
  llvm::raw_string_ostream stream(problem);
  if (llvm::verifyModule(*module, &stream)) {
    return fail(ErrorKind::internal, "the lowering of " + function.name + " gave invalid LLVM IR: " + problem,
                "please report this with the workload");
  }
  promote_registers(*module);
  return module;
}

Expected<llvm::SmallVector<char, 0>> emit(llvm::Module& module, llvm::TargetMachine& machine, llvm::CodeGenFileType type) {
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager manager;
  if (machine.addPassesToEmitFile(manager, stream, nullptr, type, /*DisableVerify=*/true)) {
    return fail(ErrorKind::internal, "LLVM cannot emit this kind of file");
  }
  manager.run(module);
  return bytes;
}

}  // namespace

Hash128 ObjectCode::hash() const { return hash128(std::span<const std::byte>(image)); }

Expected<ObjectCode> compile(const loopir::Function& function, const Isa& isa) {
  NNTUNE_ASSIGN(llvm::TargetMachine * machine, machine_for(isa));
  llvm::LLVMContext context;
  NNTUNE_ASSIGN(const std::unique_ptr<llvm::Module> module, prepare(function, isa, context, *machine));
  NNTUNE_ASSIGN(const auto object, emit(*module, *machine, llvm::CodeGenFileType::ObjectFile));
  NNTUNE_ASSIGN(FlatImage image, flatten({llvm::StringRef(object.data(), object.size()), function.name}, kEntrySymbol));
  ObjectCode code;
  code.vector_spills = count_vector_spills(std::span(image.bytes).first(image.text_bytes), *machine);
  code.image = std::move(image.bytes);
  code.entry = image.entry;
  code.scratch_bytes = function.scratch_bytes();
  return code;
}

Expected<std::string> to_assembly(const loopir::Function& function, const Isa& isa) {
  NNTUNE_ASSIGN(llvm::TargetMachine * machine, machine_for(isa));
  llvm::LLVMContext context;
  NNTUNE_ASSIGN(const std::unique_ptr<llvm::Module> module, prepare(function, isa, context, *machine));
  NNTUNE_ASSIGN(const auto bytes, emit(*module, *machine, llvm::CodeGenFileType::AssemblyFile));
  return std::string(bytes.data(), bytes.size());
}

}  // namespace nntune::codegen
