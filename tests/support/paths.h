/// Where tests find what they do not bring along. Only paths.cpp is compiled with these folders, so that all else is compiled with
/// the same commands in every clone and a second one is built from ccache.
#pragma once

#include <filesystem>
#include <string>

namespace nntune::test_support {

/// The nntune of this build.
[[nodiscard]] const std::string& nntune_binary();
/// ../shared, with models and reference results; it may be missing.
[[nodiscard]] const std::filesystem::path& shared_folder();
/// tests/data of the sources.
[[nodiscard]] const std::filesystem::path& data_folder();

}  // namespace nntune::test_support
