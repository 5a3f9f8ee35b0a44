/// The constants of cost estimates that nobody measured and no target gives, in one place: what each stands for and what hangs on
/// it. They order schedules and programs before anything is measured; a measurement overrules all of them.
///
/// What was measured is named where it is used, with the measurement (kernels::kSpilling, kBroadcastUsedOnce, kSideBySide);
/// what a target gives is read from it (base/target.h).
#pragma once

namespace nntune::guesses {

// Matmul (kernels/matmul.cpp): which register tile, unrolling, blocks and packing the default schedule has, and whether a layout or a
// fusion around a matmul pays before it is measured.

/// Multiply-adds in flight that hide the latency of one: smaller tiles run at their share of it. Attention's products, too.
inline constexpr double kMultipliesInFlight = 10;
/// Share of its speed that a loop keeps which is unrolled at least 4 times, twice, not.
inline constexpr double kUnrolledFour = 0.97, kUnrolledTwo = 0.94, kNotUnrolled = 0.88;
/// Share of L2 that a block of rows and a panel may fill, and of its speed that a larger one keeps.
inline constexpr double kL2Share = 0.75, kBeyondL2 = 0.9;
/// Share kept by rows read where they lie, which meet in the same cache sets, and by rows that are copied side by side.
inline constexpr double kAliasedRows = 0.85, kCopiedRows = 0.99;
/// What prefetching up to 32 panels ahead, and further, adds to the time of a matrix times one row.
inline constexpr double kPrefetchNear = 1.005, kPrefetchFar = 1.015;
/// Seconds of packing an element into tiles, and of copying it into rows.
inline constexpr double kPackSeconds = 0.6e-9, kCopySeconds = 0.15e-9;
/// What the shorter one of computing and reading adds to the longer one, of one row and of several.
inline constexpr double kNotHiddenOneRow = 0.02, kNotHidden = 0.15;

// Attention (kernels/attention.cpp, attention_merge.cpp): tiles and blocks, whether keys are packed, and whether decode is split over the
// positions.

/// Share of the peak that its products reach at best.
inline constexpr double kProducts = 0.9;
/// Cycles a key where vectors of keys are put together one by one.
inline constexpr double kGatherCycles = 0.5;
/// Operations of the softmax for a score; and for a row of a block, divided by the columns of the block.
inline constexpr double kScoreOperations = 16, kRowOperations = 400;
/// Operations of preparing a query and writing a part: for a column, and for a head.
inline constexpr double kSplitColumn = 12, kSplitHead = 600;
/// Blocks of queries that share one reading of the keys and values.
inline constexpr double kBlocksAReading = 8;
/// Operations of merging: for the exponential of a part, and what is added to a sum in one register, divided by their number.
inline constexpr double kMergeWeight = 300, kMergeWait = 4;

// Row-wise chains (kernels/rowwise.cpp) and the gather (kernels/gather.cpp): what a norm or an activation costs as a kernel of its own,
// and so whether fusing it pays.

/// Vector operations for each vector of any chain, beside those of its steps, which stand with each step (graph::StepTraits) and are
/// counted from its definition, not measured.
inline constexpr double kChain = 2;
/// What unrolling by another number than two adds to the time.
inline constexpr double kOtherUnrolling = 1.01;

// Programs (extract/extract.h, pipeline.cpp; cost_model): which layouts of weights are stored, and when an estimate beats a measurement.
// That all prefill phases share the prompt evenly (extract/phase_use.h) is a guess as well.

/// Seconds that each stored byte of weights costs. The objective reads each weight about 128 times from memory (decode) and multiplies it
/// with 512 tokens (prefill): some 1e-8 s a byte in all, of which a second layout may save a part. At this price it has to save
/// all of that, so that a weight is stored once unless one phase has no kernel for the layout.
inline constexpr double kStoredByteSeconds = 1e-8;
/// Bytes a second of an operation without a kernel, on the way of a fixed pipeline: so slow that a program with kernels for all its
/// operations is preferred, however badly they were measured.
inline constexpr double kBytesPerSecondWithoutKernel = 1e5;
/// How far an estimate may be off, and a measured median: what an optimist divides out, and `explain` prints.
inline constexpr double kEstimateRelativeError = 0.5, kMeasuredRelativeError = 0.05;
/// How many times less an estimate must promise than a measurement to be preferred for what is compiled; and a time of a worker where its
/// kind was timed in programs, too.
inline constexpr double kCaution = 1.25, kWorkerCaution = 1.04;

}  // namespace nntune::guesses
