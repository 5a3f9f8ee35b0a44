/// Who wants to know how an e-graph came about; compiler/extract/rule_trace.h is one.
#pragma once

#include <span>

#include "compiler/egraph/analysis.h"

namespace nntune::egraph {

/// Told of each change as it is made. Not together with proofs.
class ChangeListener {
 public:
  virtual ~ChangeListener() = default;
  /// `node` is new and a class of its own; `children` are the present classes of its operands.
  virtual void added(NodeId node, std::span<const ClassId> children) = 0;
  /// What was to be added is this node.
  virtual void found(NodeId node) = 0;
  /// Two classes are about to become one, each given as it was in EGraph::merge: by any id in it. By congruence: these are
  /// nodes, and equal but for what their operands were once written as.
  virtual void merging(ClassId a, ClassId b, bool by_congruence) = 0;
};

}  // namespace nntune::egraph
