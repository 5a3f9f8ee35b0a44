#include "tuner/slowed.h"

#include <cassert>
#include <cstdint>
#include <cstring>
#include <span>

namespace nntune::tuner {
namespace {

/// The kernel begins on a page of its own, as it does without the stub.
constexpr std::size_t kStubBytes = 4096;
constexpr double kOne = 65536;  // the fraction is a 16.16 fixed-point number

constexpr unsigned char kStub[] = {
    0x53,                                      //        push rbx               and the stack is aligned for a call
    0x0f, 0xae, 0xe8,                          //        lfence                 so that rdtsc does not overtake
    0x0f, 0x31,                                //        rdtsc
    0x48, 0xc1, 0xe2, 0x20, 0x48, 0x09, 0xd0,  //        shl rdx, 32; or rax, rdx
    0x48, 0x89, 0xc3,                          //        mov rbx, rax           begin
    0xe8, 0x00, 0x00, 0x00, 0x00,              //        call kernel            (offset at kCallOffset)
    0x0f, 0xae, 0xe8,                          //        lfence
    0x0f, 0x31,                                //        rdtsc
    0x48, 0xc1, 0xe2, 0x20, 0x48, 0x09, 0xd0,  //        shl rdx, 32; or rax, rdx
    0x48, 0x89, 0xc1,                          //        mov rcx, rax           end
    0x48, 0x29, 0xd8,                          //        sub rax, rbx
    0x48, 0x69, 0xc0, 0x00, 0x00, 0x00, 0x00,  //        imul rax, rax, N       (N at kFraction)
    0x48, 0xc1, 0xe8, 0x10,                    //        shr rax, 16
    0x48, 0x01, 0xc1,                          //        add rcx, rax           end + fraction * (end - begin)
    0x0f, 0x31,                                // again: rdtsc
    0x48, 0xc1, 0xe2, 0x20, 0x48, 0x09, 0xd0,  //        shl rdx, 32; or rax, rdx
    0x48, 0x39, 0xc8,                          //        cmp rax, rcx
    0x72, 0xf2,                                //        jb again
    0x5b, 0xc3,                                //        pop rbx; ret
};
constexpr std::size_t kCallOffset = 17;
constexpr std::size_t kFraction = 42;
static_assert(kStub[kCallOffset - 1] == 0xe8 && kStub[kFraction - 3] == 0x48 && kStub[kFraction - 1] == 0xc0);

void put(std::vector<std::byte>& image, std::size_t at, std::int32_t value) {
  std::memcpy(image.data() + at, &value, sizeof value);
}

}  // namespace

codegen::ObjectCode slowed(const codegen::ObjectCode& kernel, double fraction) {
  assert(fraction >= 0 && fraction <= 100);
  codegen::ObjectCode code = kernel;
  code.image.assign(kStubBytes, std::byte{0xcc});
  std::memcpy(code.image.data(), kStub, sizeof kStub);
  put(code.image, kCallOffset, static_cast<std::int32_t>(kStubBytes + kernel.entry - (kCallOffset + 4)));
  put(code.image, kFraction, static_cast<std::int32_t>(fraction * kOne + 0.5));
  code.image.insert(code.image.end(), kernel.image.begin(), kernel.image.end());
  code.entry = 0;
  return code;
}

}  // namespace nntune::tuner
