#include "tests/support/paths.h"

namespace nntune::test_support {

const std::string& nntune_binary() {
  static const std::string path = NNTUNE_BINARY;
  return path;
}

const std::filesystem::path& shared_folder() {
  static const std::filesystem::path path = NNTUNE_SHARED_DIR;
  return path;
}

const std::filesystem::path& data_folder() {
  static const std::filesystem::path path = NNTUNE_TEST_DATA_DIR;
  return path;
}

}  // namespace nntune::test_support
