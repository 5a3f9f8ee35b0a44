/// Real candidates in machine code, good and bad, for tests of the workers.
#pragma once

#include <initializer_list>

#include "base/target.h"
#include "compiler/schedule/workload.h"
#include "tuner/protocol.h"

namespace nntune::tuner::testing {

/// f32[1,8] -> f32[1,8], the same values.
inline schedule::Workload copy_of_eight() {
  return *schedule::Workload::make(graph::rowwise({{.kind = graph::StepKind::cast, .dtype = graph::DType::f32}}),
                                   {{graph::DType::f32, {1, 8}, {}}}, 0, 1);
}

inline Candidate machine_code(std::initializer_list<unsigned char> bytes, std::int64_t scratch_bytes = 0) {
  codegen::ObjectCode code;
  for (const unsigned char byte : bytes) code.image.push_back(static_cast<std::byte>(byte));
  code.scratch_bytes = scratch_bytes;
  return {copy_of_eight(), {}, code};
}

inline Candidate good() {
  return machine_code({0x48, 0x8b, 0x07,        // mov rax, [rdi]       the operands
                       0x48, 0x8b, 0x08,        // mov rcx, [rax]       input
                       0x48, 0x8b, 0x50, 0x10,  // mov rdx, [rax + 16]  output
                       0x0f, 0x10, 0x01,        // movups xmm0, [rcx]
                       0x0f, 0x10, 0x49, 0x10,  // movups xmm1, [rcx + 16]
                       0x0f, 0x11, 0x02,        // movups [rdx], xmm0
                       0x0f, 0x11, 0x4a, 0x10,  // movups [rdx + 16], xmm1
                       0xc3});                  // ret
}

/// Writes the first half twice.
inline Candidate wrong() {
  return machine_code({0x48, 0x8b, 0x07, 0x48, 0x8b, 0x08, 0x48, 0x8b, 0x50, 0x10, 0x0f,
                       0x10, 0x01, 0x0f, 0x11, 0x02, 0x0f, 0x11, 0x42, 0x10, 0xc3});
}
/// Leaves the second half of the output as it was.
inline Candidate incomplete() {
  return machine_code(
      {0x48, 0x8b, 0x07, 0x48, 0x8b, 0x08, 0x48, 0x8b, 0x50, 0x10, 0x0f, 0x10, 0x01, 0x0f, 0x11, 0x02, 0xc3});
}
inline Candidate crashing() { return machine_code({0x0f, 0x0b}); }  // ud2
/// Writes 1 MB behind its output.
inline Candidate overrunning() {
  return machine_code({0x48, 0x8b, 0x07, 0x48, 0x8b, 0x50, 0x10,          // rdx = output
                       0x48, 0x89, 0x82, 0x00, 0x00, 0x10, 0x00, 0xc3});  // mov [rdx + 0x100000], rax
}
inline Candidate hanging() { return machine_code({0xeb, 0xfe}); }                      // jmp to itself
inline Candidate memory_hog() { return machine_code({0xc3}, std::int64_t{1} << 40); }  // a terabyte of scratch

/// Default peaks: the workers need no more than caches to work with.
inline Target test_target() {
  Target target;
  target.l3_bytes = 1 << 20;
  return target;
}

}  // namespace nntune::tuner::testing
