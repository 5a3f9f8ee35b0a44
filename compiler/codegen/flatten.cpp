#include "compiler/codegen/flatten.h"

#include <fmt/format.h>
#include <llvm/BinaryFormat/ELF.h>
#include <llvm/Object/ELFObjectFile.h>

#include <cstring>
#include <map>

namespace nntune::codegen {
namespace {

constexpr std::uint64_t kAlignment = 64;

tl::unexpected<Error> refuse(const std::string& why) {
  return fail(ErrorKind::unsupported, "kernel cannot be linked: " + why);
}

std::string to_text(llvm::Error error) { return llvm::toString(std::move(error)); }

}  // namespace

Expected<FlatImage> flatten(llvm::MemoryBufferRef object, const char* entry_symbol) {
  auto parsed = llvm::object::ObjectFile::createELFObjectFile(object);
  if (!parsed) return refuse(to_text(parsed.takeError()));
  const auto* elf = llvm::dyn_cast<llvm::object::ELF64LEObjectFile>(parsed->get());
  if (elf == nullptr) return refuse("not a 64-bit ELF object");

  FlatImage image;
  std::map<std::uint64_t, std::uint64_t> offsets;  // by section index
  const auto place = [&](bool text) -> Status {
    for (const llvm::object::ELFSectionRef section : elf->sections()) {
      if ((section.getFlags() & llvm::ELF::SHF_ALLOC) == 0 || section.isText() != text || section.getSize() == 0) continue;
      if (section.getType() == llvm::ELF::SHT_X86_64_UNWIND) continue;
      auto content = section.getContents();
      if (!content) return refuse(to_text(content.takeError()));
      image.bytes.resize((image.bytes.size() + kAlignment - 1) / kAlignment * kAlignment);
      offsets[section.getIndex()] = image.bytes.size();
      const auto* data = reinterpret_cast<const std::byte*>(content->data());
      image.bytes.insert(image.bytes.end(), data, data + content->size());
    }
    return {};
  };
  NNTUNE_TRY(place(true));
  image.text_bytes = image.bytes.size();
  NNTUNE_TRY(place(false));

  for (const llvm::object::ELFSectionRef section : elf->sections()) {
    auto target = section.getRelocatedSection();
    if (!target) return refuse(to_text(target.takeError()));
    if (*target == elf->section_end() || !offsets.contains((*target)->getIndex())) continue;
    const std::uint64_t section_at = offsets[(*target)->getIndex()];
    for (const llvm::object::ELFRelocationRef relocation : section.relocations()) {
      const auto type = relocation.getType();
      if (type != llvm::ELF::R_X86_64_PC32 && type != llvm::ELF::R_X86_64_PLT32) {
        return refuse(fmt::format("relocation type {}", type));
      }
      const auto symbol = relocation.getSymbol();
      auto home = symbol->getSection();
      if (!home) return refuse(to_text(home.takeError()));
      if (*home == elf->section_end()) {
        auto name = symbol->getName();
        return refuse(fmt::format("it calls {}", name ? name->str() : to_text(name.takeError())));
      }
      const auto found = offsets.find((*home)->getIndex());
      if (found == offsets.end()) return refuse("a relocation leads outside the image");
      auto value = symbol->getValue();
      auto addend = relocation.getAddend();
      if (!value) return refuse(to_text(value.takeError()));
      if (!addend) return refuse(to_text(addend.takeError()));
      const std::uint64_t place_at = section_at + relocation.getOffset();
      const auto distance = static_cast<std::int32_t>(static_cast<std::int64_t>(found->second + *value) + *addend -
                                                      static_cast<std::int64_t>(place_at));
      if (place_at + sizeof distance > image.bytes.size()) return refuse("a relocation lies outside its section");
      std::memcpy(image.bytes.data() + place_at, &distance, sizeof distance);
    }
  }

  for (const llvm::object::ELFSymbolRef symbol : elf->symbols()) {
    auto name = symbol.getName();
    if (!name || *name != entry_symbol) continue;
    auto home = symbol.getSection();
    auto value = symbol.getValue();
    if (!home || !value || *home == elf->section_end()) break;
    image.entry = offsets[(*home)->getIndex()] + *value;
    return image;
  }
  return refuse("the entry is missing");
}

}  // namespace nntune::codegen
