#include "compiler/runtime/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "base/json.h"

namespace nntune::runtime {
namespace {

constexpr std::array<std::string_view, 6> kOperandNames = {"ids", "x", "rope", "state", "weight", "buffer"};
constexpr std::array<std::string_view, 2> kIndexNames = {"layer", "expert"};
/// No real plan comes near; keeps sums of sizes far from overflow.
constexpr std::int64_t kMost = std::int64_t{1} << 44;
/// Of a token in all layers, and the number of states; times the longest context they are no overflow.
constexpr std::int64_t kMostStateBytes = std::int64_t{1} << 36;
constexpr std::size_t kMostStates = 64;

tl::unexpected<Error> bad(std::string what) {
  return fail(ErrorKind::bad_input, "the manifest of the module is wrong: " + what, "compile the model again");
}

template <class Kind, std::size_t kCount>
Kind read_kind(const std::array<std::string_view, kCount>& names, const Json& json, const char* what) {
  const std::string& name = json.get_ref<const std::string&>();
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) throw std::invalid_argument(fmt::format("unknown {} '{}'", what, name));
  return static_cast<Kind>(found - names.begin());
}

/// Whether there are several of this kind.
bool is_numbered(Operand::Kind kind) { return kind >= Operand::Kind::state; }
/// Whether it has a tensor for each layer.
bool is_layered(Operand::Kind kind) { return kind == Operand::Kind::state || kind == Operand::Kind::weight; }

Json to_json(const Operand& operand) {
  Json json = {{"kind", kOperandNames[static_cast<std::size_t>(operand.kind)]}};
  if (is_numbered(operand.kind)) json["index"] = operand.index;
  if (operand.column != 0) json["column"] = operand.column;
  if (operand.first != 0) json["first"] = operand.first;
  return json;
}

Json to_json(const std::vector<Operand>& operands) {
  Json json = Json::array();
  for (const Operand& operand : operands) json.push_back(to_json(operand));
  return json;
}

Json to_json(const Section& section) {
  Json buffers = Json::array();
  for (const Buffer& buffer : section.buffers) {
    buffers.push_back({{"bytes", buffer.bytes}, {"stride", buffer.stride}, {"element_bytes", buffer.element_bytes}});
  }
  Json steps = Json::array();
  for (const Step& step : section.steps) steps.push_back({{"kernel", step.kernel}, {"operands", to_json(step.operands)}});
  return {{"name", section.name},
          {"repeat", section.repeat},
          {"buffers", buffers},
          {"steps", steps},
          {"outputs", to_json(section.outputs)}};
}

// Reading. nlohmann/json throws where a field is missing or of another type: from_json catches that once.

Operand read_operand(const Json& json) {
  Operand operand;
  operand.kind = read_kind<Operand::Kind>(kOperandNames, json.at("kind"), "operand");
  if (is_numbered(operand.kind)) operand.index = json.at("index").get<std::size_t>();
  operand.column = json.value("column", std::int64_t{0});
  operand.first = json.value("first", std::int64_t{0});
  return operand;
}

Weight read_weight(const Json& json) {
  Weight weight;
  weight.key = json.at("key").get<std::string>();
  weight.type = json.at("type").get<std::string>();
  weight.offset = json.at("offset").get<std::uint64_t>();
  weight.bytes = json.at("bytes").get<std::uint64_t>();
  for (const Json& index : json.at("indices")) {
    weight.indices.push_back({.kind = read_kind<WeightIndex::Kind>(kIndexNames, index.at("kind"), "index"),
                              .count = index.at("count").get<std::int64_t>(),
                              .distance = index.at("distance").get<std::uint64_t>()});
  }
  weight.stride = json.at("stride").get<std::int64_t>();
  return weight;
}

std::vector<Operand> read_operands(const Json& json) {
  std::vector<Operand> operands;
  for (const Json& operand : json) operands.push_back(read_operand(operand));
  return operands;
}

Section read_section(const Json& json) {
  Section section;
  section.name = json.at("name").get<std::string>();
  section.repeat = json.at("repeat").get<std::int64_t>();
  for (const Json& buffer : json.at("buffers")) {
    section.buffers.push_back({.bytes = buffer.at("bytes").get<std::int64_t>(),
                               .stride = buffer.at("stride").get<std::int64_t>(),
                               .element_bytes = buffer.at("element_bytes").get<std::int64_t>()});
  }
  for (const Json& step : json.at("steps")) {
    section.steps.push_back({step.at("kernel").get<std::size_t>(), read_operands(step.at("operands"))});
  }
  section.outputs = read_operands(json.at("outputs"));
  return section;
}

Plan read_plan(const Json& json) {
  Plan plan;
  const Json& model = json.at("model");
  plan.model = {.name = model.at("name").get<std::string>(),
                .vocab = model.at("vocab").get<std::int64_t>(),
                .hidden = model.at("hidden").get<std::int64_t>(),
                .layers = model.at("layers").get<std::int64_t>(),
                .head_dim = model.at("head_dim").get<std::int64_t>(),
                .rope = {.frequencies = model.at("rope").at("frequencies").get<std::vector<double>>(),
                         .attention_factor = model.at("rope").at("attention_factor").get<double>()},
                .max_positions = model.at("max_positions").get<std::int64_t>(),
                .dtype = model.at("dtype").get<std::string>(),
                .weights = model.at("weights").get<std::string>(),
                .end_tokens = model.at("end_tokens").get<std::vector<std::int32_t>>()};
  plan.isa = json.at("isa").get<std::vector<std::string>>();
  plan.threads = json.at("threads").get<int>();
  plan.allowed = json.value("allowed", std::vector<std::string>());
  for (const Json& kernel : json.at("kernels")) {
    plan.kernels.push_back({.workload = kernel.at("workload").get<std::string>(),
                            .schedule = kernel.at("schedule").get<std::string>(),
                            .tuned = kernel.at("tuned").get<bool>(),
                            .image_offset = kernel.at("image_offset").get<std::uint64_t>(),
                            .image_bytes = kernel.at("image_bytes").get<std::uint64_t>(),
                            .entry = kernel.at("entry").get<std::uint64_t>(),
                            .scratch_bytes = kernel.at("scratch_bytes").get<std::int64_t>()});
  }
  for (const Json& weight : json.at("weights")) plan.weights.push_back(read_weight(weight));
  for (const Json& state : json.at("states")) {
    plan.states.push_back({.type = state.at("type").get<std::string>(),
                           .rows = state.at("rows").get<std::int64_t>(),
                           .row_bytes = state.at("row_bytes").get<std::int64_t>(),
                           .layers = state.at("layers").get<std::int64_t>()});
  }
  for (const Json& phase : json.at("phases")) {
    Phase& read = plan.phases.emplace_back();
    read.name = phase.at("name").get<std::string>();
    read.rows = phase.at("rows").get<std::int64_t>();
    for (const Json& section : phase.at("sections")) read.sections.push_back(read_section(section));
  }
  return plan;
}

// Checking.

/// [offset, offset + bytes) lies in [0, all).
bool inside(std::uint64_t offset, std::uint64_t bytes, std::uint64_t all) { return offset <= all && bytes <= all - offset; }

bool in_range(std::int64_t value, std::int64_t lowest) { return value >= lowest && value <= kMost; }

Status check_model(const ModelInfo& model) {
  for (const auto& [name, value] :
       {std::pair{"vocab", model.vocab}, {"hidden", model.hidden}, {"layers", model.layers}, {"head_dim", model.head_dim}}) {
    if (value < 1 || value > std::numeric_limits<std::int32_t>::max()) return bad(fmt::format("{} is {}", name, value));
  }
  if (model.rope.columns() != model.head_dim) {
    return bad(fmt::format("the rotary table has {} columns for heads of {}", model.rope.columns(), model.head_dim));
  }
  const auto possible = [](double value) { return std::isfinite(value) && value >= 0; };
  if (!std::ranges::all_of(model.rope.frequencies, possible) || !possible(model.rope.attention_factor)) {
    return bad("an impossible rotary frequency");
  }
  return {};
}

Status check_weight(const Weight& weight, const ModelInfo& model, std::uint64_t weight_bytes) {
  if (!inside(weight.offset, weight.bytes, weight_bytes)) return bad("a weight lies outside the weights");
  std::uint64_t left = weight_bytes - weight.offset - weight.bytes;
  std::array<bool, kIndexNames.size()> seen{};
  for (const WeightIndex& index : weight.indices) {
    if (std::exchange(seen[static_cast<std::size_t>(index.kind)], true)) return bad("a weight with an index twice");
    const bool too_many = index.kind == WeightIndex::Kind::layer && index.count > model.layers;
    if (index.count < 1 || index.count > kMost || too_many) return bad("a weight with an impossible number of tensors");
    const auto behind = static_cast<std::uint64_t>(index.count - 1);
    if (behind > 0 && index.distance > left / behind) return bad("a weight lies outside the weights");
    left -= behind * index.distance;
  }
  return {};
}

Status check_state(const State& state, const ModelInfo& model) {
  if (state.layers < 1 || state.layers > model.layers) return bad("a state with an impossible number of layers");
  const bool fits = in_range(state.rows, 1) && in_range(state.row_bytes, 1) &&
                    state.rows <= kMostStateBytes / state.row_bytes &&
                    state.layers <= kMostStateBytes / (state.rows * state.row_bytes);
  if (!fits) return bad(fmt::format("a state of {} x {} bytes a token", state.rows, state.row_bytes));
  return {};
}

/// How many there are of what `operand` is one of.
std::size_t count_of(const Operand& operand, const Section& section, const Plan& plan) {
  switch (operand.kind) {
    case Operand::Kind::state: return plan.states.size();
    case Operand::Kind::weight: return plan.weights.size();
    case Operand::Kind::buffer: return section.buffers.size();
    case Operand::Kind::ids:
    case Operand::Kind::x:
    case Operand::Kind::rope: break;
  }
  return 1;
}

/// Every repetition of the section has its tensor of a state or weight.
Status check_layers(const Operand& operand, const Section& section, const Plan& plan) {
  const bool state = operand.kind == Operand::Kind::state;
  const std::int64_t layers =
      state ? plan.states[operand.index].layers : plan.weights[operand.index].index(WeightIndex::Kind::layer).count;
  const std::int64_t run = layers == 1 ? 1 : section.repeat;
  if (operand.first >= 0 && operand.first <= layers - run) return {};
  return bad(fmt::format("{} {} has {} layers where section '{}' runs {} from {} on", state ? "state" : "weight",
                         operand.index, layers, section.name, section.repeat, operand.first));
}

Status check_operand(const Operand& operand, const Section& section, const Plan& plan) {
  if (operand.index >= count_of(operand, section, plan)) {
    return bad(fmt::format("section '{}' has no {} {}", section.name, kOperandNames[static_cast<std::size_t>(operand.kind)],
                           operand.index));
  }
  if (operand.column != 0) {
    if (operand.kind != Operand::Kind::buffer) return bad("a view that is not of a buffer");
    if (operand.column < 0 || operand.column >= section.buffers[operand.index].stride)
      return bad("a view outside its buffer");
  }
  if (is_layered(operand.kind)) return check_layers(operand, section, plan);
  return operand.first == 0 ? Status{} : bad("a layer of what has none");
}

Status check_section(const Section& section, bool head, const Phase& phase, const Plan& plan) {
  if (section.repeat < 1 || section.repeat > plan.model.layers) return bad(fmt::format("{} repetitions", section.repeat));
  for (const Buffer& buffer : section.buffers) {
    const bool fits = in_range(buffer.bytes, 1) && in_range(buffer.stride, 0) && in_range(buffer.element_bytes, 1) &&
                      buffer.element_bytes <= 8 && buffer.stride <= buffer.bytes / buffer.element_bytes;
    if (!fits) return bad(fmt::format("a buffer of section '{}' has an impossible size", section.name));
  }
  for (const Step& step : section.steps) {
    if (step.kernel >= plan.kernels.size()) return bad(fmt::format("there is no kernel {}", step.kernel));
    if (step.operands.size() < 2) return bad("a step without operands");
    for (const Operand& operand : step.operands) NNTUNE_TRY(check_operand(operand, section, plan));
    const auto kind = step.operands.back().kind;
    if (kind == Operand::Kind::weight || kind == Operand::Kind::ids || kind == Operand::Kind::x ||
        kind == Operand::Kind::rope) {
      return bad("a step writes a constant");
    }
  }
  for (const Operand& output : section.outputs) {
    NNTUNE_TRY(check_operand(output, section, plan));
    if (output.kind != Operand::Kind::buffer) return bad("an output that is not a buffer");
  }
  const auto bytes_of = [&](std::size_t at) { return section.buffers[section.outputs[at].index].bytes; };
  if (head) {
    if (section.repeat != 1 || section.outputs.size() != 2 || section.outputs[0].column != 0 ||
        bytes_of(0) < plan.model.vocab * 4 || bytes_of(1) < 4) {
      return bad("the head does not give logits and their argmax");
    }
    return {};
  }
  if (section.outputs.size() != 1 || bytes_of(0) < phase.rows * plan.model.hidden * 4) {
    return bad(fmt::format("section '{}' does not give one row for each token", section.name));
  }
  return {};
}

}  // namespace

WeightIndex Weight::index(WeightIndex::Kind kind) const {
  const auto found = std::ranges::find(indices, kind, &WeightIndex::kind);
  return found == indices.end() ? WeightIndex{.kind = kind} : *found;
}

Json Plan::to_json() const {
  Json json;
  json["model"] = {{"name", model.name},
                   {"vocab", model.vocab},
                   {"hidden", model.hidden},
                   {"layers", model.layers},
                   {"head_dim", model.head_dim},
                   {"rope", {{"frequencies", model.rope.frequencies}, {"attention_factor", model.rope.attention_factor}}},
                   {"max_positions", model.max_positions},
                   {"dtype", model.dtype},
                   {"weights", model.weights},
                   {"end_tokens", model.end_tokens}};
  json["isa"] = isa;
  json["threads"] = threads;
  if (!allowed.empty()) json["allowed"] = allowed;
  json["kernels"] = Json::array();
  for (const Kernel& kernel : kernels) {
    json["kernels"].push_back({{"workload", kernel.workload},
                               {"schedule", kernel.schedule},
                               {"tuned", kernel.tuned},
                               {"image_offset", kernel.image_offset},
                               {"image_bytes", kernel.image_bytes},
                               {"entry", kernel.entry},
                               {"scratch_bytes", kernel.scratch_bytes}});
  }
  json["weights"] = Json::array();
  for (const Weight& weight : weights) {
    Json indices = Json::array();
    for (const WeightIndex& index : weight.indices) {
      indices.push_back({{"kind", kIndexNames[static_cast<std::size_t>(index.kind)]},
                         {"count", index.count},
                         {"distance", index.distance}});
    }
    json["weights"].push_back({{"key", weight.key},
                               {"type", weight.type},
                               {"offset", weight.offset},
                               {"bytes", weight.bytes},
                               {"indices", std::move(indices)},
                               {"stride", weight.stride}});
  }
  json["states"] = Json::array();
  for (const State& state : states) {
    json["states"].push_back(
        {{"type", state.type}, {"rows", state.rows}, {"row_bytes", state.row_bytes}, {"layers", state.layers}});
  }
  json["phases"] = Json::array();
  for (const Phase& phase : phases) {
    Json sections = Json::array();
    for (const Section& section : phase.sections) sections.push_back(runtime::to_json(section));
    json["phases"].push_back({{"name", phase.name}, {"rows", phase.rows}, {"sections", sections}});
  }
  return json;
}

Expected<Plan> Plan::from_json(const Json& json, std::uint64_t code_bytes, std::uint64_t weight_bytes) {
  try {
    Plan plan = read_plan(json);
    NNTUNE_TRY(plan.validate(code_bytes, weight_bytes));
    return plan;
  } catch (const std::exception& e) {
    return bad(e.what());
  }
}

Status Plan::validate(std::uint64_t code_bytes, std::uint64_t weight_bytes) const {
  NNTUNE_TRY(check_model(model));
  for (const Kernel& kernel : kernels) {
    if (!inside(kernel.image_offset, kernel.image_bytes, code_bytes) || kernel.entry >= kernel.image_bytes) {
      return bad("a kernel lies outside the code");
    }
    if (!in_range(kernel.scratch_bytes, 0)) return bad("a kernel needs an impossible amount of memory");
  }
  for (const Weight& weight : weights) NNTUNE_TRY(check_weight(weight, model, weight_bytes));
  if (states.size() > kMostStates) return bad("too many states");
  for (const State& state : states) NNTUNE_TRY(check_state(state, model));
  if (phases.empty() || phases.front().rows != 1) return bad("it does not begin with a program for one token");
  for (std::size_t at = 0; at < phases.size(); ++at) {
    const Phase& phase = phases[at];
    if (at > 0 && phase.rows <= phases[at - 1].rows) return bad("its programs are not in the order of their rows");
    if (phase.rows > kMost / model.hidden / 4 || phase.sections.size() < 2) return bad("a program without sections");
    for (const Section& section : phase.sections) {
      NNTUNE_TRY(check_section(section, &section == &phase.sections.back(), phase, *this));
    }
  }
  return {};
}

}  // namespace nntune::runtime
