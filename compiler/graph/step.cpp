#include "compiler/graph/step.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "compiler/graph/text.h"

namespace nntune::graph {
namespace {

tl::unexpected<Error> no_step(std::string_view text) {
  return fail(ErrorKind::bad_input, fmt::format("\"{}\" is not a step", text));
}

/// Reads `arguments`, the text in the parentheses, into `step`, whose kind is known.
Status read_arguments(Step& step, std::string_view arguments, std::string_view whole) {
  const std::string_view name = step.traits().name;
  switch (step.traits().arguments) {
    case StepArguments::none: return {};
    case StepArguments::eps_and_group: {
      const std::vector<std::string_view> pieces = split(arguments, ',');
      if (pieces.size() != 2) return no_step(whole);
      NNTUNE_ASSIGN(step.eps, parse_real(pieces[0], fmt::format("eps of {}", name)));
      NNTUNE_ASSIGN(step.group, parse_integer(pieces[1], fmt::format("group of {}", name)));
      return {};
    }
    case StepArguments::group: {
      NNTUNE_ASSIGN(step.group, parse_integer(arguments, fmt::format("group of {}", name)));
      return {};
    }
    case StepArguments::dtype: {
      NNTUNE_ASSIGN(step.dtype, parse_dtype(arguments));
      return {};
    }
    case StepArguments::lanes: {
      NNTUNE_ASSIGN(step.lanes, parse_lanes(arguments));
      return {};
    }
  }
  return no_step(whole);
}

}  // namespace

std::string Step::text() const {
  switch (traits().arguments) {
    case StepArguments::none: break;
    case StepArguments::eps_and_group: return fmt::format("{}({},{})", traits().name, eps, group);
    case StepArguments::group: return fmt::format("{}({})", traits().name, group);
    case StepArguments::dtype: return fmt::format("{}({})", traits().name, graph::name(dtype));
    case StepArguments::lanes: return fmt::format("{}({})", traits().name, graph::text(lanes));
  }
  return std::string(traits().name);
}

Expected<Step> Step::parse(std::string_view text) {
  const std::size_t open = text.find('(');
  const bool has_arguments = open != std::string_view::npos;
  if (text.empty() || (has_arguments && text.back() != ')')) return no_step(text);
  const auto* const found = std::ranges::find(kSteps, text.substr(0, open), &StepTraits::name);
  if (found == kSteps.end() || has_arguments != (found->arguments != StepArguments::none)) return no_step(text);
  Step step{.kind = found->kind};
  if (has_arguments) NNTUNE_TRY(read_arguments(step, text.substr(open + 1, text.size() - open - 2), text));
  return step;
}

std::string text(const Chain& chain) {
  std::vector<std::string> pieces;
  for (const Step& step : chain) pieces.push_back(step.text());
  return fmt::format("{}", fmt::join(pieces, "|"));
}

Expected<Chain> parse_chain(std::string_view text) {
  Chain chain;
  for (const std::string_view piece : split(text, '|')) {
    NNTUNE_ASSIGN(Step step, Step::parse(piece));
    chain.push_back(std::move(step));
  }
  return chain;
}

int operands(const Chain& chain) {
  int count = 0;
  for (const Step& step : chain) count += step.operands();
  return count;
}

bool has_step(const Chain& chain, StepKind kind) {
  return std::ranges::any_of(chain, [kind](const Step& step) { return step.kind == kind; });
}

}  // namespace nntune::graph
