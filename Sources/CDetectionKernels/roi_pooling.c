#include "roi_pooling.h"

#include <float.h>

// One source, three machines: the loader picks a clone by what the processor can do. Elsewhere the
// compiler's baseline (NEON on arm64) is what there is.
// So is it with a sanitizer, because what picks would be instrumented, and runs before the runtime is
// ready.
#if defined(__x86_64__) && !__has_feature(thread_sanitizer) && !__has_feature(address_sanitizer)
#define FOR_EACH_MACHINE __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define FOR_EACH_MACHINE
#endif

#define INLINE static inline __attribute__((always_inline))

// Vectors that may start at any float: maps belong to the caller.
typedef float vector16 __attribute__((ext_vector_type(16), aligned(4)));
typedef float vector8 __attribute__((ext_vector_type(8), aligned(4)));

// `groups` is a constant wherever these are inlined. The caches fetch the same cells of the channels behind
// these, which are next.
#define CELL(vector, group) (*(const vector *)(cell + (group) * plane.group_stride))
#define FETCH(group) __builtin_prefetch(cell + (groups + (group)) * plane.group_stride, 0, 2)
#define FOR_GROUPS _Pragma("unroll") for (int g = 0; g < groups; g++)

// `value > best ? value : best` is what one `max` instruction computes: where the value is a NaN
// the comparison fails and the best so far stays.
#define DEFINE_ROI_MAX(LANES)                                                                      \
INLINE void roi_max_##LANES(const int groups, struct roi_plane plane, int bins,                    \
                            const int32_t *rows, const int32_t *columns, struct roi_bins out) {    \
  for (int p = 0; p < bins; p++) {                                                                 \
    const ptrdiff_t top = rows[2 * p], bottom = rows[2 * p + 1];                                   \
    for (int q = 0; q < bins; q++, out.base += out.bin_stride) {                                   \
      const ptrdiff_t left = columns[2 * q], right = columns[2 * q + 1];                           \
      vector##LANES best[roi_most_groups];                                                         \
      FOR_GROUPS best[g] = bottom <= top || right <= left ? 0 : -FLT_MAX;                          \
      for (ptrdiff_t y = top; y < bottom; y++) {                                                   \
        for (ptrdiff_t x = left; x < right; x++) {                                                 \
          const float *cell = plane.base + y * plane.row_stride + x * plane.pixel_stride;          \
          FOR_GROUPS {                                                                             \
            FETCH(g);                                                                              \
            const vector##LANES value = CELL(vector##LANES, g);                                    \
            best[g] = value > best[g] ? value : best[g];                                           \
          }                                                                                        \
        }                                                                                          \
      }                                                                                            \
      FOR_GROUPS *(vector##LANES *)(out.base + g * out.group_stride) = best[g];                    \
    }                                                                                              \
  }                                                                                                \
}

#define DEFINE_ROI_SUM(LANES)                                                                      \
INLINE void roi_sum_##LANES(const int groups, struct roi_plane plane, int bins,                    \
                            const int32_t *row_starts, const struct roi_tap *row_taps,             \
                            const int32_t *column_starts, const struct roi_tap *column_taps,       \
                            struct roi_bins out) {                                                 \
  for (int p = 0; p < bins; p++) {                                                                 \
    for (int q = 0; q < bins; q++, out.base += out.bin_stride) {                                   \
      vector##LANES sum[roi_most_groups];                                                          \
      FOR_GROUPS sum[g] = 0;                                                                       \
      for (int32_t i = row_starts[p]; i < row_starts[p + 1]; i++) {                                \
        const float *row = plane.base + row_taps[i].index * plane.row_stride;                      \
        vector##LANES row_sum[roi_most_groups];                                                    \
        FOR_GROUPS row_sum[g] = 0;                                                                 \
        for (int32_t j = column_starts[q]; j < column_starts[q + 1]; j++) {                        \
          const float *cell = row + column_taps[j].index * plane.pixel_stride;                     \
          FOR_GROUPS {                                                                             \
            FETCH(g);                                                                              \
            row_sum[g] += column_taps[j].weight * CELL(vector##LANES, g);                          \
          }                                                                                        \
        }                                                                                          \
        FOR_GROUPS sum[g] += row_taps[i].weight * row_sum[g];                                      \
      }                                                                                            \
      if (out.biases) {                                                                            \
        FOR_GROUPS {                                                                               \
          const vector##LANES value = sum[g] + *(const vector##LANES *)(out.biases + g * LANES);   \
          sum[g] = out.lowest > value ? out.lowest : value;                                        \
        }                                                                                          \
      }                                                                                            \
      FOR_GROUPS *(vector##LANES *)(out.base + g * out.group_stride) = sum[g];                     \
    }                                                                                              \
  }                                                                                                \
}

DEFINE_ROI_MAX(16)
DEFINE_ROI_MAX(8)
DEFINE_ROI_SUM(16)
DEFINE_ROI_SUM(8)

// One group, or as many as go at once.
#define WITH_GROUPS(function, ...)                    \
  do {                                                \
    if (groups == 1)                                  \
      function(1, __VA_ARGS__);                       \
    else                                              \
      function(roi_most_groups, __VA_ARGS__);         \
  } while (0)

FOR_EACH_MACHINE
void roi_max_bins(struct roi_plane plane, int lanes, int groups, int bins, const int32_t *rows,
                  const int32_t *columns, struct roi_bins out) {
  if (lanes == 16)
    WITH_GROUPS(roi_max_16, plane, bins, rows, columns, out);
  else
    WITH_GROUPS(roi_max_8, plane, bins, rows, columns, out);
}

FOR_EACH_MACHINE
void roi_sum_taps(struct roi_plane plane, int lanes, int groups, int bins,
                  const int32_t *row_starts, const struct roi_tap *row_taps,
                  const int32_t *column_starts, const struct roi_tap *column_taps,
                  struct roi_bins out) {
  if (lanes == 16)
    WITH_GROUPS(roi_sum_16, plane, bins, row_starts, row_taps, column_starts, column_taps, out);
  else
    WITH_GROUPS(roi_sum_8, plane, bins, row_starts, row_taps, column_starts, column_taps, out);
}

FOR_EACH_MACHINE
void roi_gather_lanes(const float *channels, int channel_count, ptrdiff_t channel_stride,
                      ptrdiff_t cell_count, ptrdiff_t cell_stride, float *vectors) {
  for (ptrdiff_t i = 0; i < cell_count; i++)
    for (int c = 0; c < channel_count; c++)
      vectors[i * 16 + c] = channels[c * channel_stride + i * cell_stride];
}

/// Transposes 16 vectors: four times, rows that lie 1, 2, 4 and 8 apart exchange every other part.
INLINE void transpose_16(vector16 *rows) {
#define EXCHANGE(distance, low, high)                                         \
  _Pragma("unroll") for (int i = 0; i < 16; i++) {                            \
    if (i & distance) continue;                                               \
    const vector16 first = rows[i], second = rows[i + distance];              \
    rows[i] = __builtin_shufflevector(first, second, low);                    \
    rows[i + distance] = __builtin_shufflevector(first, second, high);        \
  }
#define LIST(...) __VA_ARGS__
  EXCHANGE(1, LIST(0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30),
           LIST(1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31))
  EXCHANGE(2, LIST(0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29),
           LIST(2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31))
  EXCHANGE(4, LIST(0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27),
           LIST(4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31))
  EXCHANGE(8, LIST(0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23),
           LIST(8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31))
#undef LIST
#undef EXCHANGE
}

FOR_EACH_MACHINE
void roi_scatter_lanes(const float *vectors, int lanes, int channel_count, ptrdiff_t cell_count,
                       float *channels, ptrdiff_t channel_stride, ptrdiff_t cell_stride) {
  ptrdiff_t first = 0;
  // Whole squares, whose rows are written at once.
  if (lanes == 16 && channel_count == 16 && cell_stride == 1) {
    for (; first + 16 <= cell_count; first += 16) {
      vector16 rows[16];
#pragma unroll
      for (int i = 0; i < 16; i++) rows[i] = ((const vector16 *)vectors)[first + i];
      transpose_16(rows);
#pragma unroll
      for (int c = 0; c < 16; c++) *(vector16 *)(channels + c * channel_stride + first) = rows[c];
    }
  }
  for (int c = 0; c < channel_count; c++)
    for (ptrdiff_t i = first; i < cell_count; i++)
      channels[c * channel_stride + i * cell_stride] = vectors[i * lanes + c];
}

// MARK: Gradients

typedef int32_t index16 __attribute__((ext_vector_type(16)));
typedef int32_t index8 __attribute__((ext_vector_type(8)));

#define DEFINE_ROI_MAX_GRADIENT(LANES)                                                             \
  INLINE void roi_max_gradient_##LANES(struct roi_plane plane, int bins, const int32_t *rows,      \
                                       const int32_t *columns, const float *upstream,              \
                                       float *gradient) {                                          \
    for (int p = 0; p < bins; p++) {                                                               \
      for (int q = 0; q < bins; q++, upstream += LANES) {                                          \
        const int32_t left = columns[2 * q], width = columns[2 * q + 1] - left;                    \
        vector##LANES best = -FLT_MAX;                                                             \
        index##LANES place = -1;                                                                   \
        int32_t cell = 0;                                                                          \
        for (ptrdiff_t y = rows[2 * p]; y < rows[2 * p + 1]; y++) {                                \
          const float *row = plane.base + y * plane.row_stride + left * plane.pixel_stride;        \
          for (int32_t x = 0; x < width; x++, cell++) {                                            \
            const vector##LANES value = *(const vector##LANES *)(row + x * plane.pixel_stride);    \
            const index##LANES larger = value > best;                                              \
            place = larger ? (index##LANES)cell : place;                                           \
            best = larger ? value : best;                                                          \
          }                                                                                        \
        }                                                                                          \
        for (int lane = 0; lane < LANES; lane++) {                                                 \
          if (place[lane] < 0) continue;                                                           \
          const ptrdiff_t y = rows[2 * p] + place[lane] / width, x = left + place[lane] % width;   \
          gradient[y * plane.row_stride + x * plane.pixel_stride + lane] += upstream[lane];        \
        }                                                                                          \
      }                                                                                            \
    }                                                                                              \
  }

#define DEFINE_ROI_SUM_GRADIENT(LANES)                                                             \
  INLINE void roi_sum_gradient_##LANES(                                                            \
      struct roi_plane plane, int bins, const int32_t *row_starts, const struct roi_tap *row_taps, \
      const int32_t *column_starts, const struct roi_tap *column_taps, const float *upstream,      \
      float *gradient) {                                                                           \
    for (int p = 0; p < bins; p++) {                                                               \
      for (int q = 0; q < bins; q++, upstream += LANES) {                                          \
        const vector##LANES above = *(const vector##LANES *)upstream;                              \
        for (int32_t i = row_starts[p]; i < row_starts[p + 1]; i++) {                              \
          float *row = gradient + row_taps[i].index * plane.row_stride;                            \
          const vector##LANES share = row_taps[i].weight * above;                                  \
          for (int32_t j = column_starts[q]; j < column_starts[q + 1]; j++) {                      \
            *(vector##LANES *)(row + column_taps[j].index * plane.pixel_stride) +=                 \
                column_taps[j].weight * share;                                                     \
          }                                                                                        \
        }                                                                                          \
      }                                                                                            \
    }                                                                                              \
  }

DEFINE_ROI_MAX_GRADIENT(16)
DEFINE_ROI_MAX_GRADIENT(8)
DEFINE_ROI_SUM_GRADIENT(16)
DEFINE_ROI_SUM_GRADIENT(8)

FOR_EACH_MACHINE
void roi_max_gradient(struct roi_plane plane, int lanes, int bins, const int32_t *rows,
                      const int32_t *columns, const float *upstream, float *gradient) {
  if (lanes == 16)
    roi_max_gradient_16(plane, bins, rows, columns, upstream, gradient);
  else
    roi_max_gradient_8(plane, bins, rows, columns, upstream, gradient);
}

FOR_EACH_MACHINE
void roi_sum_gradient(struct roi_plane plane, int lanes, int bins, const int32_t *row_starts,
                      const struct roi_tap *row_taps, const int32_t *column_starts,
                      const struct roi_tap *column_taps, const float *upstream, float *gradient) {
  if (lanes == 16)
    roi_sum_gradient_16(plane, bins, row_starts, row_taps, column_starts, column_taps, upstream,
                        gradient);
  else
    roi_sum_gradient_8(plane, bins, row_starts, row_taps, column_starts, column_taps, upstream,
                       gradient);
}

FOR_EACH_MACHINE
void roi_gather_gradient(const float *channels, int channel_count, ptrdiff_t channel_stride,
                         ptrdiff_t cell_count, int lanes, float *vectors) {
  for (ptrdiff_t i = 0; i < cell_count; i++)
    for (int c = 0; c < lanes; c++)
      vectors[i * lanes + c] = c < channel_count ? channels[c * channel_stride + i] : 0;
}

FOR_EACH_MACHINE
void roi_scatter_gradient(const float *vectors, int channel_count, ptrdiff_t cell_count,
                          float *channels, ptrdiff_t channel_stride, ptrdiff_t cell_stride) {
  for (int c = 0; c < channel_count; c++)
    for (ptrdiff_t i = 0; i < cell_count; i++)
      channels[c * channel_stride + i * cell_stride] += vectors[i * 16 + c];
}
