/// Where a repeated body is cut from its next repetition: behind its last sum, or before it.
///
/// A body ends with x = residual + branch: the residual stream, and what its last matmul adds to it. Cut behind the sum, it hands x
/// over. Cut before it ("rotated"), it hands over both addends, and the next repetition (at last the head) sums them, where that
/// sum may join its norm; the weights of a layer stay with the layer. The first repetition gets x from the section before, and
/// zeros as branch. A program is right whichever way each phase is cut, so the extraction takes the cheapest.
///
/// The cut before the sum is looked at only if the sum would be a kernel of its own otherwise (rotation_may_pay): a matmul that
/// adds the residual itself leaves nothing to be won, and the second cut makes more kernels to be costed.
///
/// Both forms are then in one e-graph: x of these sections is an input, and equal to the sum of two more inputs. A cut decides which
/// inputs there are and what is handed over.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "compiler/extract/problem.h"
#include "compiler/extract/program.h"
#include "compiler/extract/solve.h"
#include "compiler/graph/graph.h"

namespace nntune::extract {

/// Which cut the extraction may take.
enum class Rotation {
  off,        ///< behind the sum in all phases
  automatic,  ///< before the sum in each phase where that is cheaper, if it may pay at all
  always,     ///< before the sum wherever a body ends with one; for tests
};

/// Inputs of sections: the activation, and its addends.
inline constexpr const char* kActivation = "x";
inline constexpr const char* kResidual = "residual";
inline constexpr const char* kBranch = "branch";

/// The addends (residual, branch) of the activation that a repeated section hands over; empty if it ends with no sum.
[[nodiscard]] std::vector<graph::NodeId> last_addends(const graph::Section& section);

/// Whether some body of `program`, cut behind its last sum, computes that sum by anything but a matmul.
[[nodiscard]] bool rotation_may_pay(std::span<const graph::Phase> phases, const Program& program);

/// `problem` with the cut of each phase decided.
/// \param rotated  by phase (ProblemSection::phase_number): whether it is cut before the sum
[[nodiscard]] Problem with_cuts(Problem problem, const std::vector<bool>& rotated);

struct CutProblem {
  std::vector<bool> rotated;  ///< by phase
  Problem problem;            ///< with these cuts
  SolveResult solved;
};

/// The cuts under which `solve` finds the cheapest program: each phase in turn is cut before the sum if that is cheaper.
/// \param smallest  ExtractOptions::smallest: options.capacity_bytes is what the program that stores least stores
/// Errors: those of solve.
[[nodiscard]] Expected<CutProblem> choose_cuts(const Problem& problem, Rotation rotation, bool smallest = false,
                                               const SolveOptions& options = {});

}  // namespace nntune::extract
