// Kernels: what they want their tensors to be like, and how they run.

#include <stdlib.h>
#include <string.h>

#include "operation.h"

_Static_assert(fd_tensor_source == DNNL_ARG_SRC && DNNL_ARG_SRC == DNNL_ARG_FROM, "source");
_Static_assert(fd_tensor_destination == DNNL_ARG_DST && DNNL_ARG_DST == DNNL_ARG_TO, "result");
_Static_assert(fd_tensor_weights == DNNL_ARG_WEIGHTS, "weights");
_Static_assert(fd_tensor_bias == DNNL_ARG_BIAS, "bias");
_Static_assert(fd_tensor_scratchpad == DNNL_ARG_SCRATCHPAD, "scratchpad");

// An argument list is handed on as it is.
_Static_assert(sizeof(struct fd_argument) == sizeof(dnnl_exec_arg_t), "argument");
_Static_assert(
  offsetof(struct fd_argument, memory) == offsetof(dnnl_exec_arg_t, memory), "argument");

int fd_operation_layout(fd_layout **layout, fd_operation operation, enum fd_tensor tensor) {
  dnnl_query_t query = dnnl_query_undef;
  switch (tensor) {
    case fd_tensor_source: query = dnnl_query_src_md; break;
    case fd_tensor_destination: query = dnnl_query_dst_md; break;
    case fd_tensor_weights: query = dnnl_query_weights_md; break;
    case fd_tensor_bias: return dnnl_invalid_arguments;
    case fd_tensor_scratchpad: query = dnnl_query_scratchpad_md; break;
  }
  return fd_layout_copy(layout, dnnl_primitive_desc_query_md(operation->handle, query, 0));
}

const char *fd_operation_kernel(fd_operation operation) {
  const char *name = NULL;
  int status = dnnl_primitive_desc_query(operation->handle, dnnl_query_impl_info_str, 0, &name);
  return status == dnnl_success && name ? name : "unknown";
}

struct fd_kernel {
  dnnl_primitive_t handle;
  /// The scales as version 3 takes them; null for none.
  dnnl_memory_t scales;
  int scales_argument;
  /// What `scales` lies in.
  float *values;
};

int fd_kernel_create(fd_kernel *kernel, fd_operation operation, fd_engine engine) {
  *kernel = calloc(1, sizeof **kernel);
  if (!*kernel) return dnnl_out_of_memory;
  int status = dnnl_primitive_create(&(*kernel)->handle, operation->handle);
  const struct scales *scales = &operation->scales;
  if (status == dnnl_success && scales->count > 0) {
    const size_t size = sizeof(float) * (size_t)scales->count;
    (*kernel)->values = malloc(size);
    if ((*kernel)->values) {
      memcpy((*kernel)->values, scales->values, size);
      (*kernel)->scales_argument = scales->argument;
      fd_layout *layout = NULL;
      status = fd_layout_create(&layout, 1, &scales->count, fd_type_f32, fd_order_plain);
      if (status == dnnl_success) {
        status = fd_memory_create(&(*kernel)->scales, engine, layout, (*kernel)->values);
        fd_layout_destroy(layout);
      }
    } else {
      status = dnnl_out_of_memory;
    }
  }
  if (status != dnnl_success) {
    fd_kernel_destroy(*kernel);
    *kernel = NULL;
  }
  return status;
}

/// More than any operation has.
enum { most_arguments = 8 };

int fd_kernel_run(
  fd_kernel kernel, fd_stream stream, const struct fd_argument *arguments, int count) {
  const dnnl_exec_arg_t *given = (const dnnl_exec_arg_t *)arguments;
  if (!kernel->scales) return dnnl_primitive_execute(kernel->handle, stream, count, given);
  if (count >= most_arguments) return dnnl_invalid_arguments;
  dnnl_exec_arg_t all[most_arguments];
  memcpy(all, given, sizeof *all * (size_t)count);
  all[count].arg = kernel->scales_argument;
  all[count].memory = kernel->scales;
  return dnnl_primitive_execute(kernel->handle, stream, count + 1, all);
}

void fd_kernel_destroy(fd_kernel kernel) {
  if (!kernel) return;
  if (kernel->handle) dnnl_primitive_destroy(kernel->handle);
  if (kernel->scales) dnnl_memory_destroy(kernel->scales);
  free(kernel->values);
  free(kernel);
}
