#include "base/isa_probe.h"

#include "base/amx.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <new>

namespace nntune {
namespace {

// 512 bits of anything; `fill` repeats one element, `all_are` checks the first `count` of them.
struct alignas(64) Vector {
  std::array<std::byte, 64> bytes{};
};

template <class T>
Vector fill(T value) {
  Vector vector;
  for (std::size_t at = 0; at < vector.bytes.size(); at += sizeof(T)) {
    std::memcpy(&vector.bytes[at], &value, sizeof(T));
  }
  return vector;
}

template <class T>
bool all_are(const Vector& vector, T expected, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    T value;
    std::memcpy(&value, &vector.bytes[i * sizeof(T)], sizeof(T));
    if (value != expected) {
      return false;
    }
  }
  return true;
}

// One instruction over memory operands: c = op(c, a, b), through registers of the given kind.
#define NNTUNE_TRY_INSTRUCTION(move, reg, instruction)                                                                  \
  asm volatile(move " %1, %%" reg "0\n\t" move " %2, %%" reg "1\n\t" move " %0, %%" reg "2\n\t" instruction "\n\t" move \
                    " %%" reg "2, %0\n\t"                                                                               \
               : "+m"(c)                                                                                                \
               : "m"(a), "m"(b)                                                                                         \
               : "xmm0", "xmm1", "xmm2")

bool try_avx2() {
  const Vector a = fill<std::int32_t>(40);
  const Vector b = fill<std::int32_t>(2);
  Vector c;
  NNTUNE_TRY_INSTRUCTION("vmovdqu", "ymm", "vpaddd %%ymm0, %%ymm1, %%ymm2");
  return all_are<std::int32_t>(c, 42, 8);
}

bool try_fma() {
  const Vector a = fill<float>(2);
  const Vector b = fill<float>(3);
  Vector c = fill<float>(1);
  NNTUNE_TRY_INSTRUCTION("vmovups", "ymm", "vfmadd231ps %%ymm0, %%ymm1, %%ymm2");
  return all_are<float>(c, 7, 8);
}

bool try_f16c() {
  const Vector a = fill<std::uint16_t>(0x3c00);  // 1 as f16
  const Vector b;
  Vector c;
  NNTUNE_TRY_INSTRUCTION("vmovups", "ymm", "vcvtph2ps %%xmm0, %%ymm2");
  return all_are<float>(c, 1, 8);
}

// The value must also survive a switch to another thread, that is, the kernel must save the upper registers. (zmm31 needs no
// clobber: code compiled for the baseline does not know it.)
bool try_avx512f() {
  const Vector a = fill<float>(2);
  Vector c;
  const timespec moment{0, 1};
  long call = SYS_nanosleep;
  asm volatile(
      "vmovups %[a], %%zmm31\n\t"
      "vaddps %%zmm31, %%zmm31, %%zmm31\n\t"
      "syscall\n\t"
      "vmovups %%zmm31, %[c]\n\t"
      : [c] "=m"(c), "+a"(call)
      : [a] "m"(a), "D"(&moment), "S"(nullptr)
      : "rcx", "r11", "memory");
  return all_are<float>(c, 4, 16);
}

bool try_avx512bw() {
  const Vector a = fill<std::int16_t>(40);
  const Vector b = fill<std::int16_t>(2);
  Vector c;
  NNTUNE_TRY_INSTRUCTION("vmovdqu16", "zmm", "vpaddw %%zmm0, %%zmm1, %%zmm2");
  return all_are<std::int16_t>(c, 42, 32);
}

bool try_avx512vl() {
  const Vector a = fill<std::int32_t>(1);
  const Vector b = fill<std::int32_t>(2);
  Vector c = fill<std::int32_t>(4);
  NNTUNE_TRY_INSTRUCTION("vmovdqu", "ymm", "vpternlogd $0x96, %%ymm0, %%ymm1, %%ymm2");  // xor of three
  return all_are<std::int32_t>(c, 7, 8);
}

bool try_avx512dq() {
  const Vector a = fill<std::int64_t>(1LL << 33);
  const Vector b = fill<std::int64_t>(3);
  Vector c;
  NNTUNE_TRY_INSTRUCTION("vmovdqu64", "zmm", "vpmullq %%zmm0, %%zmm1, %%zmm2");
  return all_are<std::int64_t>(c, 3LL << 33, 8);
}

bool try_avx512vnni() {
  const Vector a = fill<std::int8_t>(-3);
  const Vector b = fill<std::uint8_t>(200);
  Vector c = fill<std::int32_t>(1);
  NNTUNE_TRY_INSTRUCTION("vmovdqu64", "zmm", "vpdpbusd %%zmm0, %%zmm1, %%zmm2");
  return all_are<std::int32_t>(c, 1 - 4 * 600, 16);
}

bool try_avxvnni() {
  const Vector a = fill<std::int8_t>(-3);
  const Vector b = fill<std::uint8_t>(200);
  Vector c = fill<std::int32_t>(1);
  NNTUNE_TRY_INSTRUCTION("vmovdqu", "ymm", "%{vex%} vpdpbusd %%ymm0, %%ymm1, %%ymm2");
  return all_are<std::int32_t>(c, 1 - 4 * 600, 8);
}

bool try_avx512bf16() {
  const Vector a = fill<std::uint16_t>(0x3fc0);  // 1.5 as bf16
  const Vector b = fill<std::uint16_t>(0x4000);  // 2
  Vector c = fill<float>(1);
  NNTUNE_TRY_INSTRUCTION("vmovups", "zmm", "vdpbf16ps %%zmm0, %%zmm1, %%zmm2");
  return all_are<float>(c, 7, 16);
}

bool try_gfni() {
  const Vector a = fill<std::uint64_t>(0x0102040810204080);  // the identity
  const Vector b;
  Vector c = fill<std::uint8_t>(0xa5);
  NNTUNE_TRY_INSTRUCTION("movdqu", "xmm", "gf2p8affineqb $1, %%xmm0, %%xmm2");  // and xor with 1
  return all_are<std::uint8_t>(c, 0xa4, 16);
}

using Tile = std::array<Vector, 16>;

bool tile_is(const Tile& tile, auto expected) {
  for (const Vector& row : tile) {
    if (!all_are(row, expected, 16)) {
      return false;
    }
  }
  return true;
}

template <class T>
Tile fill_tile(T value) {
  Tile tile;
  tile.fill(fill<T>(value));
  return tile;
}

// tmm2 = op(0, tmm0, tmm1), asleep for a moment in between so that the kernel has to save the tiles.
#define NNTUNE_TRY_TILES(instruction)                                                                                 \
  asm volatile(                                                                                                       \
      "ldtilecfg %[config]\n\ttileloadd (%[a],%[stride],1), %%tmm0\n\ttileloadd (%[b],%[stride],1), %%tmm1"           \
      "\n\ttilezero %%tmm2\n\t" instruction "\n\tsyscall\n\ttilestored %%tmm2, (%[c],%[stride],1)\n\ttilerelease\n\t" \
      : "+a"(call)                                                                                                    \
      : [config] "m"(config), [a] "r"(&a), [b] "r"(&b), [c] "r"(&c), [stride] "r"(std::int64_t{64}), "D"(&moment),    \
        "S"(nullptr)                                                                                                  \
      : "rcx", "r11", "memory")

bool try_amx_tile() {
  if (!allow_amx()) {
    return false;
  }
  const TileConfig config;
  const timespec moment{0, 1};
  long call = SYS_nanosleep;
  const Tile a = fill_tile<std::int32_t>(42);
  const Tile b = a;
  Tile c{};
  NNTUNE_TRY_TILES("tileloadd (%[a],%[stride],1), %%tmm2");
  return tile_is(c, std::int32_t{42});
}

bool try_amx_int8() {
  if (!allow_amx()) {
    return false;
  }
  const TileConfig config;
  const timespec moment{0, 1};
  long call = SYS_nanosleep;
  const Tile a = fill_tile<std::uint8_t>(200);
  const Tile b = fill_tile<std::int8_t>(-3);
  Tile c{};
  NNTUNE_TRY_TILES("tdpbusd %%tmm1, %%tmm0, %%tmm2");
  return tile_is(c, std::int32_t{64 * -600});
}

bool try_amx_bf16() {
  if (!allow_amx()) {
    return false;
  }
  const TileConfig config;
  const timespec moment{0, 1};
  long call = SYS_nanosleep;
  const Tile a = fill_tile<std::uint16_t>(0x3fc0);  // 1.5
  const Tile b = fill_tile<std::uint16_t>(0x4000);  // 2
  Tile c{};
  NNTUNE_TRY_TILES("tdpbf16ps %%tmm1, %%tmm0, %%tmm2");
  return tile_is(c, 96.0F);
}

struct Probe {
  bool Isa::*feature;
  bool (*run)();
};

constexpr std::array kProbes = {
    Probe{&Isa::avx2, try_avx2},
    Probe{&Isa::fma, try_fma},
    Probe{&Isa::f16c, try_f16c},
    Probe{&Isa::avx512f, try_avx512f},
    Probe{&Isa::avx512bw, try_avx512bw},
    Probe{&Isa::avx512vl, try_avx512vl},
    Probe{&Isa::avx512dq, try_avx512dq},
    Probe{&Isa::avx512vnni, try_avx512vnni},
    Probe{&Isa::avx512bf16, try_avx512bf16},
    Probe{&Isa::avxvnni, try_avxvnni},
    Probe{&Isa::gfni, try_gfni},
    Probe{&Isa::amx_tile, try_amx_tile},
    Probe{&Isa::amx_bf16, try_amx_bf16},
    Probe{&Isa::amx_int8, try_amx_int8},
};

[[noreturn]] void run_in_child(bool (*body)(), volatile bool* survived) {
  // The parent's handlers (a sanitizer's, say) would report a death that is expected here.
  for (const int signal : {SIGILL, SIGSEGV, SIGBUS, SIGFPE, SIGTRAP, SIGABRT, SIGALRM}) {
    std::signal(signal, SIG_DFL);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  prctl(PR_SET_DUMPABLE, 0);  // no core file
  alarm(2);
  *survived = body();
  _exit(0);
}

}  // namespace

bool survives_in_child(bool (*body)()) {
  // The verdict comes back through shared memory and not by the exit status, which another waiter of this process (or an
  // ignored SIGCHLD) could take away.
  void* page = mmap(nullptr, sizeof(bool), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) {
    return false;
  }
  auto* survived = new (page) volatile bool(false);
  const pid_t child = fork();
  if (child == 0) {
    run_in_child(body, survived);
  }
  if (child > 0) {
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
  }
  const bool result = *survived;
  munmap(page, sizeof(bool));
  return result;
}

Isa probe_isa() {
  Isa isa;
  for (const Probe& probe : kProbes) {
    isa.*probe.feature = survives_in_child(probe.run);
  }
  return isa;
}

}  // namespace nntune
