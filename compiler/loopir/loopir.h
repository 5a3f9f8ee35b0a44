/// Loop nests of one kernel, before they become machine code.
#pragma once

namespace nntune::loopir {

struct Function;

}  // namespace nntune::loopir
