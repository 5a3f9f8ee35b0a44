/// The types of results: infer_chain of step.h and infer_type of op.h.
#include <fmt/format.h>

#include <algorithm>

#include "compiler/graph/op.h"

namespace nntune::graph {
namespace {

tl::unexpected<Error> misfit(std::string_view operation, std::string why) {
  return fail(ErrorKind::bad_input, fmt::format("{}: {}", operation, why));
}

bool is_float(const TensorType& type) { return type.dtype == DType::f32 || type.dtype == DType::bf16; }

/// What arithmetic reads.
bool is_number(const TensorType& type) { return is_float(type) || type.dtype == DType::i8; }

/// A matrix of numbers with static dimensions, as every row-wise chain and matmul reads.
Status check_matrix(std::string_view operation, std::string_view operand, const TensorType& type) {
  if (type.rank() != 2 || !is_number(type) || type.shape[0] == kRunTime || type.shape[1] == kRunTime) {
    return misfit(operation, fmt::format("{} is {}, must be a matrix of f32, bf16 or i8", operand, type.text()));
  }
  return {};
}

Status check_row_major(std::string_view operation, std::string_view operand, const TensorType& type) {
  if (type.packed()) return misfit(operation, fmt::format("{} is {}, must be row-major", operand, type.text()));
  return {};
}

Status check_count(const Op& op, std::size_t have, std::size_t want) {
  if (have != want) return misfit(op.text(), fmt::format("has {} operands, takes {}", have, want));
  return {};
}

Status check_no_blocks(std::string_view operation, const TensorType& type) {
  if (type.block != 0) return misfit(operation, fmt::format("x is {}, must not be quantised in blocks", type.text()));
  return {};
}

/// Whether `group` columns at a time fill the rows of `x`.
Status check_group(const std::string& step, std::int64_t group, const TensorType& x, std::int64_t multiple) {
  if (group < 1 || group % multiple != 0 || x.shape[1] % group != 0) {
    return misfit(step, fmt::format("its group must be a positive{} divisor of the {} columns of {}",
                                    multiple == 2 ? " even" : "", x.shape[1], x.text()));
  }
  return {};
}

Expected<TensorType> infer_step(const Step& step, TensorType x, const TensorType* operand) {
  const std::string what = step.text();
  const std::int64_t columns = x.shape[1];
  TensorType result = x;
  result.dtype = DType::f32;
  result.block = 0;
  switch (step.kind) {
    case StepKind::rms:
      if (step.eps < 0) return misfit(what, "eps must not be negative");
      if (step.group != 0) NNTUNE_TRY(check_group(what, step.group, x, 1));
      return result;
    case StepKind::scale:
    case StepKind::bias:
      if (operand->rank() != 1 || operand->dtype != DType::f32 || operand->packed() || operand->shape[0] < 1 ||
          columns % operand->shape[0] != 0) {
        return misfit(what, fmt::format("its operand is {}, must be f32[g] where g divides the {} columns of {}",
                                        operand->text(), columns, x.text()));
      }
      return result;
    case StepKind::add:
    case StepKind::swiglu:
      if (operand->shape != x.shape || operand->lanes != x.lanes || !is_number(*operand)) {
        return misfit(what,
                      fmt::format("its operand is {}, must have the shape and layout of {}", operand->text(), x.text()));
      }
      return result;
    case StepKind::swiglu_split:
      if (columns % 2 != 0) return misfit(what, fmt::format("{} has an odd number of columns", x.text()));
      result.shape[1] = columns / 2;
      return result;
    case StepKind::swiglu_pairs:
      if (step.group < 1 || columns % (2 * step.group) != 0) {
        return misfit(what, fmt::format("two groups must be a positive divisor of the {} columns of {}", columns, x.text()));
      }
      result.shape[1] = columns / 2;
      return result;
    case StepKind::rope:
      NNTUNE_TRY(check_group(what, step.group, x, 2));
      if (operand->rank() != 2 || operand->dtype != DType::f32 || operand->packed() || operand->shape[1] != step.group) {
        return misfit(what, fmt::format("its table is {}, must be f32[?,{}]", operand->text(), step.group));
      }
      return result;
    case StepKind::softmax: return result;
    case StepKind::cast:
      if (step.dtype != DType::f32 && step.dtype != DType::bf16) return misfit(what, "only casts to f32 and bf16 exist");
      result.dtype = step.dtype;
      return result;
    case StepKind::quantise:
      NNTUNE_TRY(check_group(what, step.group, x, 1));
      result.dtype = DType::i8;
      result.block = step.group;
      return result;
    case StepKind::pack:
      NNTUNE_TRY(check_row_major(what, "x", x));
      if (step.lanes.empty()) return misfit(what, "it has no lanes");
      result = x;
      result.lanes = step.lanes;
      NNTUNE_TRY(result.validate());
      return result;
  }
  return misfit(what, "unknown step");
}

/// No program has more, and sizes stay far from overflow.
constexpr std::int64_t kMostSplits = 4096;

/// What attention gives behind its softmax; `columns`: heads*d.
Expected<TensorType> infer_attended(const Op& op, std::int64_t rows, std::int64_t columns) {
  for (const Step& step : op.epilogue()) {
    if (!step.traits().stores) {
      return misfit(op.text(), fmt::format("{} may not follow attention, only cast, quantise and pack", step.text()));
    }
  }
  return infer_chain(op.epilogue(), TensorType{DType::f32, {rows, columns}, {}}, {});
}

Expected<TensorType> infer_attention(const Op& op, std::span<const TensorType> inputs) {
  const auto& [heads, kv_heads, scale, splits, chain, epilogue] = op.as<Attention>();
  const auto prologue = static_cast<std::size_t>(operands(chain));
  NNTUNE_TRY(check_count(op, inputs.size(), 3 + prologue));
  NNTUNE_TRY(check_matrix(op.text(), "q", inputs[0]));
  NNTUNE_ASSIGN(const TensorType q, infer_chain(chain, inputs[0], inputs.subspan(1, prologue)));
  const TensorType& k = inputs[1 + prologue];
  const TensorType& v = inputs[2 + prologue];
  if (heads < 1 || kv_heads < 1 || heads % kv_heads != 0) {
    return misfit(op.text(), "heads must be a multiple of kv_heads");
  }
  if (k.rank() != 3 || !is_float(k) || k.shape[0] != kv_heads || k.shape[2] < 1) {
    return misfit(op.text(), fmt::format("k is {}, must be [{},?,d] of f32 or bf16", k.text(), kv_heads));
  }
  if (v.unpacked() != k.unpacked()) return misfit(op.text(), fmt::format("v is {}, must be like k, {}", v.text(), k.text()));
  const std::int64_t columns = heads * k.shape[2];
  if (q.shape[1] != columns) {
    return misfit(op.text(), fmt::format("q is {}, must have heads*d = {} columns", q.text(), columns));
  }
  if (splits < 1 || splits > kMostSplits) return misfit(op.text(), fmt::format("it has {} splits", splits));
  if (splits == 1) return infer_attended(op, q.shape[0], columns);
  if (q.shape[0] != 1) return misfit(op.text(), fmt::format("q is {}, only one row is split", q.text()));
  if (!epilogue.empty()) return misfit(op.text(), "an epilogue belongs behind attention_merge");
  return TensorType{DType::f32, {1, splits * (columns + heads)}, {}};
}

Expected<TensorType> infer_attention_merge(const Op& op, std::span<const TensorType> inputs) {
  NNTUNE_TRY(check_count(op, inputs.size(), 1));
  const auto& [heads, splits, epilogue] = op.as<AttentionMerge>();
  const TensorType& parts = inputs[0];
  if (heads < 1 || splits < 2 || splits > kMostSplits) {
    return misfit(op.text(), fmt::format("it has {} heads and {} splits", heads, splits));
  }
  const std::int64_t rows = heads * splits;
  if (parts.rank() != 2 || parts.dtype != DType::f32 || parts.packed() || parts.shape[0] != 1 ||
      parts.shape[1] % rows != 0 || parts.shape[1] / rows < 2) {
    return misfit(op.text(), fmt::format("the parts are {}, must be row-major f32[1,{}*(d+1)]", parts.text(), rows));
  }
  return infer_attended(op, 1, parts.shape[1] / splits - heads);
}

Expected<TensorType> infer_cache_append(const Op& op, std::span<const TensorType> inputs) {
  const auto extra = static_cast<std::size_t>(operands(op.prologue()));
  NNTUNE_TRY(check_count(op, inputs.size(), 2 + extra));
  NNTUNE_TRY(check_matrix(op.text(), "x", inputs[0]));
  NNTUNE_ASSIGN(const TensorType x, infer_chain(op.prologue(), inputs[0], inputs.subspan(1, extra)));
  const TensorType& cache = inputs.back();
  if (cache.rank() != 3 || !is_float(cache) || cache.shape[0] * cache.shape[2] != x.shape[1]) {
    return misfit(op.text(), fmt::format("the cache is {}, must be [kv_heads,?,d] with kv_heads*d = {} columns of {}",
                                         cache.text(), x.shape[1], x.text()));
  }
  return cache;
}

Expected<TensorType> infer_leaf(const Op& op, const std::string& name, const TensorType& type, std::size_t operand_count) {
  NNTUNE_TRY(check_count(op, operand_count, 0));
  if (name.empty()) return misfit(op.text(), "it has no name");
  NNTUNE_TRY(type.validate());
  return type;
}

Expected<TensorType> infer_state(const Op& op, const State& state, std::size_t operand_count) {
  if (!state_number(op)) return misfit(op.text(), "it has no number");
  if (std::ranges::count(state.type.shape, kRunTime) != 1)
    return misfit(op.text(), "the tokens are not its run-time dimension");
  return infer_leaf(op, state.name, state.type, operand_count);
}

Expected<TensorType> infer_slice(const Op& op, const TensorType& x) {
  const auto [begin, end, axis] = op.as<Slice>();
  NNTUNE_TRY(check_matrix(op.text(), "x", x));
  NNTUNE_TRY(check_row_major(op.text(), "x", x));
  if (axis != 0 && axis != 1) return misfit(op.text(), "axis must be 0 or 1");
  if (axis == 1) NNTUNE_TRY(check_no_blocks(op.text(), x));
  TensorType result = x;
  std::int64_t& size = result.shape[static_cast<std::size_t>(axis)];
  if (begin < 0 || end <= begin || end > size) {
    return misfit(op.text(),
                  fmt::format("the range is not within the {} {} of {}", size, axis == 1 ? "columns" : "rows", x.text()));
  }
  size = end - begin;
  return result;
}

/// concat and interleave: row-major matrices with equal columns and dtype.
Expected<TensorType> infer_stack(const Op& op, std::span<const TensorType> inputs) {
  if (inputs.empty()) return misfit(op.text(), "has no operands");
  TensorType result = inputs[0];
  result.shape = {0, inputs[0].rank() == 2 ? inputs[0].shape[1] : 0};
  for (const TensorType& w : inputs) {
    NNTUNE_TRY(check_matrix(op.text(), "an operand", w));
    NNTUNE_TRY(check_row_major(op.text(), "an operand", w));
    if (w.shape[1] != result.shape[1] || w.dtype != result.dtype || w.block != result.block) {
      return misfit(op.text(), fmt::format("{} and {} must have equal columns and dtype", inputs[0].text(), w.text()));
    }
    result.shape[0] += w.shape[0];
  }
  if (const auto* interleave = op.get_if<Interleave>()) {
    NNTUNE_TRY(check_count(op, inputs.size(), 2));
    if (inputs[0] != inputs[1] || interleave->group < 1 || inputs[0].shape[0] % interleave->group != 0) {
      return misfit(op.text(), fmt::format("{} and {} must be equal, with rows a multiple of the group", inputs[0].text(),
                                           inputs[1].text()));
    }
  }
  return result;
}

Expected<TensorType> infer_transpose(const Op& op, TensorType x) {
  NNTUNE_TRY(check_matrix(op.text(), "x", x));
  NNTUNE_TRY(check_no_blocks(op.text(), x));
  std::swap(x.shape[0], x.shape[1]);
  for (Lane& lane : x.lanes) lane.axis = 1 - lane.axis;
  return x;
}

Expected<TensorType> infer_reshape(const Op& op, const TensorType& x) {
  const std::vector<std::int64_t>& shape = op.as<Reshape>().shape;
  NNTUNE_TRY(check_no_blocks(op.text(), x));
  const auto static_size = [](std::int64_t size) { return size >= 1; };
  if (x.rank() > 2 || !is_number(x) || !std::ranges::all_of(x.shape, static_size)) {
    return misfit(op.text(), fmt::format("x is {}, must be a vector or a matrix of f32, bf16 or i8", x.text()));
  }
  if (shape.empty() || shape.size() > 2) return misfit(op.text(), "the result must be a vector or a matrix");
  const TensorType result{x.dtype, shape, {}};
  if (!std::ranges::all_of(result.shape, static_size)) return misfit(op.text(), "every dimension must be 1 or more");
  NNTUNE_TRY(result.validate());
  if (result.elements() != x.elements()) return misfit(op.text(), fmt::format("{} has not as many elements", x.text()));
  TensorType packed = result;
  packed.lanes = x.lanes;
  for (Lane& lane : packed.lanes) {
    if (lane.axis != x.rank() - 1) return misfit(op.text(), fmt::format("{} has lanes across rows", x.text()));
    lane.axis = result.rank() - 1;
  }
  if (x.packed()) {
    const std::int64_t lanes = x.lanes_on(x.rank() - 1);
    if (x.shape.back() % lanes != 0 || result.shape.back() % lanes != 0) {
      return misfit(op.text(), fmt::format("the lanes of {} do not divide the rows", x.text()));
    }
  }
  return packed;
}

}  // namespace

Expected<TensorType> infer_chain(const Chain& chain, const TensorType& x, std::span<const TensorType> extra) {
  if (chain.empty() && extra.empty()) return x;
  NNTUNE_TRY(check_matrix(text(chain), "x", x));
  if (extra.size() != static_cast<std::size_t>(operands(chain))) {
    return misfit(text(chain), fmt::format("has {} operands, takes {}", extra.size(), operands(chain)));
  }
  TensorType type = x;
  std::size_t next = 0;
  for (std::size_t i = 0; i < chain.size(); ++i) {
    const TensorType* operand = chain[i].operands() == 1 ? &extra[next++] : nullptr;
    NNTUNE_ASSIGN(type, infer_step(chain[i], type, operand));
    if (chain[i].kind == StepKind::pack && i + 1 != chain.size()) return misfit(text(chain), "pack must be the last step");
  }
  return type;
}

Expected<TensorType> infer_type(const Op& op, std::span<const TensorType> inputs) {
  for (const TensorType& type : inputs) NNTUNE_TRY(type.validate());
  switch (op.kind()) {
    case OpKind::input: return infer_leaf(op, op.as<Input>().name, op.as<Input>().type, inputs.size());
    case OpKind::state: return infer_state(op, op.as<State>(), inputs.size());
    case OpKind::weight: return infer_leaf(op, op.as<Weight>().name, op.as<Weight>().type, inputs.size());
    case OpKind::embed: {
      NNTUNE_TRY(check_count(op, inputs.size(), 2));
      const TensorType& ids = inputs[0];
      if (ids.rank() != 1 || ids.dtype != DType::i32 || ids.packed() || ids.shape[0] == kRunTime) {
        return misfit(op.text(), fmt::format("ids are {}, must be i32[m]", ids.text()));
      }
      NNTUNE_TRY(check_matrix(op.text(), "the table", inputs[1]));
      return TensorType{DType::f32, {ids.shape[0], inputs[1].shape[1]}, {}};
    }
    case OpKind::rowwise:
      NNTUNE_TRY(check_count(op, inputs.size(), 1 + static_cast<std::size_t>(operands(op.prologue()))));
      NNTUNE_TRY(check_matrix(op.text(), "x", inputs[0]));
      return infer_chain(op.prologue(), inputs[0], inputs.subspan(1));
    case OpKind::matmul: {
      const auto before = static_cast<std::size_t>(operands(op.prologue()));
      const auto after = static_cast<std::size_t>(operands(op.epilogue()));
      NNTUNE_TRY(check_count(op, inputs.size(), 2 + before + after));
      const TensorType& w = inputs[1 + before];
      NNTUNE_TRY(check_matrix(op.text(), "x", inputs[0]));
      NNTUNE_TRY(check_matrix(op.text(), "w", w));
      NNTUNE_ASSIGN(const TensorType x, infer_chain(op.prologue(), inputs[0], inputs.subspan(1, before)));
      if (x.shape[1] != w.shape[1]) {
        return misfit(op.text(), fmt::format("x is {} and w is {}, they must have equal columns", x.text(), w.text()));
      }
      return infer_chain(op.epilogue(), TensorType{DType::f32, {x.shape[0], w.shape[0]}, {}}, inputs.subspan(2 + before));
    }
    case OpKind::attention: return infer_attention(op, inputs);
    case OpKind::attention_merge: return infer_attention_merge(op, inputs);
    case OpKind::cache_append: return infer_cache_append(op, inputs);
    case OpKind::slice: NNTUNE_TRY(check_count(op, inputs.size(), 1)); return infer_slice(op, inputs[0]);
    case OpKind::concat:
    case OpKind::interleave: return infer_stack(op, inputs);
    case OpKind::transpose: NNTUNE_TRY(check_count(op, inputs.size(), 1)); return infer_transpose(op, inputs[0]);
    case OpKind::reshape: NNTUNE_TRY(check_count(op, inputs.size(), 1)); return infer_reshape(op, inputs[0]);
    case OpKind::pack: {
      NNTUNE_TRY(check_count(op, inputs.size(), 1));
      NNTUNE_TRY(check_row_major(op.text(), "x", inputs[0]));
      if (op.as<Pack>().lanes.empty()) return misfit(op.text(), "it has no lanes");
      TensorType result = inputs[0];
      result.lanes = op.as<Pack>().lanes;
      NNTUNE_TRY(result.validate());
      return result;
    }
    case OpKind::unpack:
      NNTUNE_TRY(check_count(op, inputs.size(), 1));
      if (!inputs[0].packed()) return misfit(op.text(), fmt::format("x is {}, which is not packed", inputs[0].text()));
      return inputs[0].unpacked();
    case OpKind::argmax:
      NNTUNE_TRY(check_count(op, inputs.size(), 1));
      if (inputs[0].rank() != 2 || inputs[0].dtype != DType::f32 || inputs[0].packed()) {
        return misfit(op.text(), fmt::format("logits are {}, must be row-major f32[m,V]", inputs[0].text()));
      }
      return TensorType{DType::i32, {inputs[0].shape[0]}, {}};
  }
  return misfit(op.text(), "unknown operation");
}

}  // namespace nntune::graph
