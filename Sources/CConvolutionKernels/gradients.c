#include "gradients.h"

#include <math.h>

// Products and sums are rounded one by one, so that every level below gives the same bits.
#pragma STDC FP_CONTRACT OFF

// As in maps.c.
#if !defined(__x86_64__) || __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define EACH_LEVEL
#else
#define EACH_LEVEL __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#endif

#define INLINE static inline __attribute__((always_inline))

/// Runs a body with the lanes as a constant where that makes the inner loop one vector instruction.
#define WITH_LANES(call)            \
  switch (lanes) {                  \
    case 16: { enum { LANES = 16 }; call; break; } \
    case 8: { enum { LANES = 8 }; call; break; }   \
    case 1: { enum { LANES = 1 }; call; break; }   \
    default: { const int32_t LANES = lanes; call; } \
  }

// MARK: Elementwise

#define DERIVE(expression)                      \
  for (size_t i = 0; i < count; i++) {          \
    const float y = reference[i];               \
    out[i] = upstream[i] * (expression);        \
  }                                             \
  break

EACH_LEVEL void gradient_activation(float *out, const float *upstream, const float *reference,
                                    size_t count, enum map_activation activation) {
  switch (activation) {
    case map_activation_none:
      for (size_t i = 0; i < count; i++) out[i] = upstream[i];
      break;
    case map_activation_relu: DERIVE(y > 0 ? 1.0f : 0.0f);
    case map_activation_relu6: DERIVE(y > 0 && y < 6 ? 1.0f : 0.0f);
    case map_activation_hard_sigmoid: DERIVE(y > 0 && y < 1 ? 1.0f / 6 : 0.0f);
    case map_activation_sigmoid: DERIVE(y * (1 - y));
    case map_activation_hard_swish:
      DERIVE(y <= -3 ? 0.0f : y < 3 ? y / 3 + 0.5f : 1.0f);
    case map_activation_silu: {
      for (size_t i = 0; i < count; i++) {
        const float sigmoid = 1 / (1 + expf(-reference[i]));
        out[i] = upstream[i] * (sigmoid * (1 + reference[i] * (1 - sigmoid)));
      }
      break;
    }
  }
}

EACH_LEVEL void gradient_add(float *out, const float *term, size_t count) {
  for (size_t i = 0; i < count; i++) out[i] += term[i];
}

// MARK: Pooling

/// A window's first cell along an axis that lies in the source, and the number of such cells.
INLINE int32_t first_tap(const struct gradient_window *window, int axis, int32_t index,
                         int32_t *count) {
  const int32_t step = window->dilation[axis];
  const int32_t start = index * window->stride[axis] - window->leading[axis];
  const int32_t skipped = start < 0 ? (-start + step - 1) / step : 0;
  const int32_t first = start + skipped * step;
  const int32_t room = window->source[axis] - first;
  const int32_t fitting = room > 0 ? (room + step - 1) / step : 0;
  const int32_t left = window->size[axis] - skipped;
  *count = left < fitting ? left : fitting;
  return first;
}

INLINE void max_pooling(float *out, const float *source, const float *upstream,
                        const struct gradient_window *window, int32_t lanes) {
  const ptrdiff_t width = window->source[1];
  for (int32_t y = 0; y < window->result[0]; y++) {
    int32_t rows;
    const int32_t top = first_tap(window, 0, y, &rows);
    for (int32_t x = 0; x < window->result[1]; x++, upstream += lanes) {
      int32_t columns;
      const int32_t left = first_tap(window, 1, x, &columns);
      if (rows <= 0 || columns <= 0) continue;
      for (int32_t lane = 0; lane < lanes; lane++) {
        ptrdiff_t best = (top * width + left) * lanes + lane;
        for (int32_t row = 0; row < rows; row++) {
          const ptrdiff_t start = (top + row * window->dilation[0]) * width + left;
          for (int32_t column = 0; column < columns; column++) {
            const ptrdiff_t cell = (start + column * window->dilation[1]) * lanes + lane;
            if (source[cell] > source[best]) best = cell;
          }
        }
        out[best] += upstream[lane];
      }
    }
  }
}

EACH_LEVEL void gradient_max_pooling(float *out, const float *source, const float *upstream,
                                     const struct gradient_window *window, int32_t lanes) {
  WITH_LANES(max_pooling(out, source, upstream, window, LANES))
}

INLINE void pair_pooling(float *out, const float *source, const float *upstream, size_t width,
                         size_t pairs, bool has_below, int32_t lanes) {
  const size_t row = width * (size_t)lanes;
  // Behind the whole windows there is half a window, or a column that none covers.
  const size_t whole = width / 2 < pairs ? width / 2 : pairs;
  for (size_t pair = 0; pair < whole; pair++) {
    for (int32_t lane = 0; lane < lanes; lane++) {
      const size_t first = 2 * pair * (size_t)lanes + (size_t)lane, second = first + (size_t)lanes;
      const float value = upstream[pair * (size_t)lanes + (size_t)lane];
      const float left = source[first], right = source[second];
      const bool is_right = right > left;
      const float upper = is_right ? right : left;
      const float below = has_below ? source[row + first] : left;
      const bool is_below = has_below && below > upper;
      const float most = is_below ? below : upper;
      const bool is_last = has_below && source[row + second] > most;
      out[first] = is_right || is_below || is_last ? 0 : value;
      out[second] = is_right && !is_below && !is_last ? value : 0;
      if (has_below) {
        out[row + first] = is_below && !is_last ? value : 0;
        out[row + second] = is_last ? value : 0;
      }
    }
  }
  if (2 * whole == width) return;
  for (int32_t lane = 0; lane < lanes; lane++) {
    const size_t last = 2 * whole * (size_t)lanes + (size_t)lane;
    const float value = whole < pairs ? upstream[whole * (size_t)lanes + (size_t)lane] : 0;
    const bool is_below = has_below && source[row + last] > source[last];
    out[last] = is_below ? 0 : value;
    if (has_below) out[row + last] = is_below ? value : 0;
  }
}

EACH_LEVEL void gradient_pair_max_pooling(float *out, const float *source, const float *upstream,
                                          size_t width, size_t pairs, bool has_below,
                                          int32_t lanes) {
  if (has_below) {
    WITH_LANES(pair_pooling(out, source, upstream, width, pairs, true, LANES))
  } else {
    WITH_LANES(pair_pooling(out, source, upstream, width, pairs, false, LANES))
  }
}

INLINE void average_pooling(float *out, const float *upstream,
                            const struct gradient_window *window, int32_t counts_padding,
                            int32_t lanes) {
  const ptrdiff_t width = window->source[1];
  for (int32_t y = 0; y < window->result[0]; y++) {
    int32_t rows;
    const int32_t top = first_tap(window, 0, y, &rows);
    for (int32_t x = 0; x < window->result[1]; x++, upstream += lanes) {
      int32_t columns;
      const int32_t left = first_tap(window, 1, x, &columns);
      if (rows <= 0 || columns <= 0) continue;
      const float cells =
          counts_padding ? (float)(window->size[0] * window->size[1]) : (float)(rows * columns);
      for (int32_t row = 0; row < rows; row++) {
        for (int32_t column = 0; column < columns; column++) {
          float *cell = out + ((top + row * window->dilation[0]) * width + left +
                               column * window->dilation[1]) * lanes;
          for (int32_t lane = 0; lane < lanes; lane++) cell[lane] += upstream[lane] / cells;
        }
      }
    }
  }
}

EACH_LEVEL void gradient_average_pooling(float *out, const float *upstream,
                                         const struct gradient_window *window,
                                         int32_t counts_padding, int32_t lanes) {
  WITH_LANES(average_pooling(out, upstream, window, counts_padding, LANES))
}

// MARK: Channels

INLINE void upsampling(float *out, const float *upstream, size_t cells, const int32_t *columns,
                       int32_t lanes) {
  for (size_t cell = 0; cell < cells; cell++, upstream += lanes) {
    float *target = out + (ptrdiff_t)columns[cell] * lanes;
    for (int32_t lane = 0; lane < lanes; lane++) target[lane] += upstream[lane];
  }
}

EACH_LEVEL void gradient_upsampling(float *out, const float *upstream, size_t cells,
                                    const int32_t *columns, int32_t lanes) {
  WITH_LANES(upsampling(out, upstream, cells, columns, LANES))
}

INLINE void products(const float *first, const float *second, size_t cells, int32_t lanes,
                     double *sums) {
  for (size_t cell = 0; cell < cells; cell++) {
    const size_t start = cell * (size_t)lanes;
    for (int32_t lane = 0; lane < lanes; lane++) {
      const size_t index = start + (size_t)lane;
      sums[lane] += second ? (double)first[index] * (double)second[index] : (double)first[index];
    }
  }
}

EACH_LEVEL void gradient_products(const float *first, const float *second, size_t cells,
                                  int32_t lanes, double *sums) {
  WITH_LANES(products(first, second, cells, LANES, sums))
}

INLINE void combine(float *out, const float *first, const float *scale, const float *second,
                    const float *factor, const float *term, size_t cells, int32_t lanes) {
  for (size_t cell = 0; cell < cells; cell++) {
    const size_t start = cell * (size_t)lanes;
    for (int32_t lane = 0; lane < lanes; lane++) {
      const size_t index = start + (size_t)lane;
      out[index] = first[index] * scale[lane] + second[index] * factor[lane] + term[lane];
    }
  }
}

EACH_LEVEL void gradient_combine(float *out, const float *first, const float *scale,
                                 const float *second, const float *factor, const float *term,
                                 size_t cells, int32_t lanes) {
  WITH_LANES(combine(out, first, scale, second, factor, term, cells, LANES))
}

EACH_LEVEL void gradient_softmax(float *out, const float *upstream, const float *result,
                                 size_t count) {
  double sum = 0;
  for (size_t i = 0; i < count; i++) sum += (double)upstream[i] * (double)result[i];
  for (size_t i = 0; i < count; i++) out[i] = result[i] * (upstream[i] - (float)sum);
}

// MARK: Statistics

// Cells whose sums are kept in single precision before they go to the doubles.
enum { RUN = 64 };

/// Sums of 16 lanes at most; behind a ReLU where there are factors of what was normalised.
INLINE void moments(const float *first, const float *second, const float *scale, const float *bias,
                    size_t cells, int32_t lanes, double *sums, double *products) {
  for (size_t start = 0; start < cells; start += RUN) {
    const size_t end = start + RUN < cells ? start + RUN : cells;
    float sum[16] = {0}, product[16] = {0};
    for (size_t cell = start; cell < end; cell++) {
      for (int32_t lane = 0; lane < lanes; lane++) {
        const size_t place = cell * (size_t)lanes + (size_t)lane;
        const float other = second[place];
        float value = first[place];
        if (scale) value = other * scale[lane] + bias[lane] > 0 ? value : 0;
        sum[lane] += value;
        product[lane] += value * other;
      }
    }
    for (int32_t lane = 0; lane < lanes; lane++) {
      sums[lane] += (double)sum[lane];
      products[lane] += (double)product[lane];
    }
  }
}

INLINE void all_moments(const float *first, const float *second, const float *scale,
                        const float *bias, size_t cells, int32_t lanes, double *sums,
                        double *products) {
  if (lanes == 16) {
    moments(first, second, scale, bias, cells, 16, sums, products);
  } else if (lanes == 8) {
    moments(first, second, scale, bias, cells, 8, sums, products);
  } else if (lanes == 1) {
    // One channel alone: sixteen neighbours take the place of the lanes.
    double wide_sums[16] = {0}, wide_products[16] = {0};
    float wide_scale[16], wide_bias[16];
    for (int32_t lane = 0; lane < 16; lane++) {
      wide_scale[lane] = scale ? scale[0] : 0;
      wide_bias[lane] = scale ? bias[0] : 0;
    }
    const size_t whole = cells / 16 * 16;
    moments(first, second, scale ? wide_scale : scale, wide_bias, whole / 16, 16, wide_sums,
            wide_products);
    for (int32_t lane = 0; lane < 16; lane++) {
      sums[0] += wide_sums[lane];
      products[0] += wide_products[lane];
    }
    moments(first + whole, second + whole, scale, bias, cells - whole, 1, sums, products);
  } else {
    for (size_t cell = 0; cell < cells; cell++) {
      for (int32_t lane = 0; lane < lanes; lane++) {
        const size_t place = cell * (size_t)lanes + (size_t)lane;
        float value = first[place];
        if (scale) value = second[place] * scale[lane] + bias[lane] > 0 ? value : 0;
        sums[lane] += (double)value;
        products[lane] += (double)(value * second[place]);
      }
    }
  }
}

EACH_LEVEL void gradient_moments(const float *first, const float *second, size_t cells,
                                 int32_t lanes, double *sums, double *products) {
  all_moments(first, second, NULL, NULL, cells, lanes, sums, products);
}

EACH_LEVEL void gradient_relu_moments(const float *first, const float *second,
                                      const float *normal_scale, const float *normal_bias,
                                      size_t cells, int32_t lanes, double *sums,
                                      double *products) {
  all_moments(first, second, normal_scale, normal_bias, cells, lanes, sums, products);
}

INLINE void relu_combine(float *out, const float *first, const float *scale, const float *second,
                         const float *factor, const float *term, const float *normal_scale,
                         const float *normal_bias, size_t cells, int32_t lanes) {
  for (size_t cell = 0; cell < cells; cell++) {
    const size_t start = cell * (size_t)lanes;
    for (int32_t lane = 0; lane < lanes; lane++) {
      const float other = second[start + (size_t)lane];
      const float value = other * normal_scale[lane] + normal_bias[lane] > 0
                              ? first[start + (size_t)lane]
                              : 0;
      out[start + (size_t)lane] = value * scale[lane] + other * factor[lane] + term[lane];
    }
  }
}

EACH_LEVEL void gradient_relu_combine(float *out, const float *first, const float *scale,
                                      const float *second, const float *factor,
                                      const float *term, const float *normal_scale,
                                      const float *normal_bias, size_t cells, int32_t lanes) {
  WITH_LANES(relu_combine(out, first, scale, second, factor, term, normal_scale, normal_bias,
                          cells, LANES))
}

void gradient_turn_weights(float *out, const float *weights, size_t outputs, size_t inputs,
                           size_t first, size_t count) {
  for (size_t output = 0; output < outputs; output++) {
    for (size_t input = first; input < first + count; input++) {
      const float *from = weights + (output * inputs + input) * 9;
      float *to = out + (input * outputs + output) * 9;
      for (int cell = 0; cell < 9; cell++) to[cell] = from[8 - cell];
    }
  }
}

/// The sum over a window of a plane, of squares where `squares` says so.
INLINE float window_sum(const float *plane, int32_t y, int32_t x, int32_t lane, int32_t height,
                        int32_t width, int32_t lanes, int32_t size, int squares) {
  const int32_t half = size / 2;
  float sum = 0;
  for (int32_t row = y - half < 0 ? 0 : y - half; row <= y + half && row < height; row++) {
    for (int32_t column = x - half < 0 ? 0 : x - half; column <= x + half && column < width;
         column++) {
      const float value = plane[((size_t)row * (size_t)width + (size_t)column) * (size_t)lanes +
                                (size_t)lane];
      sum += squares ? value * value : value;
    }
  }
  return sum;
}

void gradient_local_response(float *out, const float *source, const float *upstream,
                             float *scratch, int32_t height, int32_t width, int32_t lanes,
                             int32_t size, float alpha, float beta) {
  for (int32_t y = 0; y < height; y++) {
    for (int32_t x = 0; x < width; x++) {
      for (int32_t lane = 0; lane < lanes; lane++) {
        const size_t i = ((size_t)y * (size_t)width + (size_t)x) * (size_t)lanes + (size_t)lane;
        const float divisor =
            1 + alpha * window_sum(source, y, x, lane, height, width, lanes, size, 1);
        out[i] = upstream[i] * powf(divisor, -beta);
        scratch[i] = out[i] * source[i] / divisor;
      }
    }
  }
  for (int32_t y = 0; y < height; y++) {
    for (int32_t x = 0; x < width; x++) {
      for (int32_t lane = 0; lane < lanes; lane++) {
        const size_t i = ((size_t)y * (size_t)width + (size_t)x) * (size_t)lanes + (size_t)lane;
        out[i] -= 2 * alpha * beta * source[i] *
                  window_sum(scratch, y, x, lane, height, width, lanes, size, 0);
      }
    }
  }
}

// MARK: Updates

EACH_LEVEL void gradient_scale(float *out, const float *in, size_t count, float factor) {
  for (size_t i = 0; i < count; i++) out[i] = in[i] * factor;
}

EACH_LEVEL double gradient_square_sum(const float *values, size_t count) {
  // Sixteen sums, so that they are the same whatever the vectors' length is.
  double sums[16] = {0};
  size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    for (size_t lane = 0; lane < 16; lane++) {
      sums[lane] += (double)values[i + lane] * (double)values[i + lane];
    }
  }
  double sum = 0;
  for (size_t lane = 0; lane < 16; lane++) sum += sums[lane];
  for (; i < count; i++) sum += (double)values[i] * (double)values[i];
  return sum;
}

EACH_LEVEL void gradient_descend(float *values, float *momenta, const float *gradient,
                                 size_t count, float factor, float decay, float momentum,
                                 float rate) {
  for (size_t i = 0; i < count; i++) {
    const float wanted = gradient[i] * factor + decay * values[i];
    const float update = momentum * momenta[i] + wanted;
    momenta[i] = update;
    values[i] -= rate * update;
  }
}

EACH_LEVEL void gradient_average(float *average, const float *values, size_t count, float decay) {
  for (size_t i = 0; i < count; i++) {
    average[i] = decay * average[i] + (1 - decay) * values[i];
  }
}
