// Part of every test executable: NNTUNE_TEST_ISA=avx2 (a level of Isa::limited_to) hides what this CPU has beyond that level, so
// that the tests can be tried as on a machine without it. The linker puts it in front of probe_isa (tests/CMakeLists.txt);
// nntune itself knows no such variable.
#include <cstdio>
#include <cstdlib>

#include "base/isa_probe.h"

namespace nntune {

Isa all_of_this_cpu() __asm__("__real__ZN6nntune9probe_isaEv");
Isa limited_by_environment() __asm__("__wrap__ZN6nntune9probe_isaEv");

Isa limited_by_environment() {
  const char* level = std::getenv("NNTUNE_TEST_ISA");
  const auto isa = all_of_this_cpu().limited_to(level == nullptr ? "" : level);
  if (isa) return *isa;
  std::fprintf(stderr, "NNTUNE_TEST_ISA=%s: %s\n", level, isa.error().message().c_str());
  std::abort();
}

}  // namespace nntune
