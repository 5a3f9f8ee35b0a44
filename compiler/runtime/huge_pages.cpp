#include "compiler/runtime/huge_pages.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <system_error>

#include "base/cgroup.h"
#include "base/huge_page_mode.h"
#include "compiler/runtime/module_file.h"

namespace nntune::runtime {
namespace {

/// Large enough that moving costs little beside copying.
constexpr std::size_t kPieceBytes = 16 * kHugePageBytes;

bool system_grants_huge_pages() {
  const std::string mode = huge_page_mode();
  return !mode.empty() && mode != "never";
}

/// Puts a copy of the piece in huge pages into its place.
bool move_piece(std::span<const std::byte> piece) {
  const std::size_t reserved = piece.size() + kHugePageBytes;
  void* const raw = ::mmap(nullptr, reserved, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (raw == MAP_FAILED) return false;
  auto* const begin = static_cast<std::byte*>(raw);
  const std::size_t before = (kHugePageBytes - reinterpret_cast<std::uintptr_t>(raw) % kHugePageBytes) % kHugePageBytes;
  std::byte* const copy = begin + before;
  if (before > 0) ::munmap(begin, before);
  if (before < kHugePageBytes) ::munmap(copy + piece.size(), kHugePageBytes - before);

  (void)::madvise(copy, piece.size(), MADV_HUGEPAGE);
  std::memcpy(copy, piece.data(), piece.size());
  // Nobody writes weights; a stray store shall fault here as it did in the file.
  const bool moved = ::mprotect(copy, piece.size(), PROT_READ) == 0 &&
                     ::mremap(copy, piece.size(), piece.size(), MREMAP_MAYMOVE | MREMAP_FIXED,
                              const_cast<std::byte*>(piece.data())) != MAP_FAILED;
  if (!moved) ::munmap(copy, piece.size());
  return moved;
}

}  // namespace

HugePages::~HugePages() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
}

void HugePages::start() {
  std::call_once(started_, [this] {
    try {
      thread_ = std::thread([this] { move_all(); });
    } catch (const std::system_error&) {
      // No more threads: the mapping stays, and whoever ran a token has it.
    }
  });
}

void HugePages::finish() {
  start();
  const std::lock_guard lock(joining_);
  if (thread_.joinable()) thread_.join();
}

void HugePages::move_all() {
  const std::size_t whole = mapped_.size() / kHugePageBytes * kHugePageBytes;
  if (whole == 0 || reinterpret_cast<std::uintptr_t>(mapped_.data()) % kHugePageBytes != 0) return;
  if (!system_grants_huge_pages()) return;
  // What is in memory now can be dropped and read again from the file; the copy cannot.
  if (available_memory_bytes() < static_cast<std::int64_t>(whole + whole / 8)) return;
  for (std::size_t at = 0; at < whole && !stop_; at += kPieceBytes) {
    const std::size_t bytes = std::min(kPieceBytes, whole - at);
    if (!move_piece(mapped_.subspan(at, bytes))) return;
    moved_ += bytes;
  }
}

}  // namespace nntune::runtime
