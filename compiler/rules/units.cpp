#include "compiler/rules/units.h"

#include <algorithm>
#include <array>

namespace nntune::rules {

using graph::DType;

namespace {

constexpr int kTileRows = 16;
constexpr int kKeysTogether = 16;

struct Unit {
  DType x;
  std::vector<DType> w;
  int together;  ///< neighbours along k that are multiplied and summed at once
  int tile_k;    ///< of an AMX tile of activations; 0: not AMX
  bool (*has)(const Isa&);
};

const std::array<Unit, 5>& units() {
  static const std::array<Unit, 5> kUnits = {{
      {DType::f32, {DType::f32, DType::bf16}, 1, 0, [](const Isa&) { return true; }},
      {DType::bf16, {DType::bf16}, 2, 0, [](const Isa& isa) { return isa.avx512bf16; }},
      {DType::i8, {DType::i8}, 4, 0, [](const Isa& isa) { return isa.avx512vnni || isa.avxvnni; }},
      {DType::bf16, {DType::bf16}, 2, 32, [](const Isa& isa) { return isa.amx_tile && isa.amx_bf16; }},
      {DType::i8, {DType::i8}, 4, 64, [](const Isa& isa) { return isa.amx_tile && isa.amx_int8; }},
  }};
  return kUnits;
}

Lanes lanes(std::int64_t rows, int k) {
  Lanes result = {{0, static_cast<int>(rows)}};
  if (k > 1) {
    result.push_back({1, k});
  }
  return result;
}

/// Calls `visit` for each unit that this CPU has for these types.
template <class Visit>
void for_each_unit(const RuleOptions& options, DType x, DType w, Visit visit) {
  for (const Unit& unit : units()) {
    if (unit.x == x && std::find(unit.w.begin(), unit.w.end(), w) != unit.w.end() && unit.has(options.isa)) {
      visit(unit);
    }
  }
}

void add_new(std::vector<Lanes>& to, Lanes layout) {
  if (std::find(to.begin(), to.end(), layout) == to.end()) {
    to.push_back(std::move(layout));
  }
}

}  // namespace

std::vector<Lanes> weight_panels(const RuleOptions& options, DType x, DType w) {
  std::vector<Lanes> result;
  for_each_unit(options, x, w, [&](const Unit& unit) {
    for (const std::int64_t width : unit.tile_k > 0 ? std::vector<std::int64_t>{kTileRows} : options.panel_widths()) {
      add_new(result, lanes(width, unit.together));
    }
  });
  return result;
}

std::vector<Lanes> key_layouts(const RuleOptions& options, DType dtype) {
  std::vector<Lanes> result = {{}};
  for (const DType x : {DType::f32, DType::bf16}) {
    for_each_unit(options, x, dtype, [&](const Unit& unit) {
      if (unit.tile_k > 0) return;  // attention has no kernel for AMX
      Lanes lanes = {{1, kKeysTogether}};
      if (unit.together > 1) lanes.push_back({2, unit.together});
      add_new(result, std::move(lanes));
    });
  }
  return result;
}

std::vector<Lanes> value_layouts(const RuleOptions& options, DType dtype) {
  std::vector<Lanes> result = {{}};
  for_each_unit(options, dtype, dtype, [&](const Unit& unit) {
    if (unit.tile_k == 0 && unit.together > 1) add_new(result, {{1, unit.together}});
  });
  return result;
}

std::vector<Lanes> activation_tiles(const RuleOptions& options, DType x, DType w, std::int64_t block) {
  std::vector<Lanes> result;
  for_each_unit(options, x, w, [&](const Unit& unit) {
    for (const std::int64_t rows : unit.tile_k > 0 ? std::vector<std::int64_t>{kTileRows} : options.tile_rows()) {
      const std::int64_t k = unit.tile_k > 0 ? unit.tile_k : unit.together;
      add_new(result, lanes(rows, static_cast<int>(block == 0 ? k : std::min(k, block))));
    }
  });
  return result;
}

}  // namespace nntune::rules
