// Operations of the backward pass.

#include "operation.h"

int fd_convolution_source_gradient(
  fd_operation *operation, fd_engine engine, fd_operation forward, const fd_layout *source_gradient,
  const fd_layout *weights, const fd_layout *destination_gradient, const struct fd_window *window) {
  dnnl_primitive_attr_t attributes;
  int status = fd_prepare(operation, &attributes, &fd_no_attributes, (struct scaled){0});
  if (status != dnnl_success) return status;
  int64_t skipped[2];
  fd_skipped_cells(window, skipped);
#if FD_VERSION_2
  dnnl_convolution_desc_t description;
  status = dnnl_dilated_convolution_backward_data_desc_init(
    &description, dnnl_convolution_direct, descriptor_of(source_gradient), descriptor_of(weights),
    descriptor_of(destination_gradient), window->stride, skipped, window->leading_padding,
    window->trailing_padding);
  if (status == dnnl_success) {
    status = dnnl_primitive_desc_create(
      &(*operation)->handle, &description, attributes, engine, forward->handle);
  }
#else
  status = dnnl_convolution_backward_data_primitive_desc_create(
    &(*operation)->handle, engine, dnnl_convolution_direct, descriptor_of(source_gradient),
    descriptor_of(weights), descriptor_of(destination_gradient), window->stride, skipped,
    window->leading_padding, window->trailing_padding, forward->handle, attributes);
#endif
  return fd_finish(operation, attributes, status);
}

int fd_convolution_weights_gradient(
  fd_operation *operation, fd_engine engine, fd_operation forward, const fd_layout *source,
  const fd_layout *weights_gradient, const fd_layout *bias_gradient,
  const fd_layout *destination_gradient, const struct fd_window *window) {
  dnnl_primitive_attr_t attributes;
  int status = fd_prepare(operation, &attributes, &fd_no_attributes, (struct scaled){0});
  if (status != dnnl_success) return status;
  int64_t skipped[2];
  fd_skipped_cells(window, skipped);
#if FD_VERSION_2
  dnnl_convolution_desc_t description;
  status = dnnl_dilated_convolution_backward_weights_desc_init(
    &description, dnnl_convolution_direct, descriptor_of(source), descriptor_of(weights_gradient),
    descriptor_of(bias_gradient), descriptor_of(destination_gradient), window->stride, skipped,
    window->leading_padding, window->trailing_padding);
  if (status == dnnl_success) {
    status = dnnl_primitive_desc_create(
      &(*operation)->handle, &description, attributes, engine, forward->handle);
  }
#else
  status = dnnl_convolution_backward_weights_primitive_desc_create(
    &(*operation)->handle, engine, dnnl_convolution_direct, descriptor_of(source),
    descriptor_of(weights_gradient), descriptor_of(bias_gradient),
    descriptor_of(destination_gradient), window->stride, skipped, window->leading_padding,
    window->trailing_padding, forward->handle, attributes);
#endif
  return fd_finish(operation, attributes, status);
}
