#pragma once

#include <stdbool.h>
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

/// The same for windows of 2x2 that cover the source once, with the two rows of `width` cells, or the last one
/// alone, that a row of `pairs` upstream numbers comes from: all of `out` is written.
void gradient_pair_max_pooling(float *_Nonnull out, const float *_Nonnull source,
                               const float *_Nonnull upstream, size_t width, size_t pairs,
                               bool has_below, int32_t lanes);

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

/// Adds to `sums` and `products`, one for each lane, the numbers of one plane and their products with
/// those of another.
void gradient_moments(const float *_Nonnull first, const float *_Nonnull second, size_t cells,
                      int32_t lanes, double *_Nonnull sums, double *_Nonnull products);

/// `gradient_moments` and `gradient_combine` behind a ReLU, of what was normalised to second * normal_scale +
/// normal_bias: `first` counts where that is above 0, and is 0 elsewhere.
void gradient_relu_moments(const float *_Nonnull first, const float *_Nonnull second,
                           const float *_Nonnull normal_scale, const float *_Nonnull normal_bias,
                           size_t cells, int32_t lanes, double *_Nonnull sums,
                           double *_Nonnull products);

void gradient_relu_combine(float *_Nonnull out, const float *_Nonnull first,
                           const float *_Nonnull scale, const float *_Nonnull second,
                           const float *_Nonnull factor, const float *_Nonnull term,
                           const float *_Nonnull normal_scale, const float *_Nonnull normal_bias,
                           size_t cells, int32_t lanes);

/// The copy of a layer's weights (outputs, inputs, 3, 3) with which a convolution of the results' gradient
/// gives that of the sources: (inputs, outputs, 3, 3), each window turned by half a turn. Writes `count`
/// inputs from `first` on, to their places.
void gradient_turn_weights(float *_Nonnull out, const float *_Nonnull weights, size_t outputs,
                           size_t inputs, size_t first, size_t count);

/// The gradient of a local response normalisation within a channel, x (1 + alpha S)^-beta with S the sum of
/// the squares of `size` by `size` cells about each cell, of one plane. `scratch` has as many floats.
void gradient_local_response(float *_Nonnull out, const float *_Nonnull source,
                             const float *_Nonnull upstream, float *_Nonnull scratch,
                             int32_t height, int32_t width, int32_t lanes, int32_t size,
                             float alpha, float beta);

// MARK: Updates

/// out = in * factor; both may be the same.
void gradient_scale(float *_Nonnull out, const float *_Nonnull in, size_t count, float factor);

/// The sum of the squares.
double gradient_square_sum(const float *_Nonnull values, size_t count);

/// momenta = momentum * momenta + (gradient * factor + decay * values); values -= rate * momenta
void gradient_descend(float *_Nonnull values, float *_Nonnull momenta,
                      const float *_Nonnull gradient, size_t count, float factor, float decay,
                      float momentum, float rate);

/// average = decay * average + (1 - decay) * values
void gradient_average(float *_Nonnull average, const float *_Nonnull values, size_t count,
                      float decay);
