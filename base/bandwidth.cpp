#include "base/bandwidth.h"

#include "base/barrier.h"
#include "base/cgroup.h"
#include "base/cpus.h"
#include "base/isa_probe.h"

#include <fmt/format.h>

#include <sys/mman.h>
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

namespace nntune {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kStepBytes = 512;
constexpr std::int64_t kPageBytes = 2 << 20;

// Loads into eight registers in turn and nothing else, with or without a prefetch 512 bytes ahead: some machines stream
// from memory faster with it, and L1 is faster without. [begin, end) is a whole number of steps.
#define NNTUNE_READ_LOOP(load, prefetch, finish)                                              \
  asm volatile("1:\n\t" load prefetch "add $512, %0\n\tcmp %1, %0\n\tjb 1b\n\t" finish "\n\t" \
               : "+r"(begin)                                                                  \
               : "r"(end)                                                                     \
               : "cc", "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7")
#define NNTUNE_LOAD_512 ".irp r,0,1,2,3,4,5,6,7\n\tvmovups \\r*64(%0), %%zmm\\r\n\t.endr\n\t"
#define NNTUNE_LOAD_256 \
  ".irp r,0,1,2,3,4,5,6,7\n\tvmovups \\r*64(%0), %%ymm\\r\n\tvmovups \\r*64+32(%0), %%ymm\\r\n\t.endr\n\t"
#define NNTUNE_LOAD_128                                                                         \
  ".irp r,0,1,2,3,4,5,6,7\n\tmovups \\r*64(%0), %%xmm\\r\n\tmovups \\r*64+16(%0), %%xmm\\r\n\t" \
  "movups \\r*64+32(%0), %%xmm\\r\n\tmovups \\r*64+48(%0), %%xmm\\r\n\t.endr\n\t"
#define NNTUNE_PREFETCH ".irp r,0,1,2,3,4,5,6,7\n\tprefetcht0 512+\\r*64(%0)\n\t.endr\n\t"

using ReadFn = void (*)(const std::byte* begin, const std::byte* end);

void plain_512(const std::byte* begin, const std::byte* end) { NNTUNE_READ_LOOP(NNTUNE_LOAD_512, "", "vzeroupper"); }
void plain_256(const std::byte* begin, const std::byte* end) { NNTUNE_READ_LOOP(NNTUNE_LOAD_256, "", "vzeroupper"); }
void plain_128(const std::byte* begin, const std::byte* end) { NNTUNE_READ_LOOP(NNTUNE_LOAD_128, "", ""); }
void ahead_512(const std::byte* begin, const std::byte* end) {
  NNTUNE_READ_LOOP(NNTUNE_LOAD_512, NNTUNE_PREFETCH, "vzeroupper");
}
void ahead_256(const std::byte* begin, const std::byte* end) {
  NNTUNE_READ_LOOP(NNTUNE_LOAD_256, NNTUNE_PREFETCH, "vzeroupper");
}
void ahead_128(const std::byte* begin, const std::byte* end) { NNTUNE_READ_LOOP(NNTUNE_LOAD_128, NNTUNE_PREFETCH, ""); }

using ReadFns = std::array<ReadFn, 2>;

ReadFns read_functions(int vector_bytes) {
  return vector_bytes == 64   ? ReadFns{plain_512, ahead_512}
         : vector_bytes == 32 ? ReadFns{plain_256, ahead_256}
                              : ReadFns{plain_128, ahead_128};
}

// What the widest registers are cannot change while the process lives, and probing starts children: ask once.
int widest_vector_bytes() {
  static const int bytes = probe_isa().vector_bytes();
  return bytes;
}

double seconds_between(Clock::time_point start, Clock::time_point end) {
  return std::chrono::duration<double>(end - start).count();
}

// Thread `index`'s whole steps of `bytes`, from the first cache line boundary on.
std::span<const std::byte> part_of(std::span<const std::byte> bytes, int index, int threads) {
  const std::size_t misaligned = reinterpret_cast<std::uintptr_t>(bytes.data()) % 64;
  const std::size_t skipped = misaligned == 0 ? 0 : 64 - misaligned;
  if (bytes.size() < skipped) {
    return {};
  }
  const std::size_t steps = (bytes.size() - skipped) / kStepBytes;
  const auto bound = [&](int i) { return steps * static_cast<std::size_t>(i) / static_cast<std::size_t>(threads); };
  return bytes.subspan(skipped + bound(index) * kStepBytes, (bound(index + 1) - bound(index)) * kStepBytes);
}

struct Pass {
  Clock::time_point start;
  Clock::time_point end;
};

double measure_read(std::span<const std::byte> bytes, int threads, int passes, int vector_bytes) {
  // A pass over a small buffer is repeated, so that the clock and the barrier do not count.
  constexpr std::size_t kLeastPassBytes = 8 << 20;
  const ReadFns functions = read_functions(vector_bytes);
  std::size_t total = 0;
  for (int i = 0; i < threads; ++i) {
    total += part_of(bytes, i, threads).size();
  }
  if (total == 0) {
    return 0;
  }
  const std::size_t repeats = (kLeastPassBytes + total - 1) / total;
  const auto count = static_cast<std::size_t>(2 * (passes + 1));  // both functions, the first pass of each warms up
  std::vector<std::vector<Pass>> times(static_cast<std::size_t>(threads), std::vector<Pass>(count));
  Barrier barrier(threads);
  run_pinned(threads, [&](int self) {
    const std::span<const std::byte> part = part_of(bytes, self, threads);
    for (std::size_t pass = 0; pass < count; ++pass) {
      barrier.arrive_and_wait();
      const auto start = Clock::now();
      for (std::size_t i = 0; i < repeats && !part.empty(); ++i) {
        functions[pass % 2](part.data(), part.data() + part.size());
      }
      times[static_cast<std::size_t>(self)][pass] = {start, Clock::now()};
    }
  });
  double best_seconds = std::numeric_limits<double>::infinity();
  for (std::size_t pass = 2; pass < count; ++pass) {
    Pass whole = times[0][pass];
    for (const std::vector<Pass>& own : times) {
      whole.start = std::min(whole.start, own[pass].start);
      whole.end = std::max(whole.end, own[pass].end);
    }
    best_seconds = std::min(best_seconds, seconds_between(whole.start, whole.end));
  }
  return static_cast<double>(total) * static_cast<double>(repeats) / best_seconds;
}

// Anonymous memory on 2 MB pages where the kernel gives them, every page written: unwritten ones are all the one zero page.
class Buffer {
 public:
  explicit Buffer(std::int64_t bytes) : mapped_bytes_(static_cast<std::size_t>(bytes + kPageBytes)) {
    void* address = mmap(nullptr, mapped_bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (address == MAP_FAILED) {
      return;
    }
    mapped_ = static_cast<std::byte*>(address);
    const auto misaligned = static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(address) % kPageBytes);
    std::byte* aligned = mapped_ + (kPageBytes - misaligned) % kPageBytes;
    madvise(aligned, static_cast<std::size_t>(bytes), MADV_HUGEPAGE);
    std::memset(aligned, 1, static_cast<std::size_t>(bytes));
    bytes_ = {aligned, static_cast<std::size_t>(bytes)};
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() {
    if (mapped_ != nullptr) {
      munmap(mapped_, mapped_bytes_);
    }
  }

  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::size_t mapped_bytes_;
  std::byte* mapped_ = nullptr;
  std::span<const std::byte> bytes_;
};

}  // namespace

double measure_read_bandwidth(std::span<const std::byte> bytes, int threads, int passes) {
  return measure_read(bytes, threads, passes, widest_vector_bytes());
}

Expected<ReadBandwidth> measure_all_levels(const Target& target) {
  constexpr int kCachePasses = 20;
  constexpr int kMemoryPasses = 6;
  const std::int64_t memory_bytes =
      std::min(std::max<std::int64_t>(512 << 20, 2 * target.l3_bytes), available_memory_bytes() / 4) & -kPageBytes;
  const Buffer buffer(std::max<std::int64_t>(memory_bytes, 32 << 20));
  if (buffer.bytes().empty()) {
    return fail(ErrorKind::io, fmt::format("no memory for a buffer of {} MB to measure bandwidth", memory_bytes >> 20),
                "free some memory");
  }
  const auto read = [&](std::int64_t bytes, int threads, int passes) {
    const std::size_t size = std::min(static_cast<std::size_t>(bytes), buffer.bytes().size());
    return measure_read(buffer.bytes().first(size), threads, passes, target.isa.vector_bytes());
  };
  ReadBandwidth result;
  result.l1 = read(target.l1d_bytes / 2, 1, kCachePasses);
  result.l2 = read(target.l2_bytes / 2, 1, kCachePasses);
  result.l3 = read(std::max(std::min(8 * target.l2_bytes, target.l3_bytes / 2), target.l2_bytes / 2), 1, kCachePasses);
  const auto all = static_cast<std::int64_t>(buffer.bytes().size());
  result.dram = read(all, 1, kMemoryPasses);
  result.dram_all_cores = target.cores == 1 ? result.dram : read(all, target.cores, kMemoryPasses);
  return result;
}

double measure_barrier(int threads) {
  if (threads <= 1) {
    return 0;
  }
  constexpr int kBatches = 41;
  constexpr int kRounds = 500;
  Barrier barrier(threads);
  std::vector<double> seconds(kBatches);
  run_pinned(threads, [&](int self) {
    for (double& batch : seconds) {
      barrier.arrive_and_wait();
      const auto start = Clock::now();
      for (int round = 0; round < kRounds; ++round) {
        barrier.arrive_and_wait();
      }
      if (self == 0) {
        batch = seconds_between(start, Clock::now()) / kRounds;
      }
    }
  });
  std::nth_element(seconds.begin(), seconds.begin() + kBatches / 2, seconds.end());
  return seconds[kBatches / 2];
}

}  // namespace nntune
