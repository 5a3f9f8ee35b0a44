/// E-class analyses (Willsey et al., POPL 2021, section 4): one value from a semilattice for each class.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include "compiler/egraph/flat_array.h"

namespace nntune::egraph {

class EGraph;
using ClassId = std::uint32_t;
using NodeId = std::uint32_t;

/// Which side of a merge got a new value, so that the parents of that side are looked at again.
struct Merged {
  bool into_changed = false;
  bool from_changed = false;
  /// The two values exclude each other, e.g. two different constants: a rule is unsound, or arithmetic rounded. The data stays
  /// that of `into`, and EGraph::contradiction() tells.
  bool contradict = false;
};

/// What the engine calls; clients derive from TypedAnalysis below.
class Analysis {
 public:
  virtual ~Analysis() = default;
  /// `node` is new and alone in class `node`.
  virtual void added(const EGraph& graph, NodeId node) = 0;
  /// The data of a child of `node` changed; joins what it gives now into its class, the side `into`.
  virtual Merged update(const EGraph& graph, NodeId node, ClassId class_id) = 0;
  /// Class `from` is about to become part of class `into`.
  virtual Merged merge(ClassId into, ClassId from) = 0;
  /// May add nodes to the class or merge it, e.g. with the constant it is known to equal.
  virtual void modify(EGraph& /*graph*/, ClassId /*class_id*/) {}
  /// Counted in EGraph::memory_bytes().
  [[nodiscard]] virtual std::size_t memory_bytes() const { return 0; }
};

/// An analysis whose values of type `Data` lie in one array, indexed by class.
template <class Data>
class TypedAnalysis : public Analysis {
 public:
  /// Value of a class; `id` must be canonical (EGraph::find).
  [[nodiscard]] const Data& data(ClassId id) const { return data_[id]; }

  void added(const EGraph& graph, NodeId node) final {
    Data value = make(graph, node);
    while (data_.size() < node) data_.push_back({});  // nodes that never were a class of their own
    data_.push_back(std::move(value));
  }
  Merged update(const EGraph& graph, NodeId node, ClassId class_id) final {
    return join(data_[class_id], make(graph, node));
  }
  Merged merge(ClassId into, ClassId from) final {
    Data other = data_[from];
    return join(data_[into], std::move(other));
  }
  /// Without what the values hold elsewhere.
  [[nodiscard]] std::size_t memory_bytes() const override {
    if constexpr (kPlain) {
      return data_.capacity_bytes();
    } else {
      return data_.capacity() * sizeof(Data);
    }
  }

 protected:
  /// The value of one node from those of its children.
  virtual Data make(const EGraph& graph, NodeId node) = 0;
  /// Least upper bound into `into`; must be commutative, associative and idempotent.
  virtual Merged join(Data& into, Data from) = 0;

 private:
  static constexpr bool kPlain = std::is_trivially_copyable_v<Data>;
  std::conditional_t<kPlain, FlatArray<Data>, std::vector<Data>> data_;
};

}  // namespace nntune::egraph
