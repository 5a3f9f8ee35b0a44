#include "tuner/protocol.h"

#include <fmt/format.h>

#include <cmath>

namespace nntune::tuner {
namespace {

/// Reads a message; what nlohmann throws about missing or mistyped keys becomes an error.
template <class Message, class Read>
Expected<Message> read(const char* what, Read&& fill) {
  try {
    Message message;
    NNTUNE_TRY(fill(message));
    return message;
  } catch (const Json::exception& error) {
    return fail(ErrorKind::bad_input, fmt::format("malformed {} message: {}", what, error.what()));
  }
}

/// NaN and infinity have no JSON number; null stands for "unknown".
Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }
double number(const Json& json) { return json.is_null() ? db::Measurement::kUnknown : json.get<double>(); }

std::string to_hex(std::span<const std::byte> bytes) {
  std::string hex;
  hex.reserve(bytes.size() * 2);
  for (const std::byte byte : bytes) hex += fmt::format("{:02x}", static_cast<unsigned>(byte));
  return hex;
}

Expected<std::vector<std::byte>> from_hex(const std::string& hex) {
  std::vector<std::byte> bytes;
  bytes.reserve(hex.size() / 2);
  const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : (c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1); };
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    const int high = digit(hex[i]);
    const int low = digit(hex[i + 1]);
    if (high < 0 || low < 0) return fail(ErrorKind::bad_input, "an image must be lower-case hexadecimal digits");
    bytes.push_back(static_cast<std::byte>(high * 16 + low));
  }
  return bytes;
}

}  // namespace

Json WorkerSetup::to_json() const {
  return {{"target", target.to_json()}, {"shared_folder", shared_folder.string()}, {"memory_bytes", memory_bytes}};
}

Expected<WorkerSetup> WorkerSetup::from_json(const Json& json) {
  return read<WorkerSetup>("setup", [&](WorkerSetup& setup) -> Status {
    NNTUNE_ASSIGN(setup.target, Target::from_json(json.at("target")));
    setup.shared_folder = json.at("shared_folder").get<std::string>();
    setup.memory_bytes = json.at("memory_bytes").get<std::int64_t>();
    return {};
  });
}

Json Candidate::to_json() const {
  Json json = {{"workload", workload.text()}, {"schedule", schedule.knobs}};
  if (code) {
    json["code"] = {{"image", to_hex(code->image)}, {"entry", code->entry}, {"scratch_bytes", code->scratch_bytes}};
  }
  return json;
}

Expected<Candidate> Candidate::from_json(const Json& json) {
  return read<Candidate>("candidate", [&](Candidate& candidate) -> Status {
    NNTUNE_ASSIGN(candidate.workload, schedule::Workload::parse(json.at("workload").get<std::string>()));
    candidate.schedule.knobs = json.at("schedule").get<schedule::Knobs>();
    if (const auto found = json.find("code"); found != json.end()) {
      codegen::ObjectCode code;
      NNTUNE_ASSIGN(code.image, from_hex(found->at("image").get<std::string>()));
      code.entry = found->at("entry").get<std::uint64_t>();
      code.scratch_bytes = found->at("scratch_bytes").get<std::int64_t>();
      candidate.code = std::move(code);
    }
    return {};
  });
}

Json Prepared::to_json() const {
  return {{"verdict", db::to_string(verdict)},
          {"detail", detail},
          {"object", object ? Json(object->hex()) : Json(nullptr)},
          {"max_error", number(max_error)},
          {"tolerance", number(tolerance)},
          {"spills", spills},
          {"compile_seconds", compile_seconds},
          {"check_seconds", check_seconds}};
}

Expected<Prepared> Prepared::from_json(const Json& json) {
  return read<Prepared>("prepared", [&](Prepared& prepared) -> Status {
    NNTUNE_ASSIGN(prepared.verdict, db::verdict_from_string(json.at("verdict").get<std::string>()));
    prepared.detail = json.at("detail").get<std::string>();
    if (const Json& object = json.at("object"); !object.is_null()) {
      NNTUNE_ASSIGN(prepared.object, db::hash_from_hex(object.get<std::string>()));
    }
    prepared.max_error = number(json.at("max_error"));
    prepared.tolerance = number(json.at("tolerance"));
    prepared.spills = json.at("spills").get<int>();
    prepared.compile_seconds = json.at("compile_seconds").get<double>();
    prepared.check_seconds = json.at("check_seconds").get<double>();
    return {};
  });
}

Json TimingRequest::to_json() const {
  return {{"samples", samples},
          {"sample_seconds", sample_seconds},
          {"budget_seconds", budget_seconds},
          {"give_up_seconds", give_up_seconds},
          {"read_bandwidth", read_bandwidth}};
}

Expected<TimingRequest> TimingRequest::from_json(const Json& json) {
  return read<TimingRequest>("timing", [&](TimingRequest& request) -> Status {
    request.samples = json.at("samples").get<int>();
    request.sample_seconds = json.at("sample_seconds").get<double>();
    request.budget_seconds = json.at("budget_seconds").get<double>();
    request.give_up_seconds = json.at("give_up_seconds").get<double>();
    request.read_bandwidth = json.at("read_bandwidth").get<bool>();
    return {};
  });
}

Json Timed::to_json() const {
  return {{"verdict", db::to_string(verdict)},
          {"detail", detail},
          {"samples_ns", samples_ns},
          {"copies", copies},
          {"dropped", dropped},
          {"read_bytes_per_s", read_bytes_per_s},
          {"environment", environment}};
}

Expected<Timed> Timed::from_json(const Json& json) {
  return read<Timed>("timed", [&](Timed& timed) -> Status {
    NNTUNE_ASSIGN(timed.verdict, db::verdict_from_string(json.at("verdict").get<std::string>()));
    timed.detail = json.at("detail").get<std::string>();
    timed.samples_ns = json.at("samples_ns").get<std::vector<double>>();
    timed.copies = json.at("copies").get<std::int64_t>();
    timed.dropped = json.at("dropped").get<std::int64_t>();
    timed.read_bytes_per_s = json.at("read_bytes_per_s").get<double>();
    timed.environment = json.at("environment");
    return {};
  });
}

double DuelRequest::confidence_of_a_look() const {
  int looks = 1;
  for (int rounds = first_look; rounds < most_rounds; rounds *= 2) ++looks;
  return 1 - (1 - kConfidence) / looks;
}

Json DuelRequest::to_json() const {
  return {{"sample_seconds", sample_seconds},
          {"first_look", first_look},
          {"most_rounds", most_rounds},
          {"limit_seconds", limit_seconds},
          {"margin", margin}};
}

Expected<DuelRequest> DuelRequest::from_json(const Json& json) {
  return read<DuelRequest>("duel", [&](DuelRequest& request) -> Status {
    request.sample_seconds = json.at("sample_seconds").get<double>();
    request.first_look = json.at("first_look").get<int>();
    request.most_rounds = json.at("most_rounds").get<int>();
    request.limit_seconds = json.at("limit_seconds").get<double>();
    request.margin = json.at("margin").get<double>();
    if (request.first_look < 1) return fail(ErrorKind::bad_input, "a duel needs a round");
    return {};
  });
}

Contrast DuelResult::contrast(std::size_t challenger, const DuelRequest& request) const {
  return contrast_pairs(samples_ns.at(0), samples_ns.at(challenger), request.margin, request.confidence_of_a_look());
}

Json DuelResult::to_json() const {
  return {{"verdict", db::to_string(verdict)}, {"detail", detail},          {"samples_ns", samples_ns}, {"dropped", dropped},
          {"calibration_ns", calibration_ns},  {"environment", environment}};
}

Expected<DuelResult> DuelResult::from_json(const Json& json) {
  return read<DuelResult>("duel result", [&](DuelResult& result) -> Status {
    NNTUNE_ASSIGN(result.verdict, db::verdict_from_string(json.at("verdict").get<std::string>()));
    result.detail = json.at("detail").get<std::string>();
    result.samples_ns = json.at("samples_ns").get<std::vector<std::vector<double>>>();
    result.dropped = json.at("dropped").get<std::int64_t>();
    result.calibration_ns = json.at("calibration_ns").get<double>();
    result.environment = json.at("environment");
    return {};
  });
}

}  // namespace nntune::tuner
