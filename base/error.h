/// Expected failures as values (style: `Expected<T>` is spelled here once, so that std::expected is a one-line change).
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace nntune {

/// What went wrong, as far as a caller may act on it; `main` maps it to the exit code.
enum class ErrorKind {
  usage,        ///< wrong command line; exit code 2
  bad_input,    ///< a file or value from outside is not what it should be
  io,           ///< the system refused: missing file, full disk, permissions
  unsupported,  ///< understood, but this version or this machine cannot do it
  infeasible,   ///< no solution within the given limits
  interrupted,  ///< the user asked to stop
  internal,     ///< our bug, reported instead of crashing
};

/// A failure: what happened and what to do about it, both without a full stop.
struct Error {
  ErrorKind kind = ErrorKind::internal;
  std::string what;
  std::string hint;

  /// One line: "what; hint".
  [[nodiscard]] std::string message() const { return hint.empty() ? what : what + "; " + hint; }
};

template <class T>
using Expected = tl::expected<T, Error>;
using Status = Expected<void>;

[[nodiscard]] inline tl::unexpected<Error> fail(ErrorKind kind, std::string what, std::string hint = {}) {
  return tl::unexpected<Error>(Error{kind, std::move(what), std::move(hint)});
}

/// Returns the error of `expression` from the enclosing function, if it has one.
#define NNTUNE_TRY(expression)                                                    \
  do {                                                                            \
    if (auto nntune_status = (expression); !nntune_status) {                      \
      return ::tl::unexpected<::nntune::Error>(std::move(nntune_status).error()); \
    }                                                                             \
  } while (false)

#define NNTUNE_CONCAT_INNER(a, b) a##b
#define NNTUNE_CONCAT(a, b) NNTUNE_CONCAT_INNER(a, b)

/// Declares `declaration` with the value of `expression`, or returns its error from the enclosing function.
#define NNTUNE_ASSIGN(declaration, expression) \
  NNTUNE_ASSIGN_INNER(NNTUNE_CONCAT(nntune_value_, __LINE__), declaration, expression)
#define NNTUNE_ASSIGN_INNER(temporary, declaration, expression)             \
  auto temporary = (expression);                                            \
  if (!temporary) {                                                         \
    return ::tl::unexpected<::nntune::Error>(std::move(temporary).error()); \
  }                                                                         \
  declaration = std::move(*temporary)

}  // namespace nntune
