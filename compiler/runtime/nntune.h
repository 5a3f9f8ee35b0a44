/// nntune in a program of your own: load a module that `nntune compile` made and run it, tokens in, logits out.
///
///     nntune_module *module;
///     nntune_sequence *sequence;
///     if (nntune_module_load("qwen3.nnm", 0, &module) != NNTUNE_OK ||
///         nntune_sequence_create(module, 4096, 0, &sequence) != NNTUNE_OK ||
///         nntune_prefill(sequence, prompt, prompt_count) != NNTUNE_OK) {
///       fprintf(stderr, "%s\n", nntune_error_message());
///       exit(1);
///     }
///     int32_t next = nntune_argmax(sequence);
///
/// Errors: what can fail in several ways returns nntune_status; what returns a value has one that is none (-1, NULL).
/// Either way nntune_error_message() tells what happened and what to do. A failed call changes nothing.
///
/// Threads: a module may be used by any number of threads at once. A sequence may be used by one thread at a time; different
/// sequences by different threads at once. Sequences of one module that were created with the same number of threads share
/// these threads and take turns, a step at a time, first come, first served, so that they do not fight for the cores.
#ifndef NNTUNE_H
#define NNTUNE_H

// NOLINTBEGIN(modernize-deprecated-headers, modernize-use-using, readability-identifier-naming): this is C.
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define NNTUNE_API __attribute__((visibility("default")))
#else
#define NNTUNE_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/// The numbers never change their meaning; later versions may add some.
typedef enum nntune_status {
  NNTUNE_OK = 0,
  NNTUNE_ERROR_ARGUMENT = 1,      ///< NULL, a number out of range, a token that is not in the vocabulary
  NNTUNE_ERROR_CONTEXT_FULL = 2,  ///< the tokens do not fit into the sequence
  NNTUNE_ERROR_SYSTEM = 3,        ///< the system refused: a missing file, permissions, too many threads
  NNTUNE_ERROR_FILE = 4,          ///< no module, or a damaged one
  NNTUNE_ERROR_UNSUPPORTED = 5,   ///< the module is of another version of nntune or of another kind of CPU
  NNTUNE_ERROR_MEMORY = 6,        ///< there is not enough of it
  NNTUNE_ERROR_INTERNAL = 7       ///< a bug of nntune
} nntune_status;

/// A compiled model: its program and weights. Never changes once it is loaded.
typedef struct nntune_module nntune_module;

/// A text in the making: the keys and values of its tokens so far (the KV cache), and the logits after the last one.
typedef struct nntune_sequence nntune_sequence;

/// The version of the library, e.g. "0.1.0"; lives forever.
NNTUNE_API const char* nntune_version(void);

/// What the last call that failed on this thread has to say: one line, what happened and what to do; "" if none has failed.
/// Never NULL; valid until the next call of this thread that fails.
NNTUNE_API const char* nntune_error_message(void);

/// Loads and verifies a module: every byte of it is covered by a checksum.
///
/// The file is mapped, and must not be changed in place while it is loaded (replacing it by renaming is fine). After the first
/// tokens a thread moves the weights to huge pages of this process, if the system has them to give. Loading starts a few child
/// processes for a moment, which try the instruction sets of this CPU and may die of it.
///
/// \param path     of the .nnm file
/// \param threads  that verify, 0 for all CPUs this process may use; from memory about 10 GB/s each
/// \param module   gets the module, for nntune_module_free; NULL after an error
/// \return NNTUNE_ERROR_ARGUMENT, _SYSTEM (no such file, no permission), _FILE, _UNSUPPORTED, _MEMORY
NNTUNE_API nntune_status nntune_module_load(const char* path, int threads, nntune_module** module);

/// Gives back what load gave; nothing for NULL. May come before its sequences are freed: they keep what they need.
NNTUNE_API void nntune_module_free(nntune_module* module);

/// The name of the model, e.g. "qwen3-0.6b"; valid until the module is freed. NULL for NULL.
NNTUNE_API const char* nntune_module_name(const nntune_module* module);

/// How many tokens there are: ids go from 0 to vocab_size - 1, logits have as many elements. -1 for NULL.
NNTUNE_API int64_t nntune_module_vocab_size(const nntune_module* module);

/// The longest text, in tokens, the model was made for; 0 if that is not known, -1 for NULL. Nothing stops at it.
NNTUNE_API int64_t nntune_module_context_limit(const nntune_module* module);

/// The number of threads the module was tuned for; it runs with any number. -1 for NULL.
NNTUNE_API int nntune_module_threads(const nntune_module* module);

/// The tokens that end a text: i32[*count], valid until the module is freed. NULL with *count 0 if there are none, and for
/// a NULL, which is an error. Nothing stops at them: that is for the caller to do.
NNTUNE_API const int32_t* nntune_module_end_tokens(const nntune_module* module, size_t* count);

/// Creates an empty sequence.
///
/// \param context   tokens it has room for, 1 to 1048576; the memory for them is taken as they come
/// \param threads   that run it, 0 for as many as the module was tuned for, or all CPUs this process may use if these are
///                  fewer; at most 4 times the CPUs. Give all sequences of a module the same, see above.
/// \param sequence  gets the sequence, for nntune_sequence_free; NULL after an error
/// \return NNTUNE_ERROR_ARGUMENT, _MEMORY, _SYSTEM (no more threads)
NNTUNE_API nntune_status nntune_sequence_create(const nntune_module* module, int64_t context, int threads,
                                                nntune_sequence** sequence);

/// Gives back what create gave; nothing for NULL.
NNTUNE_API void nntune_sequence_free(nntune_sequence* sequence);

/// Appends the i32[count] `tokens`, count >= 1, which may be the first ones or follow others. Afterwards there are logits for
/// what comes after the last of them.
///
/// \return NNTUNE_ERROR_ARGUMENT (a token that is not in the vocabulary, no tokens), _CONTEXT_FULL
NNTUNE_API nntune_status nntune_prefill(nntune_sequence* sequence, const int32_t* tokens, size_t count);

/// Appends one token to each of several sequences: tokens[i] to sequences[i], 0 <= i < count, count >= 1. Afterwards each has
/// new logits.
///
/// All arguments are checked before anything runs: after an error no sequence has changed. The sequences are different ones of
/// one module.
///
/// The modules of today know one decode step, that of a single token, so this call runs the sequences one after another: it
/// saves no time over `count` calls. It is how to say what belongs together, for modules that can share the work.
///
/// \return NNTUNE_ERROR_ARGUMENT (a token that is not in the vocabulary, a sequence given twice or of another module),
///         _CONTEXT_FULL (one of the sequences is)
NNTUNE_API nntune_status nntune_decode(nntune_sequence* const* sequences, const int32_t* tokens, size_t count);

/// The logits after the last token, f32[vocab_size]: natural logarithms of probabilities up to a common summand. Valid until
/// the next prefill, decode, rewind or free of this sequence. NULL, which is an error, if there are none: no token has run
/// since the sequence was created or rewound.
NNTUNE_API const float* nntune_logits(const nntune_sequence* sequence);

/// The token with the largest logit, the lowest among equals; -1 where nntune_logits gives NULL.
NNTUNE_API int32_t nntune_argmax(const nntune_sequence* sequence);

/// The number of tokens in the sequence, -1 for NULL.
NNTUNE_API int64_t nntune_position(const nntune_sequence* sequence);

/// Forgets all tokens from `position` on, 0 <= position <= nntune_position(sequence), and the logits, unless `position` is
/// where the sequence stands already. Costs nothing: to continue one prompt in several ways, prefill it once.
///
/// \return NNTUNE_ERROR_ARGUMENT
NNTUNE_API nntune_status nntune_rewind(nntune_sequence* sequence, int64_t position);

#ifdef __cplusplus
}
#endif

// NOLINTEND(modernize-deprecated-headers, modernize-use-using, readability-identifier-naming)
#endif
