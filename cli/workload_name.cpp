#include "cli/workload_name.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "compiler/schedule/short_name.h"
#include "db/query.h"

namespace nntune::cli {
namespace {

using schedule::Workload;

constexpr std::size_t kLeastHashDigits = 4;
constexpr std::size_t kNamedInError = 4;

/// Without what a line break in a table adds.
std::string without_space(std::string text) {
  std::erase_if(text, [](char c) { return c == ' ' || c == '\n' || c == '\t'; });
  return text;
}

bool is_hash_prefix(const std::string& text) {
  return text.size() >= kLeastHashDigits && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

std::string describe(const Workload& workload) {
  const auto& shape = workload.inputs.front().shape;
  return fmt::format("{} ({}t={})", workload.hash().hex().substr(0, 8),
                     shape.empty() ? "" : fmt::format("{} rows, ", shape.front()), workload.threads);
}

}  // namespace

Expected<Workload> find_workload(const db::Database& database, const std::string& name) {
  if (auto workload = Workload::parse(name)) return workload;
  NNTUNE_ASSIGN(const auto texts, db::workloads(database));
  std::vector<Workload> by_hash, by_name;
  for (const std::string& text : texts) {
    auto workload = Workload::parse(text);
    if (!workload) continue;  // of a newer or older version
    if (is_hash_prefix(name) && workload->hash().hex().starts_with(name)) by_hash.push_back(*workload);
    if (without_space(schedule::short_name(*workload)) == without_space(name)) by_name.push_back(*workload);
  }
  const std::vector<Workload>& found = by_hash.empty() ? by_name : by_hash;
  if (found.size() == 1) return found.front();
  if (found.empty()) {
    return fail(ErrorKind::bad_input, fmt::format("there is no workload '{}' in {}", name, database.path().string()),
                "give its hash, a name from `nntune explain`, or its text from `nntune explain --json`");
  }
  std::string some;
  for (std::size_t i = 0; i < std::min(kNamedInError, found.size()); ++i) {
    some += fmt::format("{}{}", i == 0 ? "" : ", ", describe(found[i]));
  }
  return fail(ErrorKind::bad_input, fmt::format("'{}' names {} workloads", name, found.size()),
              fmt::format("give the hash of one: {}{}", some, found.size() > kNamedInError ? ", ..." : ""));
}

}  // namespace nntune::cli
