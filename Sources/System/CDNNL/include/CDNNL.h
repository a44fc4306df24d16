#ifndef FRCNN_CDNNL_H
#define FRCNN_CDNNL_H

// What this project asks of oneDNN, in one form for its versions 2 (Debian 12) and 3 (Debian 13, Ubuntu
// 24.04): version 3 removed operation descriptors, made memory descriptors opaque, and takes scales when a
// kernel runs instead of when it is made. The difference is told apart in this module and nowhere else.
//
// Calls that return `int` return oneDNN's status: 0, or what fd_reason puts into words.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// ---- The machine ------------------------------------------------------------------------------

typedef struct dnnl_engine *fd_engine;
typedef struct dnnl_stream *fd_stream;

/// The version that the program runs with, as 30702 for 3.7.2.
int fd_version(void);

/// What a status means, in words; a null pointer for a status that has none.
const char *fd_reason(int status);

int fd_engine_create(fd_engine *engine);
int fd_stream_create(fd_stream *stream, fd_engine engine);
int fd_stream_wait(fd_stream stream);
void fd_stream_destroy(fd_stream stream);

/// Instructions that oneDNN uses on this CPU; DNNL_MAX_CPU_ISA may forbid some.
enum fd_instructions {
  fd_instructions_avx2,
  fd_instructions_avx512,
  /// Products of bytes added up in 32 bits in one step, in vectors of any width.
  fd_instructions_vnni,
  /// Products of bfloat16 in vectors.
  fd_instructions_bf16,
  /// Products of tiles of bfloat16 and bytes.
  fd_instructions_amx
};
bool fd_has(enum fd_instructions instructions);

// ---- Layouts ----------------------------------------------------------------------------------

enum fd_type { fd_type_other, fd_type_f32, fd_type_bf16, fd_type_s32, fd_type_s8, fd_type_u8 };

enum fd_order {
  /// Whatever the kernel likes best.
  fd_order_any,
  /// The last axis innermost.
  fd_order_plain,
  /// Axis 1 innermost.
  fd_order_channels_last,
  /// Blocks of 8 or 16 of axis 1 innermost; four axes.
  fd_order_blocked_8,
  fd_order_blocked_16,
  /// The first axis innermost; two axes.
  fd_order_transposed
};

/// How a tensor lies in memory; never changes.
typedef struct fd_layout fd_layout;

/// The most axes that a layout has.
enum { fd_most_axes = 12 };

int fd_layout_create(
  fd_layout **layout, int rank, const int64_t *extents, enum fd_type type, enum fd_order order);
/// A part of a tensor, in the whole tensor's memory.
int fd_layout_region(
  fd_layout **region, const fd_layout *whole, const int64_t *extents, const int64_t *offsets);
/// The same places for elements of another type.
int fd_layout_retyped(fd_layout **result, const fd_layout *layout, enum fd_type type);
void fd_layout_destroy(fd_layout *layout);

int fd_layout_rank(const fd_layout *layout);
/// Writes as many extents as there are axes.
void fd_layout_extents(const fd_layout *layout, int64_t extents[fd_most_axes]);
enum fd_type fd_layout_type(const fd_layout *layout);
size_t fd_layout_size(const fd_layout *layout);
bool fd_layout_equal(const fd_layout *left, const fd_layout *right);

// ---- Tensors ----------------------------------------------------------------------------------

typedef struct dnnl_memory *fd_memory;

/// A tensor at an address that the caller keeps; the address may be null, and be set later.
int fd_memory_create(fd_memory *memory, fd_engine engine, const fd_layout *layout, void *address);
int fd_memory_set_address(fd_memory memory, void *address);
/// A null pointer where none was set.
void *fd_memory_address(fd_memory memory);
void fd_memory_destroy(fd_memory memory);

// ---- Kernels ----------------------------------------------------------------------------------

enum fd_activation {
  fd_activation_none,
  fd_activation_relu,
  /// Cut off below 0 and above 6.
  fd_activation_relu6,
  fd_activation_hard_swish,
  fd_activation_hard_sigmoid,
  /// x * sigmoid(x).
  fd_activation_silu,
  fd_activation_sigmoid
};

/// What a kernel does beside its operation.
struct fd_attributes {
  /// Factors for the results before all that follows: none, one, or one for each output channel.
  const float *scales;
  int64_t scale_count;
  /// Whether the result is added to what the destination holds, times a factor.
  bool adds_to_destination;
  float addend_scale;
  enum fd_activation activation;
};

/// Whether biases are added before results are scaled, which is version 2's way, or behind.
bool fd_bias_before_scales(void);

/// A window that moves over a map; rows first, then columns.
struct fd_window {
  /// Of pooling alone: a convolution's weights tell it.
  int64_t size[2];
  int64_t stride[2];
  /// The distance of a window's neighbours, 1 for a dense window.
  int64_t dilation[2];
  int64_t leading_padding[2];
  int64_t trailing_padding[2];
};

enum fd_pooling {
  fd_pooling_maximum,
  /// The mean of the cells that are not padding.
  fd_pooling_average,
  fd_pooling_average_with_padding
};

/// An operation with the kernel that oneDNN chose for it.
typedef struct fd_operation *fd_operation;

/// Weights of five axes have the groups first.
int fd_convolution(
  fd_operation *operation, fd_engine engine, const fd_layout *source, const fd_layout *weights,
  const fd_layout *bias, const fd_layout *destination, const struct fd_window *window,
  const struct fd_attributes *attributes);
int fd_inner_product(
  fd_operation *operation, fd_engine engine, const fd_layout *source, const fd_layout *weights,
  const fd_layout *bias, const fd_layout *destination, const struct fd_attributes *attributes);
/// A null bias is none.
int fd_matrix_product(
  fd_operation *operation, fd_engine engine, const fd_layout *source, const fd_layout *weights,
  const fd_layout *bias, const fd_layout *destination, const struct fd_attributes *attributes);
int fd_pooling(
  fd_operation *operation, fd_engine engine, enum fd_pooling kind, const fd_layout *source,
  const fd_layout *destination, const struct fd_window *window);
int fd_softmax(
  fd_operation *operation, fd_engine engine, const fd_layout *layout, int axis);
/// A change of layout and type, with values multiplied by one factor, or by factors that differ along the
/// axes whose bits are set.
int fd_reorder(
  fd_operation *operation, fd_engine engine, const fd_layout *source, const fd_layout *destination,
  const float *scales, int64_t scale_count, int scaled_axes);

/// The gradient of a convolution's source; `forward` is the convolution itself.
int fd_convolution_source_gradient(
  fd_operation *operation, fd_engine engine, fd_operation forward, const fd_layout *source_gradient,
  const fd_layout *weights, const fd_layout *destination_gradient, const struct fd_window *window);
/// The gradients of a convolution's weights and biases.
int fd_convolution_weights_gradient(
  fd_operation *operation, fd_engine engine, fd_operation forward, const fd_layout *source,
  const fd_layout *weights_gradient, const fd_layout *bias_gradient,
  const fd_layout *destination_gradient, const struct fd_window *window);
void fd_operation_destroy(fd_operation operation);

enum fd_tensor {
  fd_tensor_source = 1,
  fd_tensor_destination = 17,
  fd_tensor_weights = 33,
  fd_tensor_bias = 41,
  fd_tensor_scratchpad = 80,
  fd_tensor_source_gradient = 129,
  fd_tensor_destination_gradient = 145,
  fd_tensor_weights_gradient = 161,
  fd_tensor_bias_gradient = 169
};

/// The layout in which the kernel wants a tensor: that of no axes and no bytes where it takes none.
int fd_operation_layout(fd_layout **layout, fd_operation operation, enum fd_tensor tensor);
/// The kernel's name, which lives as long as the operation.
const char *fd_operation_kernel(fd_operation operation);

typedef struct fd_kernel *fd_kernel;

/// A tensor for a kernel to work on.
struct fd_argument {
  int tensor;
  fd_memory memory;
};

int fd_kernel_create(fd_kernel *kernel, fd_operation operation, fd_engine engine);
int fd_kernel_run(
  fd_kernel kernel, fd_stream stream, const struct fd_argument *arguments, int count);
void fd_kernel_destroy(fd_kernel kernel);

/// result = alpha * left * right + beta * result for row-major matrices.
int fd_sgemm(
  bool left_is_transposed, bool right_is_transposed, int64_t rows, int64_t columns, int64_t inner,
  float alpha, const float *left, int64_t left_stride, const float *right, int64_t right_stride,
  float beta, float *result, int64_t result_stride);

#endif
