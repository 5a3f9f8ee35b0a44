/// Tile units (AMX): permission and configuration.
#pragma once

#include <array>
#include <cstdint>

namespace nntune {

/// Asks the kernel for the AMX tile state; each process that runs code with tiles must call it before its threads use
/// them. Cheap, may be called again. False: this machine or kernel has no tiles.
bool allow_amx();

/// The operand of ldtilecfg: here all eight tiles with 16 rows of 64 bytes.
struct alignas(64) TileConfig {
  std::uint8_t palette = 1;
  std::uint8_t start_row = 0;
  std::array<std::uint8_t, 14> reserved{};
  std::array<std::uint16_t, 16> row_bytes{64, 64, 64, 64, 64, 64, 64, 64};
  std::array<std::uint8_t, 16> rows{16, 16, 16, 16, 16, 16, 16, 16};
};
static_assert(sizeof(TileConfig) == 64);

}  // namespace nntune
