#include "tuner/environment.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace nntune::tuner {
namespace {

TEST(Environment, TellsWhatHappenedSince) {
  const EnvironmentWatch watch;
  const Json json = watch.so_far();
  EXPECT_GE(json.at("seconds").get<double>(), 0);
  EXPECT_GE(json.at("steal_seconds").get<double>(), 0);
  EXPECT_GE(json.at("load_average").get<double>(), 0);
}

}  // namespace
}  // namespace nntune::tuner
