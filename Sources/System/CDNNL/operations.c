// Operations and their attributes: oneDNN is asked for a kernel.

#include <stdlib.h>
#include <string.h>

#include "operation.h"

// ---- Attributes -------------------------------------------------------------------------------

static int append_elementwise(
  dnnl_post_ops_t operations, dnnl_alg_kind_t algorithm, float alpha, float beta) {
#if FD_VERSION_2
  return dnnl_post_ops_append_eltwise(operations, 1, algorithm, alpha, beta);
#else
  return dnnl_post_ops_append_eltwise(operations, algorithm, alpha, beta);
#endif
}

static int append_sum(dnnl_post_ops_t operations, float scale) {
#if FD_VERSION_2
  return dnnl_post_ops_append_sum(operations, scale);
#else
  return dnnl_post_ops_append_sum(operations, scale, 0, dnnl_data_type_undef);
#endif
}

static int append_activation(dnnl_post_ops_t operations, enum fd_activation activation) {
  switch (activation) {
    case fd_activation_none: return dnnl_success;
    case fd_activation_relu: return append_elementwise(operations, dnnl_eltwise_relu, 0, 0);
    case fd_activation_relu6: return append_elementwise(operations, dnnl_eltwise_clip, 0, 6);
    case fd_activation_hard_swish:
      // Version 2 knows one slope and offset, and reads none.
      return append_elementwise(operations, dnnl_eltwise_hardswish, 1.0f / 6, 0.5f);
    case fd_activation_hard_sigmoid: {
      // Version 2.6 has no operation of that name.
      int status = append_elementwise(operations, dnnl_eltwise_linear, 1.0f / 6, 0.5f);
      if (status != dnnl_success) return status;
      return append_elementwise(operations, dnnl_eltwise_clip, 0, 1);
    }
    case fd_activation_silu: return append_elementwise(operations, dnnl_eltwise_swish, 1, 0);
    case fd_activation_sigmoid: return append_elementwise(operations, dnnl_eltwise_logistic, 0, 0);
  }
  return dnnl_invalid_arguments;
}

static int set_post_operations(
  dnnl_primitive_attr_t handle, const struct fd_attributes *attributes) {
  if (!attributes->adds_to_destination && attributes->activation == fd_activation_none) {
    return dnnl_success;
  }
  dnnl_post_ops_t operations;
  int status = dnnl_post_ops_create(&operations);
  if (status != dnnl_success) return status;
  if (attributes->adds_to_destination) status = append_sum(operations, attributes->addend_scale);
  if (status == dnnl_success) status = append_activation(operations, attributes->activation);
  if (status == dnnl_success) status = dnnl_primitive_attr_set_post_ops(handle, operations);
  dnnl_post_ops_destroy(operations);
  return status;
}

bool fd_bias_before_scales(void) { return FD_VERSION_2; }

static int set_scales(
  dnnl_primitive_attr_t handle, struct scales *kept, const struct fd_attributes *attributes,
  struct scaled scaled) {
  if (attributes->scale_count == 0) return dnnl_success;
  const bool is_one = attributes->scale_count == 1;
#if FD_VERSION_2
  (void)kept;
  return dnnl_primitive_attr_set_output_scales(
    handle, attributes->scale_count, is_one ? 0 : scaled.result_axes, attributes->scales);
#else
  const size_t size = sizeof(float) * (size_t)attributes->scale_count;
  kept->values = malloc(size);
  if (!kept->values) return dnnl_out_of_memory;
  memcpy(kept->values, attributes->scales, size);
  kept->count = attributes->scale_count;
  kept->argument = DNNL_ARG_ATTR_SCALES | scaled.argument;
  return dnnl_primitive_attr_set_scales_mask(
    handle, scaled.argument, is_one ? 0 : scaled.argument_axes);
#endif
}

int fd_prepare(
  fd_operation *operation, dnnl_primitive_attr_t *handle, const struct fd_attributes *attributes,
  struct scaled scaled) {
  int status = dnnl_primitive_attr_create(handle);
  if (status != dnnl_success) return status;
  *operation = calloc(1, sizeof **operation);
  if (!*operation) status = dnnl_out_of_memory;
  if (status == dnnl_success) {
    status = dnnl_primitive_attr_set_scratchpad_mode(*handle, dnnl_scratchpad_mode_user);
  }
  if (status == dnnl_success) {
    status = set_scales(*handle, &(*operation)->scales, attributes, scaled);
  }
  if (status == dnnl_success) status = set_post_operations(*handle, attributes);
  if (status != dnnl_success) {
    fd_operation_destroy(*operation);
    dnnl_primitive_attr_destroy(*handle);
    *operation = NULL;
  }
  return status;
}

int fd_finish(fd_operation *operation, dnnl_primitive_attr_t handle, int status) {
  dnnl_primitive_attr_destroy(handle);
  if (status != dnnl_success) {
    fd_operation_destroy(*operation);
    *operation = NULL;
  }
  return status;
}

void fd_operation_destroy(fd_operation operation) {
  if (!operation) return;
  if (operation->handle) dnnl_primitive_desc_destroy(operation->handle);
  free(operation->scales.values);
  free(operation);
}

const struct fd_attributes fd_no_attributes;

// ---- Operations -------------------------------------------------------------------------------

void fd_skipped_cells(const struct fd_window *window, int64_t skipped[2]) {
  for (int axis = 0; axis < 2; axis++) skipped[axis] = window->dilation[axis] - 1;
}

int fd_convolution(
  fd_operation *operation, fd_engine engine, const fd_layout *source, const fd_layout *weights,
  const fd_layout *bias, const fd_layout *destination, const struct fd_window *window,
  const struct fd_attributes *attributes) {
  const bool has_groups = fd_layout_rank(weights) == 5;
  const struct scaled scaled = {1 << 1, DNNL_ARG_WEIGHTS, has_groups ? 1 << 0 | 1 << 1 : 1 << 0};
  dnnl_primitive_attr_t attribute;
  int status = fd_prepare(operation, &attribute, attributes, scaled);
  if (status != dnnl_success) return status;
  int64_t skipped[2];
  fd_skipped_cells(window, skipped);
#if FD_VERSION_2
  dnnl_convolution_desc_t description;
  status = dnnl_dilated_convolution_forward_desc_init(
    &description, dnnl_forward_inference, dnnl_convolution_direct, descriptor_of(source),
    descriptor_of(weights), descriptor_of(bias), descriptor_of(destination), window->stride,
    skipped, window->leading_padding, window->trailing_padding);
  if (status == dnnl_success) {
    status = dnnl_primitive_desc_create(
      &(*operation)->handle, &description, attribute, engine, NULL);
  }
#else
  status = dnnl_convolution_forward_primitive_desc_create(
    &(*operation)->handle, engine, dnnl_forward_inference, dnnl_convolution_direct,
    descriptor_of(source), descriptor_of(weights), descriptor_of(bias), descriptor_of(destination),
    window->stride, skipped, window->leading_padding, window->trailing_padding, attribute);
#endif
  return fd_finish(operation, attribute, status);
}

int fd_inner_product(
  fd_operation *operation, fd_engine engine, const fd_layout *source, const fd_layout *weights,
  const fd_layout *bias, const fd_layout *destination, const struct fd_attributes *attributes) {
  const struct scaled scaled = {1 << 1, DNNL_ARG_WEIGHTS, 1 << 0};
  dnnl_primitive_attr_t attribute;
  int status = fd_prepare(operation, &attribute, attributes, scaled);
  if (status != dnnl_success) return status;
#if FD_VERSION_2
  dnnl_inner_product_desc_t description;
  status = dnnl_inner_product_forward_desc_init(
    &description, dnnl_forward_inference, descriptor_of(source), descriptor_of(weights),
    descriptor_of(bias), descriptor_of(destination));
  if (status == dnnl_success) {
    status = dnnl_primitive_desc_create(
      &(*operation)->handle, &description, attribute, engine, NULL);
  }
#else
  status = dnnl_inner_product_forward_primitive_desc_create(
    &(*operation)->handle, engine, dnnl_forward_inference, descriptor_of(source),
    descriptor_of(weights), descriptor_of(bias), descriptor_of(destination), attribute);
#endif
  return fd_finish(operation, attribute, status);
}

int fd_matrix_product(
  fd_operation *operation, fd_engine engine, const fd_layout *source, const fd_layout *weights,
  const fd_layout *bias, const fd_layout *destination, const struct fd_attributes *attributes) {
  const struct scaled scaled = {1 << 1, DNNL_ARG_WEIGHTS, 1 << 1};
  dnnl_primitive_attr_t attribute;
  int status = fd_prepare(operation, &attribute, attributes, scaled);
  if (status != dnnl_success) return status;
#if FD_VERSION_2
  dnnl_matmul_desc_t description;
  status = dnnl_matmul_desc_init(
    &description, descriptor_of(source), descriptor_of(weights), descriptor_of(bias),
    descriptor_of(destination));
  if (status == dnnl_success) {
    status = dnnl_primitive_desc_create(
      &(*operation)->handle, &description, attribute, engine, NULL);
  }
#else
  status = dnnl_matmul_primitive_desc_create(
    &(*operation)->handle, engine, descriptor_of(source), descriptor_of(weights),
    descriptor_of(bias), descriptor_of(destination), attribute);
#endif
  return fd_finish(operation, attribute, status);
}

int fd_pooling(
  fd_operation *operation, fd_engine engine, enum fd_pooling kind, const fd_layout *source,
  const fd_layout *destination, const struct fd_window *window) {
  dnnl_alg_kind_t algorithm = dnnl_pooling_max;
  switch (kind) {
    case fd_pooling_maximum: break;
    case fd_pooling_average: algorithm = dnnl_pooling_avg_exclude_padding; break;
    case fd_pooling_average_with_padding: algorithm = dnnl_pooling_avg_include_padding; break;
  }
  dnnl_primitive_attr_t attribute;
  int status = fd_prepare(operation, &attribute, &fd_no_attributes, (struct scaled){0});
  if (status != dnnl_success) return status;
  int64_t skipped[2];
  fd_skipped_cells(window, skipped);
#if FD_VERSION_2
  dnnl_pooling_v2_desc_t description;
  status = dnnl_pooling_v2_forward_desc_init(
    &description, dnnl_forward_inference, algorithm, descriptor_of(source),
    descriptor_of(destination), window->stride, window->size, skipped, window->leading_padding,
    window->trailing_padding);
  if (status == dnnl_success) {
    status = dnnl_primitive_desc_create(
      &(*operation)->handle, &description, attribute, engine, NULL);
  }
#else
  status = dnnl_pooling_forward_primitive_desc_create(
    &(*operation)->handle, engine, dnnl_forward_inference, algorithm, descriptor_of(source),
    descriptor_of(destination), window->stride, window->size, skipped, window->leading_padding,
    window->trailing_padding, attribute);
#endif
  return fd_finish(operation, attribute, status);
}

int fd_softmax(fd_operation *operation, fd_engine engine, const fd_layout *layout, int axis) {
  dnnl_primitive_attr_t attribute;
  int status = fd_prepare(operation, &attribute, &fd_no_attributes, (struct scaled){0});
  if (status != dnnl_success) return status;
#if FD_VERSION_2
  dnnl_softmax_v2_desc_t description;
  status = dnnl_softmax_v2_forward_desc_init(
    &description, dnnl_forward_inference, dnnl_softmax_accurate, descriptor_of(layout),
    descriptor_of(layout), axis);
  if (status == dnnl_success) {
    status = dnnl_primitive_desc_create(
      &(*operation)->handle, &description, attribute, engine, NULL);
  }
#else
  status = dnnl_softmax_forward_primitive_desc_create(
    &(*operation)->handle, engine, dnnl_forward_inference, dnnl_softmax_accurate,
    descriptor_of(layout), descriptor_of(layout), axis, attribute);
#endif
  return fd_finish(operation, attribute, status);
}

int fd_reorder(
  fd_operation *operation, fd_engine engine, const fd_layout *source, const fd_layout *destination,
  const float *scales, int64_t scale_count, int scaled_axes) {
  const struct fd_attributes attributes = {.scales = scales, .scale_count = scale_count};
  // The source's axes are the result's.
  const struct scaled scaled = {scaled_axes, DNNL_ARG_FROM, scaled_axes};
  dnnl_primitive_attr_t attribute;
  int status = fd_prepare(operation, &attribute, &attributes, scaled);
  if (status != dnnl_success) return status;
  status = dnnl_reorder_primitive_desc_create(
    &(*operation)->handle, descriptor_of(source), engine, descriptor_of(destination), engine,
    attribute);
  return fd_finish(operation, attribute, status);
}
