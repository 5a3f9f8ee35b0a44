/// Byte-pair encoding: merges neighbouring symbols of a word, the best-ranked pair first (Sennrich et al., ACL 2016).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "compiler/tokenizer/vocabulary.h"

namespace nntune::tokenizer {

/// The pairs that may merge, in the order in which they were learnt.
class MergeTable {
 public:
  struct Merge {
    std::int32_t rank;  ///< lower merges first
    std::int32_t token;
  };

  /// Room for `count` merges before the first add().
  void reserve(std::size_t count);
  /// Gives the pair the next rank. A pair that comes again keeps its later rank, as in Hugging Face tokenizers.
  void add(int left, int right, int token);
  [[nodiscard]] const Merge* find(int left, int right) const;

 private:
  /// Open addressing with linear probing over a power of two: encoding is bound by this lookup.
  struct Slot {
    std::uint64_t pair = kFree;
    Merge merge{};
  };
  static constexpr std::uint64_t kFree = ~std::uint64_t{0};
  [[nodiscard]] std::size_t slot_of(std::uint64_t pair) const;

  std::vector<Slot> slots_;
  std::int32_t next_rank_ = 0;
};

class Bpe {
 public:
  /// ErrorKind::unsupported if a byte that occurs in UTF-8 has no token of its own.
  [[nodiscard]] static Expected<Bpe> create(const Vocabulary& vocabulary, MergeTable merges);

  /// Appends the tokens of one word, O(n log n) in its bytes. Equal pairs merge from left to right.
  /// \param word  bytes that occur in UTF-8
  void encode(std::string_view word, std::vector<int>& ids) const;

 private:
  Bpe(const std::array<std::int32_t, 256>& byte_tokens, MergeTable merges)
      : byte_tokens_(byte_tokens), merges_(std::move(merges)) {}

  std::array<std::int32_t, 256> byte_tokens_;
  MergeTable merges_;
};

}  // namespace nntune::tokenizer
