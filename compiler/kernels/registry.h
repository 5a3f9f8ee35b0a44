/// All workload families, one line each; each is defined in the file of its name (cache_append: rowwise.cpp), and
/// registry.cpp lists them.
#pragma once

#include "compiler/kernels/family.h"

namespace nntune::kernels {

const Family& matmul_family();
const Family& attention_family();
const Family& attention_merge_family();
const Family& rowwise_family();
const Family& cache_append_family();
const Family& embed_family();
const Family& argmax_family();

}  // namespace nntune::kernels
