#ifndef FRCNN_CDNNL_OPERATION_H
#define FRCNN_CDNNL_OPERATION_H

#include "versions.h"

/// Factors that version 3 takes as a tensor when a kernel runs; none in version 2, which has them in the
/// attributes.
struct scales {
  /// The argument that they are, such as DNNL_ARG_ATTR_SCALES | DNNL_ARG_WEIGHTS.
  int argument;
  int64_t count;
  float *values;
};

struct fd_operation {
  dnnl_primitive_desc_t handle;
  struct scales scales;
};

#endif
