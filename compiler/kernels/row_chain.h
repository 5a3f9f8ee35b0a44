/// A chain of row-wise steps on one row, as loop IR: the shared part of row-wise kernels, prologues and epilogues.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "compiler/graph/op.h"
#include "compiler/loopir/loopir.h"

namespace nntune::kernels {

/// Columns are walked in blocks of this many, so that groups (heads, gate/up pairs) start at block boundaries.
inline constexpr std::int64_t kColumnBlock = 16;

/// Widest power of two up to `lanes` that divides `columns`.
[[nodiscard]] int lanes_for(std::int64_t columns, int lanes);

/// Statements that run `body(column)` for all columns in vectors. `group` (a divisor of `columns`, else `function` is refused; 0
/// for none) starts a loop of its own, so that columns modulo the group stay provable. `unroll` blocks are unrolled together.
[[nodiscard]] loopir::Stmt for_columns(loopir::Function& function, std::int64_t columns, std::int64_t group, int lanes,
                                       std::int64_t unroll, const std::function<loopir::Stmt(const loopir::Expr&)>& body);

/// The smallest group that a chain of `columns` at its start works in (head width of rms, rope, scale), or 0 for none.
[[nodiscard]] std::int64_t smallest_group(const graph::Chain& chain, std::int64_t columns,
                                          std::span<const graph::TensorType> operands);

/// Builds up the value of a chain at any column of one row. Elementwise steps stay lazy; steps that need the whole row or
/// group first (rms, softmax, rope) add statements that must run before values are read.
class RowChain {
 public:
  using Read = std::function<loopir::Expr(const loopir::Expr& column)>;

  /// \param row    index of the row in the operands of the steps
  /// \param read   value of the chain's input at a column
  /// \param mask   for a column: whether operands may be read there (null: always)
  RowChain(loopir::Function& function, int lanes, loopir::Expr row, std::int64_t columns, std::int64_t group, Read read,
           Read mask = nullptr);

  /// \param operand  of a step that takes one, else null. A cast must be the last step but for pack; both only decide how
  ///                 the result is stored.
  void apply(const graph::Step& step, const loopir::Buffer& operand);
  void apply(const graph::Chain& chain, std::span<const loopir::Buffer> operands);

  [[nodiscard]] loopir::Expr at(const loopir::Expr& column) const { return read_(column); }
  [[nodiscard]] std::int64_t columns() const { return columns_; }
  [[nodiscard]] std::vector<loopir::Stmt> preparation() const { return statements_; }

 private:
  void materialise();
  void rms(const graph::Step& step);
  void rope(const graph::Step& step, const loopir::Buffer& table);
  void softmax();
  [[nodiscard]] loopir::Buffer scratch(const char* name, std::int64_t size);

  loopir::Function& function_;
  int lanes_;
  loopir::Expr row_;
  std::int64_t columns_;
  std::int64_t group_;
  Read read_;
  Read mask_;
  bool in_memory_ = true;  ///< reading a column is one load
  std::vector<loopir::Stmt> statements_;
};

/// Why a chain cannot be generated (a cast in its middle, groups that are no multiple of a block), "" if it can.
[[nodiscard]] std::string refuse_chain(const graph::Chain& chain);
/// The same for a chain whose results are walked by for_columns in its smallest group, which must divide them.
[[nodiscard]] std::string refuse_grouped_chain(const graph::Chain& chain, std::int64_t columns,
                                               std::span<const graph::TensorType> operands);

/// silu(gate) * up.
[[nodiscard]] loopir::Expr swiglu(const loopir::Expr& gate, const loopir::Expr& up);

}  // namespace nntune::kernels
