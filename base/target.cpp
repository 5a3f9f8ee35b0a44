#include "base/target.h"

#include "base/bandwidth.h"
#include "base/caches.h"
#include "base/isa_probe.h"
#include "base/json.h"
#include "base/other_load.h"
#include "base/peaks.h"

#include <fmt/format.h>

#include <cpuid.h>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <span>
#include <string_view>

namespace nntune {
namespace {

struct Feature {
  std::string_view name;
  bool Isa::*flag;
};

constexpr std::array kFeatures = {
    Feature{"avx2", &Isa::avx2},
    Feature{"fma", &Isa::fma},
    Feature{"f16c", &Isa::f16c},
    Feature{"avx512f", &Isa::avx512f},
    Feature{"avx512bw", &Isa::avx512bw},
    Feature{"avx512vl", &Isa::avx512vl},
    Feature{"avx512dq", &Isa::avx512dq},
    Feature{"avx512vnni", &Isa::avx512vnni},
    Feature{"avx512bf16", &Isa::avx512bf16},
    Feature{"avxvnni", &Isa::avxvnni},
    Feature{"gfni", &Isa::gfni},
    Feature{"amx-tile", &Isa::amx_tile},
    Feature{"amx-bf16", &Isa::amx_bf16},
    Feature{"amx-int8", &Isa::amx_int8},
};

// How two machines of one kind may differ in a peak: clocks move with temperature and neighbours.
constexpr double kPeakTolerance = 1.25;

struct Number {
  std::string_view key;
  double Target::*member;
};

constexpr std::array kPeaks = {
    Number{"f32_fma", &Target::f32_fma},   Number{"bf16_dot", &Target::bf16_dot}, Number{"int8_dot", &Target::int8_dot},
    Number{"amx_bf16", &Target::amx_bf16}, Number{"amx_int8", &Target::amx_int8},
};
constexpr std::array kBandwidths = {
    Number{"l1", &Target::l1_read},
    Number{"l2", &Target::l2_read},
    Number{"l3", &Target::l3_read},
    Number{"dram", &Target::dram_read},
    Number{"dram_all_cores", &Target::dram_read_all_cores},
};

// The maker is kept by clouds that mask the model.
std::string vendor() {
  unsigned eax = 0;
  std::array<unsigned, 3> words{};
  std::array<char, 12> text{};
  if (__get_cpuid(0, &eax, &words[0], &words[2], &words[1]) == 0) {
    return "x86";
  }
  std::memcpy(text.data(), words.data(), text.size());
  const std::string_view name(text.data(), text.size());
  return name == "GenuineIntel" ? "intel" : name == "AuthenticAMD" ? "amd" : name == "HygonGenuine" ? "hygon" : "x86";
}

std::string_view best_feature(const Isa& isa) {
  const bool wide = isa.vector_bytes() == 64;
  return isa.amx_int8 || isa.amx_bf16 ? "amx"
         : wide && isa.avx512bf16     ? "avx512bf16"
         : wide && isa.avx512vnni     ? "avx512vnni"
         : wide                       ? "avx512"
         : isa.avxvnni                ? "avxvnni"
         : isa.vector_bytes() == 32   ? "avx2"
                                      : "sse2";
}

void set_peaks(Target& target, const Peaks& peaks) {
  target.f32_fma = peaks.f32_fma;
  target.bf16_dot = peaks.bf16_dot;
  target.int8_dot = peaks.int8_dot;
  target.amx_bf16 = peaks.amx_bf16;
  target.amx_int8 = peaks.amx_int8;
}

tl::unexpected<Error> bad_target(std::string what) {
  return fail(ErrorKind::bad_input, "bad target: " + std::move(what), "measure it again with `nntune target`");
}

Status read_numbers(const Json& json, std::string_view group, const auto& numbers, Target& target) {
  const auto found = json.find(group);
  if (found == json.end() || !found->is_object()) {
    return bad_target(fmt::format("\"{}\" is missing", group));
  }
  for (const Number& number : numbers) {
    const auto value = found->find(number.key);
    if (value == found->end() || !value->is_number() || !std::isfinite(value->template get<double>()) ||
        value->template get<double>() < 0) {
      return bad_target(fmt::format("\"{}.{}\" is no number >= 0", group, number.key));
    }
    target.*number.member = value->template get<double>();
  }
  return {};
}

Expected<std::int64_t> read_count(const Json& json, std::string_view key, std::int64_t most) {
  const auto value = json.find(key);
  if (value == json.end() || !value->is_number_integer() || value->get<std::int64_t>() < 1 ||
      value->get<std::int64_t>() > most) {
    return bad_target(fmt::format("\"{}\" is no integer from 1 to {}", key, most));
  }
  return value->get<std::int64_t>();
}

}  // namespace

std::vector<std::string> Isa::names() const {
  std::vector<std::string> result;
  for (const Feature& feature : kFeatures) {
    if (this->*feature.flag) {
      result.emplace_back(feature.name);
    }
  }
  return result;
}

Expected<Isa> Isa::from_names(const std::vector<std::string>& names) {
  Isa isa;
  for (const std::string& name : names) {
    const auto* feature = std::find_if(kFeatures.begin(), kFeatures.end(), [&](const Feature& f) { return f.name == name; });
    if (feature == kFeatures.end()) {
      return fail(ErrorKind::bad_input, fmt::format("unknown CPU feature \"{}\"", name), "update nntune");
    }
    isa.*feature->flag = true;
  }
  return isa;
}

Expected<Isa> Isa::limited_to(std::string_view level) const {
  if (level.empty()) return *this;
  Isa wanted{.avx2 = true, .fma = true, .f16c = true};
  if (level != "avx2") {
    wanted.avx512f = wanted.avx512bw = wanted.avx512vl = wanted.avx512dq = true;
    if (level == "avx512-bf16") {
      wanted.avx512vnni = wanted.avx512bf16 = true;
    } else if (level != "avx512") {
      return fail(ErrorKind::usage, fmt::format("there is no instruction set '{}'", level),
                  "give avx2, avx512 or avx512-bf16");
    }
  }
  for (const Feature& feature : kFeatures) {
    if (wanted.*feature.flag && !(this->*feature.flag)) {
      return fail(ErrorKind::unsupported, fmt::format("this CPU has no {}, which {} needs", feature.name, level),
                  "see `nntune target` for what it has");
    }
  }
  return wanted;
}

bool Target::same_kind(const Target& other) const {
  if (isa != other.isa || cores != other.cores || l1d_bytes != other.l1d_bytes || l2_bytes != other.l2_bytes ||
      l3_bytes != other.l3_bytes) {
    return false;
  }
  if (!measured || !other.measured) {
    return true;  // default peaks follow from the features: they tell nothing apart
  }
  const auto at_most = [](double low, double high) { return low <= high * kPeakTolerance; };
  return std::all_of(kPeaks.begin(), kPeaks.end(), [&](const Number& peak) {
    const double mine = this->*peak.member;
    const double theirs = other.*peak.member;
    if ((mine > 0) != (theirs > 0)) return false;  // a unit only one of them has differs
    return (other.was_busy() || at_most(mine, theirs)) && (was_busy() || at_most(theirs, mine));
  });
}

Target Target::with_memory_at(double bytes_per_second) const {
  Target then = *this;
  if (bytes_per_second > 0) then.dram_read = then.dram_read_all_cores = bytes_per_second;
  return then;
}

bool Target::was_busy() const { return other_load_cores >= kToldLoadCores; }

Target Target::best_with(const Target& other) const {
  if (measured != other.measured) return measured ? *this : other;
  Target best = *this;
  for (const auto& numbers : {std::span<const Number>(kPeaks), std::span<const Number>(kBandwidths)}) {
    for (const Number& number : numbers) best.*number.member = std::max(this->*number.member, other.*number.member);
  }
  best.barrier_seconds = std::min(barrier_seconds, other.barrier_seconds);
  best.other_load_cores = std::min(other_load_cores, other.other_load_cores);
  return best;
}

Json Target::to_json() const {
  Json json = {{"features", isa.names()}, {"cores", cores},           {"l1d_bytes", l1d_bytes},
               {"l2_bytes", l2_bytes},    {"l3_bytes", l3_bytes},     {"barrier_seconds", barrier_seconds},
               {"measured", measured},    {"short_name", short_name}, {"other_load_cores", other_load_cores}};
  for (const Number& peak : kPeaks) {
    json["peak_macs_per_second"][std::string(peak.key)] = this->*peak.member;
  }
  for (const Number& level : kBandwidths) {
    json["read_bytes_per_second"][std::string(level.key)] = this->*level.member;
  }
  return json;
}

Expected<Target> Target::from_json(const Json& json) {
  if (!json.is_object()) {
    return bad_target("no JSON object");
  }
  Target target;
  const auto features = json.find("features");
  if (features == json.end() || !features->is_array() ||
      !std::all_of(features->begin(), features->end(), [](const Json& name) { return name.is_string(); })) {
    return bad_target("\"features\" is no list of names");
  }
  NNTUNE_ASSIGN(target.isa, Isa::from_names(features->get<std::vector<std::string>>()));
  NNTUNE_ASSIGN(const std::int64_t cores, read_count(json, "cores", 1 << 20));
  target.cores = static_cast<int>(cores);
  constexpr std::int64_t kMostCacheBytes = std::int64_t{1} << 40;
  NNTUNE_ASSIGN(target.l1d_bytes, read_count(json, "l1d_bytes", kMostCacheBytes));
  NNTUNE_ASSIGN(target.l2_bytes, read_count(json, "l2_bytes", kMostCacheBytes));
  NNTUNE_ASSIGN(target.l3_bytes, read_count(json, "l3_bytes", kMostCacheBytes));
  NNTUNE_TRY(read_numbers(json, "peak_macs_per_second", kPeaks, target));
  NNTUNE_TRY(read_numbers(json, "read_bytes_per_second", kBandwidths, target));
  const auto barrier = json.find("barrier_seconds");
  if (barrier == json.end() || !barrier->is_number() || !(barrier->get<double>() >= 0)) {
    return bad_target("\"barrier_seconds\" is no number >= 0");
  }
  target.barrier_seconds = barrier->get<double>();
  const auto measured = json.find("measured");
  const auto name = json.find("short_name");
  if (measured == json.end() || !measured->is_boolean() || name == json.end() || !name->is_string()) {
    return bad_target(R"("measured" is no boolean or "short_name" no text)");
  }
  // Rows of before it was noted have none.
  if (const auto load = json.find("other_load_cores"); load != json.end()) {
    if (!load->is_number() || !(load->get<double>() >= 0)) return bad_target("\"other_load_cores\" is no number >= 0");
    target.other_load_cores = load->get<double>();
  }
  target.measured = measured->get<bool>();
  target.short_name = name->get<std::string>();
  return target;
}

Expected<Target> probe_target(std::string_view isa_level) {
  Target target;
  const std::vector<int> cpus = allowed_cpus();
  NNTUNE_ASSIGN(target.isa, probe_isa().limited_to(isa_level));
  target.cores = static_cast<int>(cpus.size());
  const CacheSizes caches = find_caches(cpus.front());
  target.l1d_bytes = caches.l1d_bytes;
  target.l2_bytes = caches.l2_bytes;
  target.l3_bytes = caches.l3_bytes;
  set_peaks(target, default_peaks(target.isa));
  // A usual server core; good enough to order candidates until something is measured.
  target.l1_read = 3.0 * target.isa.vector_bytes() * 1e9;
  target.l2_read = 80e9;
  target.l3_read = 30e9;
  target.dram_read = 20e9;
  target.dram_read_all_cores = target.cores == 1 ? 20e9 : 35e9;
  target.barrier_seconds = target.cores == 1 ? 0 : 0.5e-6;
  target.short_name = fmt::format("{}-{}-{}c", vendor(), best_feature(target.isa), target.cores);
  return target;
}

Expected<Target> measure_target(std::string_view isa_level) {
  NNTUNE_ASSIGN(Target target, probe_target(isa_level));
  const OtherLoad load;
  set_peaks(target, measure_peaks(target.isa));
  NNTUNE_ASSIGN(const ReadBandwidth bandwidth, measure_all_levels(target));
  target.l1_read = bandwidth.l1;
  target.l2_read = bandwidth.l2;
  target.l3_read = bandwidth.l3;
  target.dram_read = bandwidth.dram;
  target.dram_read_all_cores = bandwidth.dram_all_cores;
  target.barrier_seconds = measure_barrier(target.cores);
  target.measured = true;
  target.other_load_cores = load.cores();
  return target;
}

}  // namespace nntune
