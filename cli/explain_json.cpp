// The facts of `nntune explain` as JSON: for --json, and as the data of the page.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/json.h"
#include "cli/explain_facts.h"
#include "cli/kernel_table.h"
#include "compiler/graph/state.h"
#include "compiler/kernels/family.h"
#include "compiler/rules/registry.h"
#include "compiler/schedule/short_name.h"

namespace nntune::cli {
namespace {

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(); }

std::string_view source(const extract::Cost& cost) {
  return cost.source == extract::CostSource::measured ? "measured" : "estimated";
}

const std::map<std::string, std::string, std::less<>>& family_of_rule() {
  static const auto kFamilies = [] {
    std::map<std::string, std::string, std::less<>> result;
    for (const rules::Family& family : rules::families()) {
      for (const rules::Rule& rule : family.rules) result.emplace(rule.name, family.name);
    }
    return result;
  }();
  return kFamilies;
}

std::string family_of(const std::string& rule) {
  const auto found = family_of_rule().find(rule);
  return found == family_of_rule().end() ? "" : found->second;
}

Json to_json(const extract::Alternative& other) {
  Json json = {{"node", other.node}, {"growth_seconds", number(other.growth_seconds)}};
  json["name"] = alternative_name(other);
  if (other.workload) {
    json["workload"] = other.workload->text();
    json["seconds"] = number(other.cost.seconds);
    json["source"] = source(other.cost);
  }
  return json;
}

Json to_json(const extract::Value& value, const extract::Program& program) {
  switch (value.kind) {
    case extract::ValueKind::input: return {{"kind", "input"}, {"name", value.input}};
    case extract::ValueKind::state: return {{"kind", "state"}, {"name", graph::state_name(value.index)}};
    case extract::ValueKind::weight: return {{"kind", "weight"}, {"name", program.weights[value.index].key}};
    case extract::ValueKind::buffer: break;
  }
  return {{"kind", "buffer"}, {"name", fmt::format("buffer {}", value.index)}, {"column", value.column}};
}

Json to_json(const KernelFacts& kernel, const extract::PhaseProgram& phase, const extract::Program& program) {
  const extract::SectionProgram& section = phase.sections[kernel.section];
  const schedule::Workload& workload = kernel.step->workload;
  const extract::Decision& decision = *kernel.decision;
  const double seconds = kernel.step->cost.seconds;
  Json json = {{"section", section.name},
               {"repeat", section.repeat},
               {"name", schedule::short_name(workload)},
               {"workload", workload.text()},
               {"hash", workload.hash().hex()},
               {"seconds", number(seconds)},
               {"share", number(kernel.share)},
               {"source", source(kernel.step->cost)},
               {"relative_error", kernel.step->cost.relative_error},
               {"roofline", kernel.provenance.roofline_share ? Json(*kernel.provenance.roofline_share) : Json()},
               {"provenance", to_json(kernel.provenance)},
               {"schedule", kernel.provenance.schedule.empty() ? Json() : Json::parse(kernel.provenance.schedule)},
               {"class", decision.class_id},
               {"alternatives", decision.alternatives},
               {"others", Json::array()},
               {"rules", Json::array()},
               {"inputs", Json::array()},
               {"output", workload.output.text()}};
  for (const extract::Alternative& other : decision.others) json["others"].push_back(to_json(other));
  json["runner_up"] = decision.others.empty() ? Json() : json["others"].front();
  for (const extract::RuleStep& step : decision.rules) {
    json["rules"].push_back(
        {{"rule", step.rule}, {"family", family_of(step.rule)}, {"made", step.made}, {"backward", step.backward}});
  }
  for (std::size_t i = 0; i < kernel.step->inputs.size(); ++i) {
    Json input = to_json(kernel.step->inputs[i], program);
    input["type"] = workload.inputs[i].text();
    json["inputs"].push_back(std::move(input));
  }
  if (kernel.input) json["input_layout"] = input_text(kernel, section);
  return json;
}

Json to_json(const extract::LayoutDecision& layout) {
  Json json = {{"weight", layout.weight},
               {"type", layout.type.text()},
               {"bytes", layout.bytes},
               {"runner_up", nullptr},
               {"both", nullptr}};
  if (!layout.runner_up.empty()) {
    json["runner_up"] = {{"weight", layout.runner_up},
                         {"type", layout.runner_up_type.text()},
                         {"bytes", layout.runner_up_bytes},
                         {"growth_seconds", number(layout.runner_up_seconds)},
                         {"kernels", Json::array()}};
    for (const schedule::Workload& workload : layout.workloads) {
      json["runner_up"]["kernels"].push_back(workload.text());
    }
  }
  if (layout.both) {
    json["both"] = {{"type", layout.both->type.text()},
                    {"bytes", layout.both->bytes},
                    {"saved_seconds", layout.both->saved_seconds},
                    {"price_seconds", layout.both->price_seconds}};
  }
  return json;
}

Json to_json(const extract::StateDecision& state, const extract::Program& program) {
  Json json = {{"state", state.number},
               {"name", state_name(program, state.number)},
               {"type", state.type.text()},
               {"runner_up", nullptr}};
  if (!state.runner_up) return json;
  json["runner_up"] = {
      {"type", state.runner_up->text()}, {"growth_seconds", number(state.runner_up_seconds)}, {"kernels", Json::array()}};
  for (const schedule::Workload& workload : state.workloads) json["runner_up"]["kernels"].push_back(workload.text());
  return json;
}

Json memory_json(const ExplainFacts& facts) {
  if (!facts.explanation->memory) return nullptr;
  const extract::MemoryUse& memory = *facts.explanation->memory;
  return {{"weights_bytes", memory.weights_bytes},       {"kv_cache_bytes", memory.kv_cache_bytes},
          {"activation_bytes", memory.activation_bytes}, {"scratch_bytes", memory.scratch_bytes},
          {"total_bytes", memory.total_bytes()},         {"ctx", memory.ctx},
          {"limit_bytes", facts.options.memory_bytes},   {"limit_given", facts.options.memory_given}};
}

Json to_json(const egraph::RunReport& report) {
  Json json = {{"stop", report.stop.text()}, {"saturated", report.stop.kind == egraph::StopReason::Kind::saturated},
               {"cut_off", cut_off(report)}, {"iterations", report.iterations.size()},
               {"seconds", report.seconds},  {"rules", Json::array()}};
  for (const egraph::RuleStats& rule : report.rules) {
    json["rules"].push_back({{"rule", rule.name},
                             {"family", family_of(rule.name)},
                             {"matches", rule.matches},
                             {"applied", rule.applied},
                             {"bans", rule.bans}});
  }
  return json;
}

}  // namespace

Json to_json(const ExplainFacts& facts) {
  const extract::Explanation& explanation = *facts.explanation;
  Json phases = Json::array();
  for (const PhaseFacts& phase : facts.phases) {
    Json kernels = Json::array();
    for (const KernelFacts& kernel : phase.kernels) kernels.push_back(to_json(kernel, *phase.phase, *facts.program));
    const double seconds = phase.phase->seconds();
    phases.push_back({{"name", phase.phase->name},
                      {"rows", phase.phase->rows},
                      {"seconds", number(seconds)},
                      {"tok_per_s", number(static_cast<double>(phase.phase->rows) / seconds)},
                      {"decode_context", phase.phase->rows == 1 ? Json(decode_context(*phase.phase)) : Json()},
                      {"kernels", std::move(kernels)}});
  }
  Json uses = Json::array();
  for (std::size_t i = 0; i < facts.program->phases.size(); ++i) {
    const extract::PhaseProgram& phase = facts.program->phases[i];
    uses.push_back({{"name", phase.name}, {"rows", phase.rows}, {"calls", explanation.phase_calls[i]}});
  }
  Json allowed = Json::array();
  for (const PermissionFacts& each : facts.allowed) {
    allowed.push_back(
        {{"name", each.permission->name}, {"may_change", each.permission->may_change}, {"kernels", each.kernels}});
  }
  Json layouts = Json::array();
  for (const extract::LayoutDecision& layout : explanation.layouts) layouts.push_back(to_json(layout));
  Json states = Json::array();
  for (const extract::StateDecision& state : explanation.states) states.push_back(to_json(state, *facts.program));
  return {{"model", facts.model},
          {"dtype", graph::name(facts.options.dtype)},
          {"threads", facts.options.threads},
          {"target", facts.costs->target.short_name},
          {"peaks", facts.costs->target.measured ? "measured" : "default"},
          {"busy_rows",
           {{"text", busy_line(facts.busy, facts.costs->target.cores)},
            {"kernels", facts.busy.kernels},
            {"measured", facts.busy.measured},
            {"busy", facts.busy.busy},
            {"other_load_cores", facts.busy.cores}}},
          {"nntune_version", NNTUNE_VERSION},
          {"phases", std::move(phases)},
          {"uses", std::move(uses)},
          {"layouts", std::move(layouts)},
          {"states", std::move(states)},
          {"allowed", std::move(allowed)},
          {"saturation", to_json(explanation.saturation)},
          {"programs", number(explanation.programs)},
          {"nodes", explanation.nodes},
          {"classes", explanation.classes},
          {"workloads", explanation.workloads},
          {"objective_seconds", number(explanation.objective_seconds)},
          {"greedy_seconds", number(explanation.greedy_seconds)},
          {"cost", number(explanation.cost)},
          {"lower_bound", number(explanation.lower_bound)},
          {"gap", number(explanation.gap())},
          {"proved", explanation.proved()},
          {"memory", memory_json(facts)},
          {"stored_bytes", explanation.stored_bytes},
          {"stored_byte_seconds", explanation.stored_byte_seconds}};
}

Json to_json(const extract::EGraphView& view, const Isa& isa) {
  Json workloads = Json::array();
  for (std::size_t i = 0; i < view.workloads.size(); ++i) {
    const schedule::Workload& workload = view.workloads[i];
    Json item = {{"name", schedule::short_name(workload)}, {"seconds", number(view.costs[i].seconds)}};
    if (std::isfinite(view.costs[i].seconds)) {
      item["source"] = source(view.costs[i]);
    } else {
      const auto family = kernels::find_family(workload);
      const std::string why = family ? (*family)->refuse(workload, isa) : family.error().what;
      item["why_not"] = why.empty() ? "none of its schedules fits this CPU" : why;
    }
    workloads.push_back(std::move(item));
  }
  Json sections = Json::array();
  for (const auto& section : view.sections) {
    sections.push_back({{"phase", section.phase}, {"rows", section.rows}, {"section", section.section}});
  }
  Json classes = Json::array();
  const auto or_none = [](std::uint32_t value) {
    return value == extract::EGraphView::kNone ? std::int64_t{-1} : static_cast<std::int64_t>(value);
  };
  static_assert(extract::RuleTrace::kImported == extract::EGraphView::kNone);
  for (const auto& each : view.classes) {
    Json nodes = Json::array();
    for (const auto& node : each.nodes) {
      nodes.push_back({{"o", node.op},
                       {"c", node.operands},
                       {"r", or_none(node.rule)},
                       {"s", static_cast<int>(node.state)},
                       {"w", or_none(node.workload)},
                       {"y", or_none(node.reason)}});
    }
    classes.push_back({{"id", each.id}, {"t", each.type}, {"s", or_none(each.section)}, {"n", std::move(nodes)}});
  }
  return {{"ops", view.ops},         {"types", view.types},
          {"rules", view.rules},     {"sections", sections},
          {"workloads", workloads},  {"states", {"chosen", "possible", "refused", "no kernel", "ahead of time"}},
          {"reasons", view.reasons}, {"classes", classes}};
}

}  // namespace nntune::cli
