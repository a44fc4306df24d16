#pragma once

#include <stddef.h>
#include <stdint.h>

// Passes over maps that compute little for each number: sums, scaling, activations, normalisation.
//
// They work on one row at a time, in whatever order of channels the map has: a row is `cells` pixels with
// `lanes` channels of each side by side (1 in NCHW, all in NHWC, 16 or 8 in blocks). Memory is what they
// wait for, so each number is read and written once. Nothing here checks a bound: the caller has.

/// What is done to each number last; the numbers are those of `Network.Activation`'s lowering.
enum map_activation {
  map_activation_none,
  /// max(x, 0)
  map_activation_relu,
  /// min(max(x, 0), 6)
  map_activation_relu6,
  /// x min(max(x + 3, 0), 6) / 6
  map_activation_hard_swish,
  /// min(max(x + 3, 0), 6) / 6
  map_activation_hard_sigmoid,
  /// x / (1 + exp(-x))
  map_activation_silu,
  /// 1 / (1 + exp(-x))
  map_activation_sigmoid,
};

/// One row of activation(first * scale + bias + second).
struct map_row {
  /// May be the same as `first`, or as `second` without `columns`.
  float *_Nonnull out;
  /// Null for zeros.
  const float *_Nullable first;
  /// Another map's row, or null.
  const float *_Nullable second;
  /// The cell of `second` that is added to each cell; null where it is the same one.
  const int32_t *_Nullable columns;
  /// One for each lane; null for 1 and 0.
  const float *_Nullable scale, *_Nullable bias;
  size_t cells;
  int32_t lanes;
  /// Lanes from here on are padding and become zeros.
  int32_t valid_lanes;
  enum map_activation activation;
};

void map_combine(const struct map_row *_Nonnull row);

/// Adds to `sums`, one for each lane, a row's numbers less `mean`, or their squares.
///
/// `mean` has one number for each lane and may be null for zeros.
void map_add_moments(const float *_Nonnull values, size_t cells, int32_t lanes,
                     const float *_Nullable mean, int32_t squares, double *_Nonnull sums);

/// One row of cells of `bytes` each, copied from those of another row that `columns` names.
void map_enlarge(void *_Nonnull out, const void *_Nonnull source, const int32_t *_Nonnull columns,
                 size_t cells, size_t bytes);

/// Rounds numbers times `factor`, plus `zero`, to bytes; what is below 0 or above 255 is cut off.
void map_round(uint8_t *_Nonnull out, const float *_Nonnull values, size_t count, float factor,
               int32_t zero);

/// The same of numbers in bfloat16.
void map_round_bfloat16(uint8_t *_Nonnull out, const uint16_t *_Nonnull values, size_t count,
                        float factor, int32_t zero);

/// One row of x (1 + alpha s)^-beta, where s is the sum of squares in the window around x.
///
/// `rows` has the window's `size` rows, null where there is none; the window is clipped to the row.
void map_normalise_locally(float *_Nonnull out, const float *_Nullable const *_Nonnull rows,
                           int32_t size, size_t cells, int32_t lanes, float alpha, float beta);
