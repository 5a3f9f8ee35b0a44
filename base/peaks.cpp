#include "base/peaks.h"

#include "base/amx.h"
#include "base/cpus.h"

#include <algorithm>
#include <chrono>

namespace nntune {
namespace {

using Clock = std::chrono::steady_clock;

// A loop of one instruction over independent accumulators: 24 (512 bits) or 12 (16 registers) of them hide a latency of up
// to 12 or 6 cycles at two a cycle. In assembly, so that nothing is folded, reordered or spilled. All values are 0: only
// denormals would change the speed.
#define NNTUNE_LOOP(zero, instruction, accumulators)                                                                     \
  asm volatile(".irp r,0,1," accumulators "\n\t" zero                                                                    \
               "\n\t.endr\n"                                                                                             \
               "1:\n\t.rept 4\n\t.irp r," accumulators "\n\t" instruction "\n\t.endr\n\t.endr\n\tdec %0\n\tjnz 1b\n\t"   \
               : "+r"(rounds)                                                                                            \
               :                                                                                                         \
               : "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", \
                 "xmm12", "xmm13", "xmm14", "xmm15", "memory")
#define NNTUNE_ACCUMULATORS_12 "2,3,4,5,6,7,8,9,10,11,12,13"
#define NNTUNE_ACCUMULATORS_24 NNTUNE_ACCUMULATORS_12 ",14,15,16,17,18,19,20,21,22,23,24,25"
// Registers 16 to 31 need no clobber: code compiled for the baseline does not know them.
#define NNTUNE_LOOP_512(instruction)                                                       \
  NNTUNE_LOOP("vpxorq %%zmm\\r, %%zmm\\r, %%zmm\\r", instruction, NNTUNE_ACCUMULATORS_24); \
  asm volatile("vzeroupper" ::: "xmm0")
#define NNTUNE_LOOP_256(instruction)                                                       \
  NNTUNE_LOOP("vxorps %%ymm\\r, %%ymm\\r, %%ymm\\r", instruction, NNTUNE_ACCUMULATORS_12); \
  asm volatile("vzeroupper" ::: "xmm0")
#define NNTUNE_LOOP_128(instruction) NNTUNE_LOOP("xorps %%xmm\\r, %%xmm\\r", instruction, NNTUNE_ACCUMULATORS_12)

void f32_fma_512(long rounds) { NNTUNE_LOOP_512("vfmadd231ps %%zmm0, %%zmm1, %%zmm\\r"); }
void bf16_dot_512(long rounds) { NNTUNE_LOOP_512("vdpbf16ps %%zmm0, %%zmm1, %%zmm\\r"); }
void int8_dot_512(long rounds) { NNTUNE_LOOP_512("vpdpbusd %%zmm0, %%zmm1, %%zmm\\r"); }
void f32_fma_256(long rounds) { NNTUNE_LOOP_256("vfmadd231ps %%ymm0, %%ymm1, %%ymm\\r"); }
void int8_dot_256(long rounds) { NNTUNE_LOOP_256("%{vex%} vpdpbusd %%ymm0, %%ymm1, %%ymm\\r"); }
// Without FMA a multiply-add is two instructions; the product goes through xmm1 and is renamed each time.
void f32_multiply_add_128(long rounds) {
  NNTUNE_LOOP_128("movaps %%xmm0, %%xmm1\n\tmulps %%xmm0, %%xmm1\n\taddps %%xmm1, %%xmm\\r");
}

// Six accumulators of 16 x 16 cover the latency of 52 cycles at one instruction every 16.
#define NNTUNE_TILE_LOOP(instruction)                                                                               \
  const TileConfig config;                                                                                          \
  asm volatile(                                                                                                     \
      "ldtilecfg %1\n\t.irp r,0,1,2,3,4,5,6,7\n\ttilezero %%tmm\\r\n\t.endr\n"                                      \
      "1:\n\t.rept 4\n\t.irp r,2,3,4,5,6,7\n\t" instruction "\n\t.endr\n\t.endr\n\tdec %0\n\tjnz 1b\n\ttilerelease" \
      : "+r"(rounds)                                                                                                \
      : "m"(config)                                                                                                 \
      : "cc", "memory")

void amx_bf16_tiles(long rounds) { NNTUNE_TILE_LOOP("tdpbf16ps %%tmm1, %%tmm0, %%tmm\\r"); }
void amx_int8_tiles(long rounds) { NNTUNE_TILE_LOOP("tdpbusd %%tmm1, %%tmm0, %%tmm\\r"); }

struct Unit {
  void (*run)(long rounds);
  int instructions_per_round;
  int multiply_adds_per_instruction;
};

double seconds_of(const Unit& unit, long rounds) {
  const auto start = Clock::now();
  unit.run(rounds);
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Short samples and the best of them: a sample is disturbed or it is not, and on a shared machine few of 20 ms are not. The
// warm-up lets the clock settle to what this unit allows.
double measure(const Unit& unit) {
  constexpr int kTurns = 6;
  constexpr int kSamplesPerTurn = 20;
  constexpr double kWarmUpSeconds = 5e-3;
  constexpr double kSampleSeconds = 1e-3;
  const std::vector<int> cpus = allowed_cpus();
  double best = 0;
  run_pinned(1, [&](int) {
    for (int turn = 0; turn < kTurns; ++turn) {
      pin_current_thread(cpus[static_cast<std::size_t>(turn) % cpus.size()]);
      long rounds = 1000;
      double seconds = seconds_of(unit, rounds);
      for (double spent = seconds; spent < kWarmUpSeconds; spent += seconds) {
        rounds = std::clamp(static_cast<long>(static_cast<double>(rounds) * kSampleSeconds / std::max(seconds, 1e-9)),
                            rounds / 2 + 1, rounds * 4);
        seconds = seconds_of(unit, rounds);
      }
      const double work = static_cast<double>(rounds) * unit.instructions_per_round * unit.multiply_adds_per_instruction;
      for (int sample = 0; sample < kSamplesPerTurn; ++sample) {
        best = std::max(best, work / seconds_of(unit, rounds));
      }
    }
  });
  return best;
}

}  // namespace

Peaks measure_peaks(const Isa& isa) {
  Peaks peaks;
  if (isa.vector_bytes() == 64) {
    peaks.f32_fma = measure({f32_fma_512, 96, 16});
  } else if (isa.vector_bytes() == 32) {
    peaks.f32_fma = measure({f32_fma_256, 48, 8});
  } else {
    peaks.f32_fma = measure({f32_multiply_add_128, 48, 4});
  }
  if (isa.vector_bytes() == 64 && isa.avx512bf16) {
    peaks.bf16_dot = measure({bf16_dot_512, 96, 32});
  }
  if (isa.vector_bytes() == 64 && isa.avx512vnni) {
    peaks.int8_dot = measure({int8_dot_512, 96, 64});
  } else if (isa.avxvnni) {
    peaks.int8_dot = measure({int8_dot_256, 48, 32});
  }
  if (isa.amx_tile && allow_amx()) {
    if (isa.amx_bf16) {
      peaks.amx_bf16 = measure({amx_bf16_tiles, 24, 16 * 16 * 32});
    }
    if (isa.amx_int8) {
      peaks.amx_int8 = measure({amx_int8_tiles, 24, 16 * 16 * 64});
    }
  }
  return peaks;
}

Peaks default_peaks(const Isa& isa) {
  constexpr double kClockHz = 3.5e9;
  // Multiply-adds a cycle. Cores with tiles have two 512-bit FMA ports and a bf16 dot of half their rate; those without
  // mostly do one 512-bit or two 256-bit instructions a cycle, of any kind.
  const bool server = isa.amx_tile;
  const bool wide = isa.vector_bytes() == 64;
  Peaks peaks;
  peaks.f32_fma = kClockHz * (isa.vector_bytes() == 16 ? 4 : server ? 32 : 16);
  peaks.bf16_dot = wide && isa.avx512bf16 ? kClockHz * (server ? 16 : 32) : 0;
  peaks.int8_dot = (wide && isa.avx512vnni) || isa.avxvnni ? kClockHz * (server ? 128 : 64) : 0;
  peaks.amx_bf16 = isa.amx_bf16 ? kClockHz * 512 : 0;
  peaks.amx_int8 = isa.amx_int8 ? kClockHz * 1024 : 0;
  return peaks;
}

}  // namespace nntune
