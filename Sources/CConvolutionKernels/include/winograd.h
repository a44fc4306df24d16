#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// 3x3 convolutions of stride 1 by Winograd's F(4x4, 3x3): a quarter of the multiplications.
//
// The algorithm is Lavin and Gray's (arXiv:1509.09308): a tile of 4x4 results is made from 6x6 values,
// transformed into 36 numbers a channel, multiplied with weights transformed alike (at each of the 36
// positions a product of matrices: tiles x input channels x output channels), and transformed back.
//
// In maps `lanes` channels of a pixel lie side by side; how far it is to the next pixel, row, block of channels
// and image, each map says itself. Channels are counted in whole blocks. Nothing here checks a bound: the
// caller has.

/// The number of channels that lie side by side: 16 for AVX-512, 8 for AVX2 with FMA.
///
/// `winograd_run` and `winograd_transform_weights` may only be called with at most
/// `winograd_most_lanes()`.
typedef int32_t winograd_lanes;

/// How a kernel works.
struct winograd_type {
  winograd_lanes lanes;
  /// Whether transformed values and weights are rounded to bfloat16 and multiplied two at a time; for 16
  /// lanes, on a CPU that has AVX512_BF16.
  bool multiplies_bfloat16;
};

/// The lanes that the CPU has instructions for: 16, 8 or 0.
winograd_lanes winograd_most_lanes(void);

/// What a map's elements are. All but float32 are for kernels that multiply bfloat16.
enum winograd_map_kind {
  winograd_map_float32,
  winograd_map_bfloat16,
  /// 0 to 255, which stand for themselves: what they are multiplied with is said beside the map.
  winograd_map_bytes,
};

/// The bytes of an element.
static inline size_t winograd_map_element_size(enum winograd_map_kind kind) {
  return kind == winograd_map_float32 ? 4 : kind == winograd_map_bfloat16 ? 2 : 1;
}

/// Where a map lies; distances are counted in its elements.
struct winograd_map {
  void *_Nullable address;
  enum winograd_map_kind kind;
  /// From one image to the next, from one block of channels to the next, from one row and from one pixel to
  /// the next.
  ptrdiff_t image, block, row, pixel;
};

/// A convolution, and where its tensors lie.
struct winograd_convolution {
  struct winograd_map source, destination;
  /// As `winograd_transform_weights` wrote them.
  const void *_Nonnull weights;
  /// One for each output channel, in the unit in which the result is written.
  const float *_Nonnull biases;
  /// What sums of products are multiplied with before the bias is added: the unit of the source's numbers
  /// divided by that of the result's.
  float scale;
  /// Multiples of `lanes`.
  int32_t input_channels, output_channels;
  /// The rows and columns that may be read; what lies beyond them counts as zero.
  int32_t source_height, source_width;
  /// Where the window of the first result begins in the source: -1 where a row or column of zeros
  /// comes before it.
  int32_t top, left;
  /// The extents of the result.
  int32_t height, width;
  /// The extents of the maximum over 2x2 results that is written in their place, or zeros.
  int32_t pooled_height, pooled_width;
  /// What is added, times `addend_scale`, to the results before they are bounded and pooled, as large as the
  /// result before pooling; without an address for nothing. It may be the destination.
  struct winograd_map addend;
  float addend_scale;
  /// What smaller results are raised to and larger ones lowered to, in the unit of the result: 0 and infinity
  /// for ReLU. No result that is written as a byte may be below 0.
  float lowest, highest;
  /// The tiles that are multiplied at once: 1 to `winograd_most_rows(lanes)`.
  int32_t rows;
};

/// How many tiles the registers hold at once.
static inline int32_t winograd_most_rows(winograd_lanes lanes) { return lanes == 16 ? 14 : 6; }

/// The tiles that cover one image's result; those of a batch are counted one image after the other, and
/// row by row.
static inline size_t winograd_tile_count(int32_t height, int32_t width) {
  return (size_t)((height + 3) / 4) * (size_t)((width + 3) / 4);
}

/// The bytes of what is multiplied.
static inline size_t winograd_element_size(struct winograd_type type) {
  return type.multiplies_bfloat16 ? sizeof(uint16_t) : sizeof(float);
}

/// The bytes of the weights of a layer, whose output channels are counted in whole panels.
static inline size_t winograd_weight_size(struct winograd_type type, int32_t input_channels,
                                          int32_t output_channels) {
  return 36 * winograd_element_size(type) * (size_t)input_channels * (size_t)output_channels;
}

/// The bytes between the values of one of the 36 positions and those of the next: without them the 36 numbers of a
/// tile would lie in two sets of a first-level cache.
static const size_t winograd_padding = 64;

/// The bytes of scratch memory that some tiles take.
static inline size_t winograd_scratch_size(struct winograd_type type, int32_t input_channels,
                                           int32_t rows, size_t tiles) {
  const size_t blocks = (tiles + (size_t)rows - 1) / (size_t)rows;
  const size_t tile = (size_t)input_channels * winograd_element_size(type) +
                      2 * (size_t)type.lanes * sizeof(float);
  return 36 * (blocks * (size_t)rows * tile + winograd_padding);
}

/// Transforms the weights of some output channels, a multiple of `lanes`.
///
/// `weights` is (outputs, input_channels, 3, 3); `scales` multiplies each output channel and may be
/// null. `transformed` gets `winograd_weight_size` bytes; output channels that follow one another may be
/// transformed in several calls, each but the last for a multiple of twice `lanes`, behind what the one before
/// wrote.
void winograd_transform_weights(struct winograd_type type, const float *_Nonnull weights,
                                const float *_Nullable scales, int32_t input_channels,
                                int32_t outputs, void *_Nonnull transformed);

/// Computes some output channels of some tiles of the batch.
///
/// Output channels are counted in panels of twice `lanes`, of which the last may have half. `scratch` is aligned to 64 bytes and has
/// `winograd_scratch_size` bytes; its contents are lost.
void winograd_run(struct winograd_type type,
                  const struct winograd_convolution *_Nonnull convolution, size_t first_tile,
                  size_t tiles, int32_t first_panel, int32_t panels, float *_Nonnull scratch);

// The gradient of the weights, in the tiles of the results: a quarter of the multiplications too.

/// What the gradient of a convolution's weights is computed from; distances are counted in floats.
struct winograd_gradient {
  /// What the convolution read, and the gradient of what it gave.
  const float *_Nonnull source;
  const float *_Nonnull upstream;
  /// From one image to the next, from one block of channels to the next, from one row to the next.
  ptrdiff_t source_image, source_block, source_row;
  ptrdiff_t upstream_image, upstream_block, upstream_row;
  /// A multiple of `lanes`.
  int32_t input_channels;
  /// The extents of the source; what lies beyond them counts as zero.
  int32_t source_height, source_width;
  /// Where the window of the first result begins in the source.
  int32_t top, left;
  /// The extents of the results.
  int32_t height, width;
};

/// The bytes of scratch memory that some blocks of output channels take, `most` tiles at a time.
static inline size_t winograd_gradient_scratch_size(winograd_lanes lanes, int32_t input_channels,
                                                    int32_t blocks, size_t most) {
  const size_t tile = ((size_t)input_channels + (size_t)blocks * (size_t)lanes) * sizeof(float);
  return 36 * (most * tile + winograd_padding);
}

/// The floats of sums for some blocks of output channels.
static inline size_t winograd_gradient_sum_count(winograd_lanes lanes, int32_t input_channels,
                                                 int32_t blocks) {
  return 36 * (size_t)input_channels * (size_t)blocks * (size_t)lanes;
}

/// Adds up the products of some tiles, `most` of them at a time, for some blocks of output channels.
///
/// `sums` gets `winograd_gradient_sum_count` floats. Output channels are taken in panels of two blocks, the last
/// one of one where their number is odd, and panels follow one another. `bias_sums`, `blocks * lanes` of them, or
/// null, are added to. `scratch` is aligned to 64 bytes and has `winograd_gradient_scratch_size` bytes.
void winograd_gradient_run(winograd_lanes lanes, const struct winograd_gradient *_Nonnull gradient,
                           size_t first_tile, size_t tiles, size_t most, int32_t first_block,
                           int32_t blocks, float *_Nonnull sums, double *_Nullable bias_sums,
                           float *_Nonnull scratch);

/// Makes the gradient of a panel's weights of its sums, for some input channels, in multiples of `lanes`.
///
/// `sums` is the panel's, `part` floats lie between those of one part of the tiles and of the next, and `blocks`
/// is 1 or 2. `gradient` is that of the panel's first output channel in (outputs, all_channels, 3, 3).
void winograd_gradient_finish(winograd_lanes lanes, const float *_Nonnull sums, size_t part,
                              int32_t parts, int32_t blocks, int32_t first_channel,
                              int32_t channels, int32_t all_channels, bool adds,
                              float *_Nonnull gradient);
