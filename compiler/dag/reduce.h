/// Makes an extraction problem smaller without losing all of its optima.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <vector>

#include "compiler/dag/evaluate.h"

namespace nntune::dag {

/// A smaller instance (no names, each child once) and where its parts came from.
struct Reduction {
  ExtractionInstance instance;
  std::vector<std::uint32_t> class_of;  ///< by class: in the original instance
  std::vector<std::uint32_t> node_of;   ///< by node: in the original instance

  /// The same choice in the original instance.
  [[nodiscard]] Choice lift(const Choice& choice, std::size_t original_classes) const;
  /// The choice in this instance; false if it takes a node that is not there any more in a class that is.
  [[nodiscard]] bool lower(const Choice& original, Choice& choice) const;
};

/// Drops nodes that list their own class, nodes and classes without an acyclic derivation, and what no root can reach. Linear.
/// A root that has no derivation stays, without nodes.
[[nodiscard]] Reduction drop_useless(const ExtractionInstance& instance);

/// The same of an instance that has only these nodes.
[[nodiscard]] Reduction keep_nodes(const ExtractionInstance& instance, const std::vector<bool>& keep_node);

/// `second` was made of the instance of `first`.
[[nodiscard]] Reduction compose(const Reduction& first, Reduction second);

/// The first root without a node, kNone if there is none.
[[nodiscard]] std::uint32_t underivable_root(const ExtractionInstance& instance);

/// What every derivation of a class needs, as sets: the classes that are in all of its extractions, itself included. The
/// greatest fixpoint of: a class needs itself and what all of its nodes need; a node needs what any of its children needs.
/// Nodes that need their own class can never be chosen and do not count. (Dominators, for graphs whose nodes need all children.)
class Needs {
 public:
  /// Sets take classes^2 / 8 bytes; none are made beyond `kMostClasses` or if `stop` says so.
  explicit Needs(const ExtractionInstance& instance, const std::function<bool()>& stop = {});
  static constexpr std::size_t kMostClasses = 40'000;

  [[nodiscard]] bool known() const { return !sets_.empty(); }
  [[nodiscard]] bool needs(std::uint32_t class_id, std::uint32_t other) const {
    return ((row(class_id)[other / 64] >> (other % 64)) & 1) != 0;
  }
  [[nodiscard]] const std::uint64_t* row(std::uint32_t class_id) const { return sets_.data() + class_id * words_; }
  [[nodiscard]] std::size_t words() const { return words_; }

 private:
  std::size_t words_ = 0;
  std::vector<std::uint64_t> sets_;
};

/// How many nodes to look at for landmarks.
inline constexpr std::size_t kQuickEffort = 1'000'000;
inline constexpr std::size_t kThoroughEffort = 20'000'000;

struct ReducedOnce {
  Reduction reduction;
  /// No extraction costs less than this or less than `cutoff`, whichever is lower.
  double lower_bound = 0;
  bool changed = false;
};

/// Drops more nodes, keeping at least one optimum if that is under `cutoff` (within capacity):
/// - nodes that need their own class;
/// - a node whose sibling costs no more, takes no more bytes and has only children that the node needs anyway;
/// - nodes that cannot be part of an extraction under `cutoff`, as what they and the roots need already costs as much, or the
///   paths through them do (path_bounds.h), or landmarks (landmarks.h).
/// `instance` comes from drop_useless().
[[nodiscard]] ReducedOnce reduce_once(const ExtractionInstance& instance, double cutoff,
                                      const std::function<bool()>& stop = {}, std::size_t effort = kQuickEffort);

struct Reduced {
  Reduction reduction;
  double lower_bound = 0;  ///< as in ReducedOnce; `cutoff` if nothing cheaper is possible
};

/// reduce_once() and drop_useless() until nothing changes.
[[nodiscard]] Reduced reduce(const ExtractionInstance& instance, double cutoff, const std::function<bool()>& stop = {},
                             std::size_t effort = kQuickEffort);

/// All costs are whole multiples of this, as far as doubles can tell; 0 if there is no such number. Then bounds can be rounded
/// up.
[[nodiscard]] double cost_grid(const ExtractionInstance& instance);

/// The smallest multiple of `grid` that is not below `bound` (but for rounding).
[[nodiscard]] double round_up(double bound, double grid);

}  // namespace nntune::dag
