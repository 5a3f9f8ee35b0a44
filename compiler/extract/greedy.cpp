#include "compiler/extract/greedy.h"

#include <algorithm>

#include "compiler/extract/solve.h"

namespace nntune::extract {

Greedy::Greedy(const Problem& problem) : problem_(problem), state_(problem.classes.size()) {
  const Bits empty(problem.classes.size() + problem.constants.size());
  needs_.assign(problem.classes.size(), empty);
  trial_ = empty;
}

bool Greedy::run(const ProblemSection& section, const std::vector<double>& prices, std::vector<std::int32_t>& choice,
                 const std::vector<std::uint32_t>& sunk) {
  const std::vector<std::int32_t> kept = choice;
  for (const std::uint32_t at : section.classes) {
    choice[at] = Solution::kNoOption;
  }
  std::vector<double> totals(problem_.classes.size(), kInfinity);
  sunk_.assign(problem_.classes.size(), false);
  for (const std::uint32_t at : sunk) {  // operands come first
    sunk_[at] = true;
    choice[at] = kept[at];
    totals[at] = -1;  // nothing is better
    needs_[at].clear();
    needs_[at].set(at);
    for (const std::uint32_t operand : taken(at, choice).operands) {
      needs_[at].merge(needs_[operand]);
    }
  }
  // One sweep is enough where there are no cycles, as classes come behind their operands.
  bool changed = true;
  for (int sweep = 0; changed && sweep < 20; ++sweep) {
    changed = false;
    for (const std::uint32_t at : section.classes) {
      const auto& options = problem_.classes[at].options;
      for (std::size_t i = 0; i < options.size(); ++i) {
        // Whatever is shared, one operand is paid in full: most options end here.
        double bound = options[i].seconds;
        for (const std::uint32_t operand : options[i].operands) {
          bound = std::max(bound, options[i].seconds + std::max(0.0, totals[operand]));
        }
        if (!better(bound, totals[at])) {
          continue;
        }
        const double total = total_with(at, options[i], prices, choice);
        if (better(total, totals[at])) {
          totals[at] = total;
          choice[at] = static_cast<std::int32_t>(i);
          needs_[at] = trial_;
          needs_[at].set(at);
          changed = true;
        }
      }
    }
  }
  return std::all_of(section.roots.begin(), section.roots.end(),
                     [&](std::uint32_t root) { return choice[root] != Solution::kNoOption; });
}

SectionCost Greedy::section_cost(const ProblemSection& section, const std::vector<std::int32_t>& choice) {
  SectionCost result{0, Bits(problem_.constants.size())};
  for (const std::uint32_t at : section.classes) {
    state_[at] = State::unseen;
  }
  for (const std::uint32_t root : section.roots) {
    visit(root, choice, result);
  }
  return result;
}

void Greedy::forbid_others(std::uint32_t only, std::vector<double>& prices) const {
  const auto& wanted = problem_.constants[only].matrices;
  for (std::size_t i = 0; i < prices.size(); ++i) {
    const auto& matrices = problem_.constants[i].matrices;
    if (i != only && std::find_first_of(matrices.begin(), matrices.end(), wanted.begin(), wanted.end()) != matrices.end()) {
      prices[i] = kInfinity;
    }
  }
}

void Greedy::complete(std::vector<std::int32_t>& choice) {
  if (defaults_.empty()) {
    defaults_.assign(problem_.classes.size(), Solution::kNoOption);
    for (const ProblemSection& section : problem_.sections) {
      run(section, prices(), defaults_);
    }
  }
  for (std::size_t i = 0; i < choice.size(); ++i) {
    choice[i] = choice[i] == Solution::kNoOption ? defaults_[i] : choice[i];
  }
}

std::vector<double> Greedy::prices() const {
  std::vector<double> result;
  for (const Constant& constant : problem_.constants) {
    result.push_back(constant.price);
  }
  return result;
}

double Greedy::total_with(std::uint32_t at, const Option& option, const std::vector<double>& prices,
                          const std::vector<std::int32_t>& choice) {
  trial_.clear();
  const std::size_t first_constant = problem_.classes.size();
  for (const std::uint32_t operand : option.operands) {
    if (choice[operand] == Solution::kNoOption || needs_[operand].test(at)) {
      return kInfinity;
    }
    trial_.merge(needs_[operand]);
  }
  for (const std::uint32_t constant : option.constants) {
    if (prices[constant] == kInfinity) {
      return kInfinity;
    }
    trial_.set(first_constant + constant);
  }
  double total = option.seconds;
  trial_.for_each([&](std::size_t i) {
    if (i >= first_constant) {
      total += prices[i - first_constant];
    } else if (!sunk_[i]) {
      total += taken(static_cast<std::uint32_t>(i), choice).seconds;
    }
  });
  return total;
}

void Greedy::visit(std::uint32_t at, const std::vector<std::int32_t>& choice, SectionCost& result) {
  if (state_[at] == State::done) {
    return;
  }
  if (state_[at] == State::open || choice[at] == Solution::kNoOption) {
    result.seconds = kInfinity;
    return;
  }
  state_[at] = State::open;
  const Option& option = taken(at, choice);
  result.seconds += option.seconds;
  for (const std::uint32_t constant : option.constants) {
    result.constants.set(constant);
  }
  for (const std::uint32_t operand : option.operands) {
    visit(operand, choice, result);
  }
  state_[at] = State::done;
}

}  // namespace nntune::extract
