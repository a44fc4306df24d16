#include "maps.h"

#include <math.h>
#include <string.h>

// Products and sums are rounded one by one, so that every level below gives the same bits.
#pragma STDC FP_CONTRACT OFF

// One machine code for each level of the instruction set, chosen when the program is loaded. With a
// sanitizer there is one alone: what chooses would be instrumented, and runs before the runtime is ready.
#if !defined(__x86_64__) || __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define EACH_LEVEL
#else
#define EACH_LEVEL __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#endif

#define INLINE static inline __attribute__((always_inline))

/// The numbers that are worked on at once: a share of the first-level cache.
enum { CHUNK = 2048 };

// MARK: Activations

// Comparisons are written so that NaN stays NaN.
INLINE float least(float bound, float x) { return bound < x ? bound : x; }
INLINE float greatest(float bound, float x) { return bound > x ? bound : x; }

/// exp(x) within two units in the last place; 0 and infinity come out as the smallest and the largest
/// normal numbers.
INLINE float exponential(float x) {
  const float clipped = least(88.0f, greatest(-87.0f, x));
  // Adding 1.5 * 2^23 rounds to a whole number, which then stands in the low bits.
  const float shifted = clipped * 1.44269504f + 12582912.0f;
  const float whole = shifted - 12582912.0f;
  // ln 2 in two parts, the first of which has few bits: Cody and Waite's reduction.
  const float rest = (clipped - whole * 0.693359375f) - whole * -2.12194440e-4f;
  // Cephes' polynomial for expf.
  float value = 1.9875691500e-4f;
  value = value * rest + 1.3981999507e-3f;
  value = value * rest + 8.3334519073e-3f;
  value = value * rest + 4.1665795894e-2f;
  value = value * rest + 1.6666665459e-1f;
  value = value * rest + 5.0000001201e-1f;
  value = value * rest * rest + rest + 1.0f;
  uint32_t bits;
  memcpy(&bits, &shifted, sizeof bits);
  bits = (bits << 23) + (127u << 23);
  float power;
  memcpy(&power, &bits, sizeof power);
  return value * power;
}

#define ACTIVATE(expression)                    \
  for (size_t i = 0; i < count; i++) {          \
    const float x = values[i];                  \
    values[i] = (expression);                   \
  }                                             \
  break

INLINE void activate(float *values, size_t count, enum map_activation activation) {
  switch (activation) {
    case map_activation_none: break;
    case map_activation_relu: ACTIVATE(greatest(0, x));
    case map_activation_relu6: ACTIVATE(least(6, greatest(0, x)));
    case map_activation_hard_swish: ACTIVATE(x * least(6, greatest(0, x + 3)) / 6);
    case map_activation_hard_sigmoid: ACTIVATE(least(6, greatest(0, x + 3)) / 6);
    case map_activation_silu: ACTIVATE(x / (1 + exponential(-x)));
    case map_activation_sigmoid: ACTIVATE(1 / (1 + exponential(-x)));
  }
}

// MARK: Combining

INLINE void scale_cells(float *out, const float *first, const float *scale, const float *bias,
                        size_t cells, int32_t lanes) {
  if (lanes == 1) {
    const float factor = scale ? *scale : 1, term = bias ? *bias : 0;
    for (size_t i = 0; i < cells; i++) out[i] = first[i] * factor + term;
    return;
  }
  for (size_t cell = 0; cell < cells; cell++, out += lanes, first += lanes) {
    if (scale && bias) {
      for (int32_t i = 0; i < lanes; i++) out[i] = first[i] * scale[i] + bias[i];
    } else if (scale) {
      for (int32_t i = 0; i < lanes; i++) out[i] = first[i] * scale[i];
    } else {
      for (int32_t i = 0; i < lanes; i++) out[i] = first[i] + bias[i];
    }
  }
}

/// Adds what `second` has in other cells; a null `first` counts as zeros.
INLINE void add_cells(float *out, const float *first, const float *second, const int32_t *columns,
                      size_t cells, int32_t lanes) {
  if (!first) {
    for (size_t cell = 0; cell < cells; cell++, out += lanes) {
      memcpy(out, second + (ptrdiff_t)columns[cell] * lanes, (size_t)lanes * sizeof(float));
    }
    return;
  }
  if (lanes == 1) {
    for (size_t i = 0; i < cells; i++) out[i] = first[i] + second[columns[i]];
    return;
  }
  for (size_t cell = 0; cell < cells; cell++, out += lanes, first += lanes) {
    const float *other = second + (ptrdiff_t)columns[cell] * lanes;
    for (int32_t i = 0; i < lanes; i++) out[i] = first[i] + other[i];
  }
}

INLINE void combine(const struct map_row *row, int32_t lanes) {
  const size_t step = CHUNK / (size_t)lanes + 1;
  for (size_t cell = 0; cell < row->cells; cell += step) {
    const size_t cells = row->cells - cell < step ? row->cells - cell : step;
    const size_t count = cells * (size_t)lanes, offset = cell * (size_t)lanes;
    float *out = row->out + offset;
    const float *first = row->first ? row->first + offset : NULL;
    if (first && (row->scale || row->bias)) {
      scale_cells(out, first, row->scale, row->bias, cells, lanes);
      first = out;
    }
    if (row->second && row->columns) {
      add_cells(out, first, row->second, row->columns + cell, cells, lanes);
    } else if (row->second) {
      const float *second = row->second + offset;
      if (first) {
        for (size_t i = 0; i < count; i++) out[i] = first[i] + second[i];
      } else if (second != out) {
        memcpy(out, second, count * sizeof(float));
      }
    } else if (first != out) {
      memcpy(out, first, count * sizeof(float));
    }
    activate(out, count, row->activation);
    if (row->valid_lanes < lanes) {
      for (size_t i = 0; i < cells; i++) {
        for (int32_t lane = row->valid_lanes; lane < lanes; lane++) {
          out[i * (size_t)lanes + (size_t)lane] = 0;
        }
      }
    }
  }
}

EACH_LEVEL void map_combine(const struct map_row *row) {
  // Constant lanes make the inner loops one vector instruction.
  switch (row->lanes) {
    case 16: combine(row, 16); break;
    case 8: combine(row, 8); break;
    default: combine(row, row->lanes);
  }
}

// MARK: Copies

INLINE void enlarge(char *out, const char *source, const int32_t *columns, size_t cells,
                    size_t bytes) {
  for (size_t i = 0; i < cells; i++) {
    memcpy(out + i * bytes, source + (size_t)columns[i] * bytes, bytes);
  }
}

void map_enlarge(void *out, const void *source, const int32_t *columns, size_t cells,
                 size_t bytes) {
  switch (bytes) {
    case 4: enlarge(out, source, columns, cells, 4); break;
    case 64: enlarge(out, source, columns, cells, 64); break;
    default: enlarge(out, source, columns, cells, bytes);
  }
}

// MARK: Bytes

INLINE uint8_t rounded(float value) {
  // NaN becomes 0.
  const float positive = value > 0 ? value : 0;
  return (uint8_t)__builtin_rintf(positive < 255 ? positive : 255);
}

EACH_LEVEL void map_round(uint8_t *out, const float *values, size_t count, float factor,
                          int32_t zero) {
  for (size_t i = 0; i < count; i++) out[i] = rounded(values[i] * factor + (float)zero);
}

EACH_LEVEL void map_round_bfloat16(uint8_t *out, const uint16_t *values, size_t count, float factor,
                                   int32_t zero) {
  for (size_t i = 0; i < count; i++) {
    const uint32_t bits = (uint32_t)values[i] << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    out[i] = rounded(value * factor + (float)zero);
  }
}

// MARK: Moments

INLINE void add_moments(const float *values, size_t cells, int32_t lanes, const float *mean,
                        int32_t squares, double *sums) {
  // A stretch is added up in single precision, and stretches in double.
  enum { MOST_LANES = 16, STRETCH = 64 };
  for (int32_t first = 0; first < lanes; first += MOST_LANES) {
    const int32_t count = lanes - first < MOST_LANES ? lanes - first : MOST_LANES;
    for (size_t start = 0; start < cells; start += STRETCH) {
      const size_t end = cells - start < STRETCH ? cells : start + STRETCH;
      float partial[MOST_LANES] = {0};
      for (size_t cell = start; cell < end; cell++) {
        const float *in = values + cell * (size_t)lanes + first;
        for (int32_t lane = 0; lane < count; lane++) {
          const float difference = mean ? in[lane] - mean[first + lane] : in[lane];
          partial[lane] += squares ? difference * difference : difference;
        }
      }
      for (int32_t lane = 0; lane < count; lane++) sums[first + lane] += (double)partial[lane];
    }
  }
}

EACH_LEVEL void map_add_moments(const float *values, size_t cells, int32_t lanes,
                                const float *mean, int32_t squares, double *sums) {
  switch (lanes) {
    case 16: add_moments(values, cells, 16, mean, squares, sums); break;
    case 8: add_moments(values, cells, 8, mean, squares, sums); break;
    default: add_moments(values, cells, lanes, mean, squares, sums);
  }
}

// MARK: Local response

INLINE void normalise_locally(float *out, const float *const *rows, int32_t size, size_t cells,
                              int32_t lanes, float alpha, float beta) {
  const ptrdiff_t reach = size / 2;
  const float *middle = rows[reach];
  for (ptrdiff_t cell = 0; cell < (ptrdiff_t)cells; cell++) {
    const ptrdiff_t start = cell < reach ? 0 : cell - reach;
    const ptrdiff_t end =
        cell + reach + 1 < (ptrdiff_t)cells ? cell + reach + 1 : (ptrdiff_t)cells;
    for (int32_t lane = 0; lane < lanes; lane++) {
      float sum = 0;
      for (int32_t row = 0; row < size; row++) {
        if (!rows[row]) continue;
        for (ptrdiff_t x = start; x < end; x++) {
          const float value = rows[row][x * lanes + lane];
          sum += value * value;
        }
      }
      const float base = 1 + alpha * sum, root = sqrtf(base);
      // Everybody's beta is 0.75; two roots are faster than a power.
      const float factor = beta == 0.75f ? 1 / (root * sqrtf(root)) : powf(base, -beta);
      out[cell * lanes + lane] = middle ? middle[cell * lanes + lane] * factor : 0;
    }
  }
}

EACH_LEVEL void map_normalise_locally(float *out, const float *const *rows, int32_t size,
                                      size_t cells, int32_t lanes, float alpha, float beta) {
  switch (lanes) {
    case 16: normalise_locally(out, rows, size, cells, 16, alpha, beta); break;
    case 8: normalise_locally(out, rows, size, cells, 8, alpha, beta); break;
    default: normalise_locally(out, rows, size, cells, lanes, alpha, beta);
  }
}
