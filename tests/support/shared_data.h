/// Tests that need ../shared.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "tests/support/paths.h"

namespace nntune::test_support {

/// In CI nothing may be skipped because its data is missing.
inline bool must_have_data() {
  const char* ci = std::getenv("CI");
  return ci != nullptr && std::string_view(ci) == "true";
}

}  // namespace nntune::test_support

/// Ends the test, or the SetUp of its fixture, where the file or folder is missing: skipped, and failed under CI=true.
#define NNTUNE_NEED_DATA(needed)                                                              \
  do {                                                                                        \
    const std::filesystem::path nntune_needed = (needed);                                     \
    if (!std::filesystem::exists(nntune_needed)) {                                            \
      if (::nntune::test_support::must_have_data()) FAIL() << nntune_needed << " is missing"; \
      GTEST_SKIP() << nntune_needed << " is missing";                                         \
    }                                                                                         \
  } while (false)
