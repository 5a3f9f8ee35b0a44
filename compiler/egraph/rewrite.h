/// Rewrite rules: a pattern to find, a condition, and what to add beside it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "compiler/egraph/egraph.h"
#include "compiler/egraph/pattern.h"
#include "compiler/egraph/right_side.h"

namespace nntune::egraph {

/// One match, as conditions and appliers see it. Ids may be out of date while rules are applied: EGraph::find.
struct Match {
  const Variables& names;
  ClassId root;
  std::span<const ClassId> classes;
  std::span<const NodeId> nodes;

  /// Class of variable `name` (without '?').
  [[nodiscard]] ClassId operator[](std::string_view name) const { return classes[names.class_index(name)]; }
  /// The node that "head:name" of the pattern found.
  [[nodiscard]] NodeId node(std::string_view name) const { return nodes[names.node_index(name)]; }
};

using Condition = std::function<bool(const EGraph&, const Match&)>;

/// Builds the right side and returns its class, which is merged with the root; nothing if the rule does not apply.
/// To keep results independent of the order of rules it must depend only on the match and on analysis data.
using Applier = std::function<std::optional<ClassId>(EGraph&, const Match&)>;

struct Rewrite {
  std::string name;
  Pattern left;
  Applier apply = {};                   ///< none: `right`
  Condition condition = {};             ///< none: always
  std::optional<RightSide> right = {};  ///< where it is a pattern

  /// A match that was applied once has nothing to add later.
  [[nodiscard]] bool settles() const { return right && !condition; }
};

/// A rule with a pattern on either side. Errors: bad_input (malformed, or a variable that the left side lacks).
[[nodiscard]] Expected<Rewrite> rewrite(std::string name, std::string_view left, std::string_view right,
                                        SymbolTable& symbols, Condition condition = {});

/// A rule whose right side is computed.
[[nodiscard]] Expected<Rewrite> rewrite(std::string name, std::string_view left, Applier right, SymbolTable& symbols,
                                        Condition condition = {});

}  // namespace nntune::egraph
