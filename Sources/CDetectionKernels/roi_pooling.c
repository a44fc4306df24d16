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

// `value > best ? value : best` is what one `max` instruction computes: where the value is a NaN
// the comparison fails and the best so far stays.
#define DEFINE_ROI_MAX(LANES)                                                                      \
  INLINE void roi_max_##LANES(struct roi_plane plane, int bins, const int32_t *rows,               \
                              const int32_t *columns, float *out, ptrdiff_t bin_stride) {          \
    for (int p = 0; p < bins; p++) {                                                               \
      const ptrdiff_t top = rows[2 * p], bottom = rows[2 * p + 1];                                 \
      for (int q = 0; q < bins; q++, out += bin_stride) {                                          \
        const ptrdiff_t left = columns[2 * q], right = columns[2 * q + 1];                         \
        vector##LANES best = bottom <= top || right <= left ? 0 : -FLT_MAX;                        \
        for (ptrdiff_t y = top; y < bottom; y++) {                                                 \
          const float *row = plane.base + y * plane.row_stride;                                    \
          for (ptrdiff_t x = left; x < right; x++) {                                               \
            const float *cell = row + x * plane.pixel_stride;                                      \
            __builtin_prefetch(cell + plane.next, 0, 2);                                           \
            const vector##LANES value = *(const vector##LANES *)cell;                              \
            best = value > best ? value : best;                                                    \
          }                                                                                        \
        }                                                                                          \
        *(vector##LANES *)out = best;                                                              \
      }                                                                                            \
    }                                                                                              \
  }

#define DEFINE_ROI_SUM(LANES)                                                                      \
  INLINE void roi_sum_##LANES(struct roi_plane plane, int bins, const int32_t *row_starts,         \
                              const struct roi_tap *row_taps, const int32_t *column_starts,        \
                              const struct roi_tap *column_taps, float *out,                       \
                              ptrdiff_t bin_stride) {                                              \
    for (int p = 0; p < bins; p++) {                                                               \
      for (int q = 0; q < bins; q++, out += bin_stride) {                                          \
        vector##LANES sum = 0;                                                                     \
        for (int32_t i = row_starts[p]; i < row_starts[p + 1]; i++) {                              \
          const float *row = plane.base + row_taps[i].index * plane.row_stride;                    \
          vector##LANES row_sum = 0;                                                               \
          for (int32_t j = column_starts[q]; j < column_starts[q + 1]; j++) {                      \
            const float *cell = row + column_taps[j].index * plane.pixel_stride;                   \
            __builtin_prefetch(cell + plane.next, 0, 2);                                           \
            row_sum += column_taps[j].weight * *(const vector##LANES *)cell;                       \
          }                                                                                        \
          sum += row_taps[i].weight * row_sum;                                                     \
        }                                                                                          \
        *(vector##LANES *)out = sum;                                                               \
      }                                                                                            \
    }                                                                                              \
  }

DEFINE_ROI_MAX(16)
DEFINE_ROI_MAX(8)
DEFINE_ROI_SUM(16)
DEFINE_ROI_SUM(8)

FOR_EACH_MACHINE
void roi_max_bins(struct roi_plane plane, int lanes, int bins, const int32_t *rows,
                  const int32_t *columns, float *out, ptrdiff_t bin_stride) {
  if (lanes == 16)
    roi_max_16(plane, bins, rows, columns, out, bin_stride);
  else
    roi_max_8(plane, bins, rows, columns, out, bin_stride);
}

FOR_EACH_MACHINE
void roi_sum_taps(struct roi_plane plane, int lanes, int bins, const int32_t *row_starts,
                  const struct roi_tap *row_taps, const int32_t *column_starts,
                  const struct roi_tap *column_taps, float *out, ptrdiff_t bin_stride) {
  if (lanes == 16)
    roi_sum_16(plane, bins, row_starts, row_taps, column_starts, column_taps, out, bin_stride);
  else
    roi_sum_8(plane, bins, row_starts, row_taps, column_starts, column_taps, out, bin_stride);
}

FOR_EACH_MACHINE
void roi_gather_lanes(const float *channels, int channel_count, ptrdiff_t channel_stride,
                      ptrdiff_t cell_count, ptrdiff_t cell_stride, float *vectors) {
  for (ptrdiff_t i = 0; i < cell_count; i++)
    for (int c = 0; c < channel_count; c++)
      vectors[i * 16 + c] = channels[c * channel_stride + i * cell_stride];
}

FOR_EACH_MACHINE
void roi_scatter_lanes(const float *vectors, int lanes, int channel_count, ptrdiff_t cell_count,
                       float *channels, ptrdiff_t channel_stride, ptrdiff_t cell_stride) {
  for (int c = 0; c < channel_count; c++)
    for (ptrdiff_t i = 0; i < cell_count; i++)
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
