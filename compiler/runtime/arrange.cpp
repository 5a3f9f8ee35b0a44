#include "compiler/runtime/arrange.h"

#include <algorithm>
#include <set>

namespace nntune::runtime {
namespace {

/// What a step touches, as one number; -1 for what nothing writes (weights, ids, tables, and x, which the steps of the
/// previous repetition wrote).
std::int64_t resource(const Operand& operand) {
  switch (operand.kind) {
    case Operand::Kind::state: return 2 * static_cast<std::int64_t>(operand.index) + 1;
    case Operand::Kind::buffer: return 2 * static_cast<std::int64_t>(operand.index);
    case Operand::Kind::ids:
    case Operand::Kind::x:
    case Operand::Kind::rope:
    case Operand::Kind::weight: break;
  }
  return -1;
}

std::vector<bool> waits(const Section& section) {
  std::vector<bool> result;
  std::set<std::int64_t> written, read;
  for (const Step& step : section.steps) {
    std::set<std::int64_t> reads;
    for (std::size_t i = 0; i + 1 < step.operands.size(); ++i) reads.insert(resource(step.operands[i]));
    reads.erase(-1);
    const std::int64_t write = resource(step.operands.back());
    const bool wait = written.contains(write) || read.contains(write) ||
                      std::ranges::any_of(reads, [&](std::int64_t each) { return written.contains(each); });
    if (wait) {
      written.clear();
      read.clear();
    }
    written.insert(write);
    read.insert(reads.begin(), reads.end());
    result.push_back(wait);
  }
  return result;
}

/// First and last group of steps (a group ends at a wait) that touch a buffer.
struct Life {
  std::size_t buffer = 0;
  std::size_t first = std::numeric_limits<std::size_t>::max();
  std::size_t last = 0;

  [[nodiscard]] bool overlaps(const Life& other) const { return first <= other.last && other.first <= last; }
};

std::vector<Life> lives(const Section& section, const std::vector<bool>& wait_before) {
  std::vector<Life> result(section.buffers.size());
  for (std::size_t i = 0; i < result.size(); ++i) result[i].buffer = i;
  std::size_t group = 0;
  for (std::size_t s = 0; s < section.steps.size(); ++s) {
    group += wait_before[s] ? 1 : 0;
    for (const Operand& operand : section.steps[s].operands) {
      if (operand.kind != Operand::Kind::buffer) continue;
      Life& life = result[operand.index];
      life.first = std::min(life.first, group);
      life.last = std::max(life.last, group);
    }
  }
  return result;
}

}  // namespace

Arrangement arrange(const Section& section, bool outputs_in_arena) {
  Arrangement result;
  result.wait_before = waits(section);
  result.offsets.assign(section.buffers.size(), Arrangement::kNotInArena);

  std::vector<Life> todo = lives(section, result.wait_before);
  for (const Operand& output : section.outputs) {
    if (outputs_in_arena) {
      todo[output.index].last = std::numeric_limits<std::size_t>::max();
    } else {
      std::erase_if(todo, [&](const Life& life) { return life.buffer == output.index; });
    }
  }
  // First fit by falling size: the large ones, which decide the sum, get the low places.
  std::ranges::stable_sort(
      todo, [&](const Life& a, const Life& b) { return section.buffers[a.buffer].bytes > section.buffers[b.buffer].bytes; });
  const auto place_bytes = [&](std::size_t buffer) {
    const auto bytes = static_cast<std::uint64_t>(section.buffers[buffer].bytes);
    return (bytes + kBufferAlignment - 1) / kBufferAlignment * kBufferAlignment;
  };
  std::vector<Life> placed;  // by offset
  for (const Life& life : todo) {
    std::uint64_t offset = 0;
    for (const Life& other : placed) {
      const std::uint64_t begin = result.offsets[other.buffer];
      if (life.overlaps(other) && begin < offset + place_bytes(life.buffer)) {
        offset = std::max(offset, begin + place_bytes(other.buffer));
      }
    }
    result.offsets[life.buffer] = offset;
    result.arena_bytes = std::max(result.arena_bytes, offset + place_bytes(life.buffer));
    const auto by_offset = [&](const Life& a, const Life& b) { return result.offsets[a.buffer] < result.offsets[b.buffer]; };
    placed.insert(std::ranges::upper_bound(placed, life, by_offset), life);
  }
  return result;
}

}  // namespace nntune::runtime
