#include "compiler/tokenizer/bpe.h"

#include <fmt/format.h>

#include <bit>
#include <cassert>
#include <queue>
#include <string>

namespace nntune::tokenizer {
namespace {

std::uint64_t pair_key(int left, int right) {
  return (std::uint64_t{static_cast<std::uint32_t>(left)} << 32) | static_cast<std::uint32_t>(right);
}

/// Bytes that no well-formed UTF-8 contains need no token.
bool occurs_in_utf8(unsigned byte) { return byte != 0xC0 && byte != 0xC1 && byte <= 0xF4; }

/// A token of the word under work; neighbours are indices into the same vector, -1 at the ends.
struct Symbol {
  int token;
  int previous;
  int next;
};

/// A merge that was possible when it was queued; stale once one of its symbols changed.
struct Candidate {
  std::int32_t rank;
  int left;  ///< index of the left symbol
  int left_token;
  int right_token;
  int merged;

  /// For std::priority_queue, whose top is the largest: the lowest rank, then the leftmost.
  bool operator<(const Candidate& other) const { return rank != other.rank ? rank > other.rank : left > other.left; }
};

}  // namespace

void MergeTable::reserve(std::size_t count) {
  assert(next_rank_ == 0);
  slots_.assign(std::bit_ceil(2 * count + 2), Slot{});
}

std::size_t MergeTable::slot_of(std::uint64_t pair) const {
  const std::size_t mask = slots_.size() - 1;
  // Fibonacci hashing: the product's high half depends on all bits of both ids.
  std::size_t at = static_cast<std::size_t>((pair * 0x9E3779B97F4A7C15U) >> 32) & mask;
  while (slots_[at].pair != pair && slots_[at].pair != kFree) at = (at + 1) & mask;
  return at;
}

void MergeTable::add(int left, int right, int token) {
  assert(2 * static_cast<std::size_t>(next_rank_) < slots_.size());
  Slot& slot = slots_[slot_of(pair_key(left, right))];
  slot = Slot{pair_key(left, right), Merge{next_rank_++, token}};
}

const MergeTable::Merge* MergeTable::find(int left, int right) const {
  if (slots_.empty()) return nullptr;
  const Slot& slot = slots_[slot_of(pair_key(left, right))];
  return slot.pair == kFree ? nullptr : &slot.merge;
}

Expected<Bpe> Bpe::create(const Vocabulary& vocabulary, MergeTable merges) {
  std::array<std::int32_t, 256> byte_tokens{};
  for (unsigned byte = 0; byte < 256; ++byte) {
    const char character = static_cast<char>(static_cast<unsigned char>(byte));
    const auto token = vocabulary.find(std::string_view(&character, 1));
    if (!token && occurs_in_utf8(byte)) {
      return fail(ErrorKind::unsupported, fmt::format("byte 0x{:02X} has no token, so not every text can be encoded", byte),
                  "use a tokenizer with byte-level BPE");
    }
    byte_tokens[byte] = token.value_or(-1);
  }
  return Bpe(byte_tokens, std::move(merges));
}

void Bpe::encode(std::string_view word, std::vector<int>& ids) const {
  std::vector<Symbol> symbols;
  symbols.reserve(word.size());
  for (std::size_t i = 0; i < word.size(); ++i) {
    const int token = byte_tokens_[static_cast<unsigned char>(word[i])];
    assert(token >= 0);
    symbols.push_back({token, static_cast<int>(i) - 1, i + 1 < word.size() ? static_cast<int>(i) + 1 : -1});
  }
  const auto symbol = [&](int i) -> Symbol& { return symbols[static_cast<std::size_t>(i)]; };

  std::priority_queue<Candidate> queue;
  const auto consider = [&](int left) {
    if (left < 0 || symbol(left).next < 0) return;
    const int left_token = symbol(left).token;
    const int right_token = symbol(symbol(left).next).token;
    if (const auto* merge = merges_.find(left_token, right_token)) {
      queue.push({merge->rank, left, left_token, right_token, merge->token});
    }
  };
  for (std::size_t i = 0; i < symbols.size(); ++i) consider(static_cast<int>(i));

  while (!queue.empty()) {
    const Candidate best = queue.top();
    queue.pop();
    Symbol& left = symbol(best.left);
    // A symbol that was merged into its left neighbour has token -1, so it matches no candidate.
    if (left.token != best.left_token || left.next < 0 || symbol(left.next).token != best.right_token) continue;
    Symbol& right = symbol(left.next);
    left.token = best.merged;
    left.next = right.next;
    right.token = -1;
    if (left.next >= 0) symbol(left.next).previous = best.left;
    consider(left.previous);
    consider(best.left);
  }
  for (const Symbol& rest : symbols) {
    if (rest.token >= 0) ids.push_back(rest.token);
  }
}

}  // namespace nntune::tokenizer
