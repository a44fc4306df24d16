#pragma once

#include <stdint.h>

#include "maps.h"

// The gradients of operations on maps, a plane at a time: the rows of one picture with `lanes` channels of
// each cell side by side, as in maps.h. Nothing here checks a bound: the caller has.

/// upstream times the activation's derivative. `reference` has the activation's results, but its arguments
/// for hard swish and SiLU, whose results do not tell them. `out` may be `upstream`.
///
/// At a kink the derivative is PyTorch's: 0 for ReLU at 0, for ReLU6 at 0 and 6, for hard sigmoid at -3
/// and 3; for hard swish 0 at -3 and 1 at 3.
void gradient_activation(float *_Nonnull out, const float *_Nonnull upstream,
                         const float *_Nonnull reference, size_t count,
                         enum map_activation activation);

/// out += term
void gradient_add(float *_Nonnull out, const float *_Nonnull term, size_t count);

/// A window over a plane; rows first, then columns.
struct gradient_window {
  int32_t source[2];
  int32_t result[2];
  int32_t size[2];
  int32_t stride[2];
  /// The distance of a window's neighbours, 1 for a dense window.
  int32_t dilation[2];
  int32_t leading[2];
};

/// Adds each upstream number to the first of the largest cells, in row order, of its window of `source`.
void gradient_max_pooling(float *_Nonnull out, const float *_Nonnull source,
                          const float *_Nonnull upstream,
                          const struct gradient_window *_Nonnull window, int32_t lanes);

/// Adds to each cell of a window its share of the upstream number; padding has a share where it counts.
void gradient_average_pooling(float *_Nonnull out, const float *_Nonnull upstream,
                              const struct gradient_window *_Nonnull window,
                              int32_t counts_padding, int32_t lanes);

/// Adds each row of `cells` upstream numbers to the cells of a row that they were copied from.
void gradient_upsampling(float *_Nonnull out, const float *_Nonnull upstream, size_t cells,
                         const int32_t *_Nonnull columns, int32_t lanes);

/// Adds to `sums`, one for each lane, the products of two planes' numbers; of `first` alone where `second`
/// is null.
void gradient_products(const float *_Nonnull first, const float *_Nullable second, size_t cells,
                       int32_t lanes, double *_Nonnull sums);

/// first * scale + second * factor + term, with one number of each table for each lane.
void gradient_combine(float *_Nonnull out, const float *_Nonnull first,
                      const float *_Nonnull scale, const float *_Nonnull second,
                      const float *_Nonnull factor, const float *_Nonnull term, size_t cells,
                      int32_t lanes);

/// One row of the gradient of a softmax: result * (upstream - sum of upstream * result).
void gradient_softmax(float *_Nonnull out, const float *_Nonnull upstream,
                      const float *_Nonnull result, size_t count);
