#include "db/records.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <cassert>
#include <charconv>
#include <chrono>
#include <ctime>

namespace nntune::db {

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::ok: return "ok";
    case Verdict::wrong_result: return "wrong_result";
    case Verdict::crash: return "crash";
    case Verdict::timeout: return "timeout";
    case Verdict::out_of_memory: return "out_of_memory";
    case Verdict::compile_error: return "compile_error";
  }
  assert(false && "a verdict outside the enumeration");
  return "";
}

std::string_view to_string(Place place) { return place == Place::worker ? "worker" : "program"; }

Expected<Verdict> verdict_from_string(std::string_view text) {
  for (const Verdict verdict : kVerdicts) {
    if (to_string(verdict) == text) return verdict;
  }
  return fail(ErrorKind::bad_input, fmt::format("\"{}\" is no verdict", text),
              "use ok, wrong_result, crash, timeout, out_of_memory or compile_error");
}

std::string_view to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::done: return "done";
    case Outcome::interrupted: return "interrupted";
    case Outcome::failed: return "failed";
  }
  assert(false && "an outcome outside the enumeration");
  return "";
}

Expected<Hash128> hash_from_hex(std::string_view hex) {
  Hash128 value;
  const auto parse = [](std::string_view digits, std::uint64_t& out) {
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out, 16);
    return error == std::errc() && end == digits.data() + digits.size();
  };
  if (hex.size() != 32 || !parse(hex.substr(0, 16), value.high) || !parse(hex.substr(16), value.low)) {
    return fail(ErrorKind::bad_input, fmt::format("\"{}\" is no hash", hex), "a hash has 32 hexadecimal digits");
  }
  return value;
}

std::string utc_now() {
  using namespace std::chrono;
  const auto now = time_point_cast<microseconds>(system_clock::now());
  const auto whole = floor<seconds>(now);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}Z", fmt::gmtime(system_clock::to_time_t(whole)), (now - whole).count());
}

}  // namespace nntune::db
