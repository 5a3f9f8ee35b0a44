#include "compiler/runtime/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <chrono>
#include <cstring>
#include <mutex>

#include "compiler/runtime/arrange.h"

namespace nntune::runtime {
namespace {

/// Any function of the three that looks like chance.
std::size_t pick(std::uint32_t turn, std::int64_t repetition, std::size_t step, std::size_t variants) {
  std::uint64_t x = (std::uint64_t{turn} << 40U) ^ (static_cast<std::uint64_t>(repetition) << 20U) ^ step;
  x = (x ^ (x >> 31U)) * 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 29U)) * 0xbf58476d1ce4e5b9U;
  return static_cast<std::size_t>((x ^ (x >> 32U)) % variants);
}

template <class T>
T align_up(T value, T to) {
  return (value + to - 1) / to * to;
}

}  // namespace

Expected<std::unique_ptr<Session>> Session::create(std::shared_ptr<const Module> module, const SessionOptions& options) {
  if (options.threads < 1) return fail(ErrorKind::usage, "a session needs a thread");
  return create(std::move(module), std::make_shared<Team>(options.threads), options.ctx, options.sequences);
}

Expected<std::unique_ptr<Session>> Session::create(std::shared_ptr<const Module> module, std::shared_ptr<Team> team,
                                                   std::int64_t ctx, std::int64_t sequences) {
  if (ctx < 1) return fail(ErrorKind::usage, "a session needs room for a token");
  if (sequences < 1) return fail(ErrorKind::usage, "a session needs a sequence");
  std::unique_ptr<Session> session(new Session(std::move(module), std::move(team), ctx, sequences));
  NNTUNE_TRY(session->allocate());
  const RopeInfo& rope = session->module_->plan().model.rope;
  fill_rope_table(rope, {reinterpret_cast<float*>(session->rope_.data()),
                         static_cast<std::size_t>(session->capacity_ * rope.columns())});
  session->bind();
  return session;
}

Session::Session(std::shared_ptr<const Module> module, std::shared_ptr<Team> team, std::int64_t ctx, std::int64_t sequences)
    : module_(std::move(module)),
      ctx_(ctx),
      capacity_(align_up(ctx, kCapacityGranule)),
      positions_(static_cast<std::size_t>(sequences), 0),
      team_(std::move(team)) {}

Session::~Session() = default;

Status Session::allocate() {
  memory_ = session_memory(module_->plan(), ctx_, static_cast<std::int64_t>(positions_.size()));
  NNTUNE_ASSIGN(states_, Memory::allocate(memory_.states_bytes, "the KV cache"));
  NNTUNE_ASSIGN(arena_, Memory::allocate(memory_.arena_bytes, "intermediate results"));
  for (Memory& x : x_) {
    NNTUNE_ASSIGN(x, Memory::allocate(memory_.x_bytes, "intermediate results"));
  }
  NNTUNE_ASSIGN(ids_, Memory::allocate(memory_.ids_bytes, "the tokens"));
  NNTUNE_ASSIGN(rope_, Memory::allocate(memory_.rope_bytes, "the rotary table"));
  scratch_bytes_ = memory_.scratch_bytes;
  NNTUNE_ASSIGN(scratch_, Memory::allocate(scratch_bytes_ * static_cast<std::size_t>(threads()), "the kernels' scratch"));
  return {};
}

void Session::bind() {
  for (const Phase& phase : module_->plan().phases) phases_.push_back(bind_phase(phase));
  logits_ = {phases_.front().logits, static_cast<std::size_t>(module_->plan().model.vocab)};
  argmax_ = phases_.front().argmax;
}

Session::BoundPhase Session::bind_phase(const Phase& phase) {
  BoundPhase result;
  result.rows = phase.rows;
  std::size_t x_parity = 0;
  std::size_t steps = 0;
  KernelOperand x{};
  for (const Section& section : phase.sections) {
    if (&section != &phase.sections.back()) {
      result.sections.push_back(bind_section(section, false, x_parity, x));
      result.sections.back().first_step = steps;
      steps += section.steps.size();
    }
  }
  const Section& head = phase.sections.back();
  result.x = x;
  result.head = bind_section(head, true, x_parity, x);
  result.head.first_step = steps;
  const auto count = [&](const BoundSection& section) {
    const auto waits = std::ranges::count_if(section.calls, &BoundSection::Call::wait_before);
    result.barriers += static_cast<double>(section.repeat * (waits + 1));
  };
  std::ranges::for_each(result.sections, count);
  count(result.head);
  const Arrangement arrangement = arrange(head, true);
  result.logits = reinterpret_cast<const float*>(arena_.data() + arrangement.offsets[head.outputs[0].index]);
  const Operand& argmax = head.outputs[1];
  result.argmax = reinterpret_cast<const std::int32_t*>(arena_.data() + arrangement.offsets[argmax.index]) + argmax.column;
  return result;
}

/// \param x_parity  which of the two x memories this section's output goes to first; they take turns
/// \param x  in: where the input is; out: where the output is after the last repetition
Session::BoundSection Session::bind_section(const Section& section, bool head, std::size_t& x_parity, KernelOperand& x) {
  const Plan& plan = module_->plan();
  const Arrangement arrangement = arrange(section, head);
  BoundSection result;
  result.repeat = section.repeat;
  for (std::int64_t repetition = 0; repetition < section.repeat; ++repetition) {
    const auto buffer_data = [&](std::size_t index) {
      if (arrangement.offsets[index] != Arrangement::kNotInArena) return arena_.data() + arrangement.offsets[index];
      return x_[x_parity].data();
    };
    // Of the tensors that a layered operand has, the one of this repetition.
    const auto tensor = [&](const Operand& operand, std::int64_t layers) {
      return static_cast<std::size_t>(operand.first + (layers == 1 ? 0 : repetition));
    };
    const auto bound = [&](const Operand& operand) -> KernelOperand {
      switch (operand.kind) {
        case Operand::Kind::ids: return {ids_.data(), 1};
        case Operand::Kind::x: return x;
        case Operand::Kind::rope: return {rope_.data(), plan.model.rope.columns()};
        case Operand::Kind::state: {
          const SessionMemory::StatePlace& place = memory_.states[operand.index];
          const std::size_t offset = place.offset + tensor(operand, plan.states[operand.index].layers) * place.bytes;
          result.state_operands.emplace_back(result.operands.size(), offset);
          return {states_.data() + offset, capacity_};
        }
        case Operand::Kind::weight: {
          const Weight& weight = plan.weights[operand.index];
          const WeightIndex layers = weight.index(WeightIndex::Kind::layer);
          // Kernels do not write weights; the convention has one kind of pointer.
          auto* data = const_cast<std::byte*>(module_->weights().data()) + weight.offset +
                       tensor(operand, layers.count) * layers.distance;
          return {data, weight.stride};
        }
        case Operand::Kind::buffer: break;
      }
      const Buffer& buffer = section.buffers[operand.index];
      return {buffer_data(operand.index) + operand.column * buffer.element_bytes, buffer.stride};
    };
    for (std::size_t s = 0; s < section.steps.size(); ++s) {
      const Step& step = section.steps[s];
      if (repetition == 0) {
        result.calls.push_back({module_->kernel(step.kernel), result.operands.size(), arrangement.wait_before[s]});
      }
      for (const Operand& operand : step.operands) {
        if (head && operand.kind == Operand::Kind::x) result.x_operands.push_back(result.operands.size());
        result.operands.push_back(bound(operand));
      }
    }
    if (!head) {
      x = bound(section.outputs.front());
      x_parity ^= 1U;
    }
  }
  result.operands_per_repeat = result.operands.size() / static_cast<std::size_t>(section.repeat);
  return result;
}

Status Session::check(std::span<const std::int32_t> ids, std::size_t sequence) const {
  const std::int64_t vocab = module_->plan().model.vocab;
  if (sequence >= positions_.size()) {
    return fail(ErrorKind::bad_input, fmt::format("there is no sequence {} of {}", sequence, positions_.size()),
                "create the session with more");
  }
  const std::int64_t position = positions_[sequence];
  if (ids.empty()) return fail(ErrorKind::bad_input, "there are no tokens to run", "give a prompt of at least one token");
  if (ids.size() > static_cast<std::size_t>(ctx_ - position)) {
    return fail(ErrorKind::bad_input,
                fmt::format("{} tokens after {} do not fit into a context of {}", ids.size(), position, ctx_),
                "shorten the prompt or give a larger context (--ctx)");
  }
  for (const std::int32_t id : ids) {
    if (id < 0 || id >= vocab) {
      return fail(ErrorKind::bad_input, fmt::format("token {} is not in the vocabulary of {}", id, vocab),
                  fmt::format("give ids from 0 to {}", vocab - 1));
    }
  }
  return {};
}

void Session::select(std::size_t sequence) {
  if (sequence == selected_) return;
  selected_ = sequence;
  std::byte* const states = states_.data() + sequence * memory_.sequence_bytes;
  const auto place = [&](BoundSection& section) {
    for (const auto& [at, offset] : section.state_operands) section.operands[at].data = states + offset;
  };
  for (BoundPhase& phase : phases_) {
    std::ranges::for_each(phase.sections, place);
    place(phase.head);
  }
}

Status Session::prefill(std::span<const std::int32_t> ids, const LogitsSink& sink, std::size_t sequence) {
  NNTUNE_TRY(check(ids, sequence));
  select(sequence);
  const auto vocab = static_cast<std::size_t>(module_->plan().model.vocab);
  while (!ids.empty()) {
    BoundPhase& phase = phase_for(ids.size());
    const auto now = ids.first(std::min(ids.size(), static_cast<std::size_t>(phase.rows)));
    ids = ids.subspan(now.size());
    run_rows(phase, now, ids.empty() && !sink);
    const std::span<const float> logits(phase.logits, vocab);
    for (std::size_t row = 0; sink && row < now.size(); ++row) {
      run_head(phase, static_cast<std::int64_t>(row), static_cast<std::int64_t>(now.size()));
      sink(positions_[sequence] + static_cast<std::int64_t>(row), logits);
    }
    positions_[sequence] += static_cast<std::int64_t>(now.size());
    logits_ = logits;
    argmax_ = phase.argmax;
  }
  module_->use_huge_pages();  // the first token did not wait for them
  return {};
}

void Session::rewind(std::int64_t position, std::size_t sequence) {
  assert(position >= 0 && position <= positions_[sequence]);
  positions_[sequence] = position;
}

/// The largest program that is filled, else the smallest that holds what is left.
Session::BoundPhase& Session::phase_for(std::size_t ids) {
  for (BoundPhase& phase : phases_) {
    if (static_cast<std::size_t>(phase.rows) >= ids) return phase;
  }
  return phases_.back();
}

void Session::run_rows(BoundPhase& phase, std::span<const std::int32_t> ids, bool with_head) {
  std::memset(ids_.data(), 0, ids_.size());  // rows of padding read a valid token
  std::memcpy(ids_.data(), ids.data(), ids.size_bytes());
  const KernelSequence sequence{
      .position = positions_[selected_], .length = static_cast<std::int64_t>(ids.size()), .row_table = nullptr};
  ++turn_;
  place_head(phase, sequence.length - 1);
  const std::lock_guard turn(team_->turns());  // before the clock: to wait for other sessions is no work
  // What is watched is the work of the team.
  const bool may_be_alone = phase.rows == 1 && threads() > 1 && phase.clock == nullptr;
  if (!may_be_alone) {
    team_->run([&](int thread) { call_all(phase, sequence, {thread, threads()}, with_head); });
    if (phase.clock != nullptr) phase.clock->stop();
    return;
  }
  const auto begin = std::chrono::steady_clock::now();
  const std::uint64_t sleeps = team_->barrier().sleeps();
  if (phase.solo.alone()) {
    call_all(phase, sequence, {0, 1}, with_head);
  } else {
    team_->run([&](int thread) { call_all(phase, sequence, {thread, threads()}, with_head); });
  }
  phase.solo.record(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(),
                    static_cast<double>(team_->barrier().sleeps() - sleeps) / phase.barriers);
}

void Session::call_all(const BoundPhase& phase, const KernelSequence& sequence, Caller caller, bool with_head) {
  StepClock* const clock = caller.thread == 0 ? phase.clock : nullptr;
  bool first = true;
  for (const BoundSection& section : phase.sections) {
    call_section(section, sequence, sequence.length, caller, !first, clock);
    first = false;
  }
  if (with_head) call_section(phase.head, sequence, 1, caller, true, clock);
}

Status Session::set_variants(std::size_t phase, std::size_t step, std::vector<KernelFn> kernels,
                             std::int64_t scratch_bytes) {
  if (const auto wanted = align_up(static_cast<std::size_t>(scratch_bytes), kPageBytes); wanted > scratch_bytes_) {
    NNTUNE_ASSIGN(scratch_, Memory::allocate(wanted * static_cast<std::size_t>(threads()), "the kernels' scratch"));
    scratch_bytes_ = wanted;
  }
  const auto set = [&](BoundSection& section) {
    if (step < section.first_step || step >= section.first_step + section.calls.size()) return;
    section.calls[step - section.first_step].variants = std::move(kernels);
  };
  for (BoundSection& section : phases_[phase].sections) set(section);
  set(phases_[phase].head);
  return {};
}

void Session::run_head(BoundPhase& phase, std::int64_t row, std::int64_t tokens) {
  place_head(phase, row);
  const KernelSequence sequence{.position = positions_[selected_], .length = tokens, .row_table = nullptr};
  const std::lock_guard turn(team_->turns());
  team_->run([&](int thread) { call_section(phase.head, sequence, 1, {thread, threads()}, false, nullptr); });
}

void Session::place_head(BoundPhase& phase, std::int64_t row) {
  void* const data = static_cast<std::byte*>(phase.x.data) + row * phase.x.stride * static_cast<std::int64_t>(sizeof(float));
  for (const std::size_t at : phase.head.x_operands) phase.head.operands[at].data = data;
}

void Session::call_section(const BoundSection& section, const KernelSequence& sequence, std::int64_t rows, Caller caller,
                           bool wait_first, StepClock* clock) {
  const auto wait = [&] {
    if (caller.threads > 1) team_->barrier().arrive_and_wait();
  };
  KernelCall call = call_for(sequence);
  call.rows = rows;
  call.thread = caller.thread;
  call.threads = caller.threads;
  call.scratch = scratch_.data() + static_cast<std::size_t>(caller.thread) * scratch_bytes_;
  const KernelOperand* operands = section.operands.data();
  for (std::int64_t repetition = 0; repetition < section.repeat; ++repetition, operands += section.operands_per_repeat) {
    if (wait_first) wait();
    wait_first = true;
    std::size_t number = section.first_step;
    for (const BoundSection::Call& step : section.calls) {
      if (step.wait_before) wait();
      const bool one = step.variants.empty();
      const std::size_t variant = one ? 0 : pick(turn_, repetition, number, step.variants.size());
      if (clock != nullptr) clock->start(number, variant);
      ++number;
      call.operands = operands + step.first_operand;
      (one ? step.kernel : step.variants[variant])(&call);
    }
  }
}

}  // namespace nntune::runtime
