#include "compiler/codegen/spills.h"

#include <llvm/MC/MCAsmInfo.h>
#include <llvm/MC/MCContext.h>
#include <llvm/MC/MCDisassembler/MCDisassembler.h>
#include <llvm/MC/MCInst.h>
#include <llvm/MC/MCInstrInfo.h>
#include <llvm/MC/MCRegisterInfo.h>
#include <llvm/MC/TargetRegistry.h>

#include <algorithm>
#include <memory>
#include <string_view>
#include <vector>

namespace nntune::codegen {
namespace {

/// x86 memory operands are five: base, scale, index, displacement, segment.
bool uses_stack_and_vector(const llvm::MCInst& instruction, const llvm::MCRegisterInfo& registers) {
  bool stack = false;
  bool vector = false;
  for (const llvm::MCOperand& operand : instruction) {
    if (!operand.isReg() || operand.getReg() == 0) continue;
    const std::string_view name = registers.getName(operand.getReg());
    stack = stack || name == "RSP";
    vector = vector || name.starts_with("ZMM") || name.starts_with("YMM") || name.starts_with("XMM");
  }
  return stack && vector;
}

}  // namespace

int count_vector_spills(std::span<const std::byte> text, const llvm::TargetMachine& machine) {
  llvm::MCContext context(machine.getTargetTriple(), machine.getMCAsmInfo(), machine.getMCRegisterInfo(),
                          machine.getMCSubtargetInfo());
  const std::unique_ptr<llvm::MCDisassembler> disassembler(
      machine.getTarget().createMCDisassembler(*machine.getMCSubtargetInfo(), context));
  struct Range {
    std::uint64_t begin;
    std::uint64_t end;
  };
  std::vector<Range> loops;
  std::vector<std::uint64_t> spills;
  const llvm::ArrayRef<std::uint8_t> bytes(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  for (std::uint64_t at = 0; at < bytes.size();) {
    llvm::MCInst instruction;
    std::uint64_t size = 1;
    if (disassembler->getInstruction(instruction, size, bytes.slice(at), at, llvm::nulls()) !=
        llvm::MCDisassembler::Success) {
      at += std::max<std::uint64_t>(size, 1);
      continue;
    }
    const auto& description = machine.getMCInstrInfo()->get(instruction.getOpcode());
    if (description.isBranch() && instruction.getNumOperands() > 0 && instruction.getOperand(0).isImm()) {
      const auto target = static_cast<std::int64_t>(at + size) + instruction.getOperand(0).getImm();
      if (target >= 0 && target <= static_cast<std::int64_t>(at)) loops.push_back({static_cast<std::uint64_t>(target), at});
    }
    if (uses_stack_and_vector(instruction, *machine.getMCRegisterInfo())) spills.push_back(at);
    at += size;
  }
  const auto innermost = [&](const Range& outer) {
    return std::none_of(loops.begin(), loops.end(), [&](const Range& inner) {
      return inner.begin >= outer.begin && inner.end <= outer.end && (inner.begin != outer.begin || inner.end != outer.end);
    });
  };
  return static_cast<int>(std::count_if(spills.begin(), spills.end(), [&](std::uint64_t at) {
    return std::any_of(loops.begin(), loops.end(),
                       [&](const Range& loop) { return at >= loop.begin && at <= loop.end && innermost(loop); });
  }));
}

}  // namespace nntune::codegen
