/// The egraph-serialize JSON of egraphs-good (https://github.com/egraphs-good/egraph-serialize), read and written.
///
///     {"nodes": {"n0": {"op": "+", "children": ["n1", "n2"], "eclass": "c0", "cost": 1.0}, ...}, "root_eclasses": ["c0"]}
///
/// A child is named by a node and means its whole class. As there, "cost" is 1 and "children" is empty where it is missing, and
/// a node that is "subsumed" is not extracted.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "compiler/egraph/egraph.h"
#include "compiler/egraph/extraction_instance.h"

namespace nntune::egraph {

/// The text of a file, unpacked if it is gzip. Errors: io, bad_input.
[[nodiscard]] Expected<std::string> read_serialized_text(const std::filesystem::path& path);

/// Classes and nodes in the order of the text. `name` says in errors where it came from. Errors: bad_input (not JSON, a child or
/// root that is not there, no root, a cost that is negative or not finite, an id that comes twice), naming the node.
[[nodiscard]] Expected<ExtractionInstance> parse_serialized(std::string_view text, std::string_view name);

/// Of a clean graph: nodes that are not hidden, by their numbers; `cost` is finite and >= 0.
[[nodiscard]] std::string to_serialized(const EGraph& graph, std::span<const ClassId> roots,
                                        const std::function<double(NodeId)>& cost);

/// Classes and nodes by name, or by number where there are no names. Operators are not kept: each is the name of its node.
[[nodiscard]] std::string to_serialized(const ExtractionInstance& instance);

}  // namespace nntune::egraph
