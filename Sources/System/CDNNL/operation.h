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

/// What `fd_attributes` scales: version 2 speaks of the result's axes, version 3 of an argument's.
struct scaled {
  int result_axes;
  int argument;
  int argument_axes;
};

extern const struct fd_attributes fd_no_attributes;

/// An operation without a kernel, and the attributes to ask for one with: scratch memory always comes from
/// the caller.
int fd_prepare(
  fd_operation *operation, dnnl_primitive_attr_t *handle, const struct fd_attributes *attributes,
  struct scaled scaled);

/// Ends what `fd_prepare` began, with what asking for a kernel came to.
int fd_finish(fd_operation *operation, dnnl_primitive_attr_t handle, int status);

/// oneDNN counts the cells that a window leaves out.
void fd_skipped_cells(const struct fd_window *window, int64_t skipped[2]);

#endif
