#pragma once

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// The loops of Detection that go over every anchor or every pair of boxes.
//
// They are C because Swift without unsafe flags compiles to SSE2 and has no function
// multi-versioning: each loop here is compiled for x86-64-v4, v3 and the baseline, and the loader
// picks one. docs/numerics.md ("Detection") has what that gains.
//
// Every operation is a plain IEEE one and none is fused (see FP_CONTRACT in boxes.c), so the three
// versions, and the scalar code in Swift that uses detection_exp, give the same bits.
//
// Nothing here checks a bound: the Swift caller has, and says so in its Safety line. Boxes are
// (y_min, x_min, y_max, x_max), four floats each.

/// e to the power of x, within 2 units in the last place of float32; subnormal results are zero.
///
/// Cody and Waite's reduction and the polynomial of Cephes' expf (S. Moshier), without branches,
/// so that a loop over it vectorises.
static inline float detection_exp(float x) {
#pragma STDC FP_CONTRACT OFF
  // Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits.
  const float rounder = 12582912.0f;
  float rounded = x * 1.44269504088896341f + rounder;
  float n = rounded - rounder;
  float r = x - n * 0.693359375f;
  r = r - n * -2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  // 2^n in two factors: n reaches 128, one more than an exponent holds.
  // (Unsigned, because an x out of range makes it wrap; the last lines then discard the result.)
  uint32_t bits;
  memcpy(&bits, &rounded, sizeof bits);
  int32_t exponent = (int32_t)(bits - 0x4B400000u);
  int32_t half = exponent >> 1;
  uint32_t first_bits = (uint32_t)(half + 127) << 23;
  uint32_t second_bits = (uint32_t)(exponent - half + 127) << 23;
  float first, second;
  memcpy(&first, &first_bits, sizeof first);
  memcpy(&second, &second_bits, sizeof second);
  float result = p * first * second;
  result = x > 88.7228394f ? INFINITY : result;
  return x < -87.3365448f ? 0.0f : result;
}

/// How raw offsets become boxes that may be proposed.
struct detection_decoding {
  /// 0: offsets are dy, dx, dh, dw. 1: they are dx, dy, dw, dh.
  int32_t xyxy;
  /// 1 where a side counts both of its end pixels, otherwise 0.
  float side_extra;
  /// Bound dh and dw before exp; infinite for no bound.
  float minimum_log_scale, maximum_log_scale;
  /// Coordinates are clipped to [0, y_limit] and [0, x_limit].
  float y_limit, x_limit;
  /// A side below this drops the box.
  float minimum_side;
};

/// Writes for each score a key that sorts as the score does (greater score, greater key).
///
/// The score is the foreground logit, or where `probability` is not 0, its softmax with the background
/// logit. A logit that is not finite gives the key 0, which no finite score has.
/// `background` may be NULL where there is none, and the probability then is the sigmoid; element i is
/// at index i * step (1 or 2).
void detection_rank_keys(const float *background, const float *foreground, size_t step,
                         size_t count, int32_t probability, uint32_t *keys);

/// The anchors of a feature map: those of one row of cells, and by how much each row is moved down.
struct detection_grid {
  /// `row_count` boxes.
  const float *row;
  size_t row_count, row_number;
  /// Row r is moved by r * y_stride + y_offset.
  float y_stride, y_offset;
};

/// Decodes and clips the boxes of all anchors, and sets the key of each that must be dropped to 0.
void detection_decode(const struct detection_grid *grid, const float *offsets,
                      const struct detection_decoding *how, float *boxes, uint32_t *keys);

/// Decodes and clips the boxes of `count` chosen anchors alone, in that order; a mark of 0 means that
/// the box must be dropped.
void detection_decode_chosen(const struct detection_grid *grid, const float *offsets,
                             const uint32_t *chosen, size_t count,
                             const struct detection_decoding *how, float *boxes, uint32_t *marks);

/// How two boxes are found to be one object.
struct detection_suppression {
  /// A box is suppressed where its IoU with a kept one is at least this.
  float bound;
  /// 1 where a side counts both of its end pixels, otherwise 0.
  float side_extra;
  /// Stops when so many are kept.
  size_t maximum_kept;
};

/// Greedy non-maximum suppression over `count` candidates, best first.
///
/// `order` holds indices into `boxes`; the kept ones are written to `kept` in that order. `scratch`
/// holds 5 floats for each box that can be kept. Returns how many were kept.
size_t detection_suppress(const float *boxes, const uint32_t *order, size_t count,
                          const struct detection_suppression *how, float *scratch,
                          uint32_t *kept);

/// The number of floats of scratch that detection_iou_matrix needs.
size_t detection_iou_matrix_scratch(size_t columns);

/// Writes the IoU of each of `rows` boxes with each of `columns` (1 or more) boxes, row-major.
///
/// Where both areas are 0 the IoU is 0.
void detection_iou_matrix(const float *a, size_t rows, const float *b, size_t columns,
                          float side_extra, float *scratch, float *matrix);
