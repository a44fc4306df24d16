#pragma once

#include <stddef.h>
#include <stdint.h>

// The inner loops of RoI pooling. Every kernel works on `lanes` (8 or 16) channels that lie side by
// side in memory, so that one vector instruction serves them all; each is compiled for AVX-512,
// AVX2 and the baseline, and the loader picks one. Nothing is checked here: the caller has checked that
// every row and column of a table is inside the map and that the output holds bins * bins vectors.

/// Where a map's vectors are: vector (y, x) starts at `base[y * row_stride + x * pixel_stride]`.
struct roi_plane {
  const float *_Nonnull base;
  ptrdiff_t row_stride;
  ptrdiff_t pixel_stride;
  /// How far it is to the same vector of the next channels; 0 where there are none.
  ptrdiff_t group_stride;
};

/// Where bins are written: bin (p, q) to `base[(p * bins + q) * bin_stride]`.
struct roi_bins {
  float *_Nonnull base;
  ptrdiff_t bin_stride;
  /// How far it is to the same bin of the next channels.
  ptrdiff_t group_stride;
  /// One for each of the channels, which is added to sums; or null.
  const float *_Nullable biases;
  /// What smaller sums are raised to, where there are biases.
  float lowest;
};

/// The most groups of channels that are reduced at once: what decides where a bin lies is asked once for all
/// of them, and their sums stay in registers.
#define roi_most_groups 4

/// Writes the maximum of each bin, or 0 for an empty bin, for `groups` groups of channels: 1 or
/// `roi_most_groups`.
///
/// Bin (p, q) covers rows `rows[2p] ..< rows[2p + 1]` and columns `columns[2q] ..< columns[2q + 1]`.
/// A NaN is never the maximum, and the search starts at -FLT_MAX.
void roi_max_bins(struct roi_plane plane, int lanes, int groups, int bins,
                  const int32_t *_Nonnull rows, const int32_t *_Nonnull columns,
                  struct roi_bins out);

/// A row or a column of the map, and how much of it a bin takes.
struct roi_tap {
  int32_t index;
  float weight;
};

/// Writes the weighted sum of each bin, for groups of channels as `roi_max_bins` does.
///
/// Bin (p, q) takes the taps `row_taps[row_starts[p] ..< row_starts[p + 1]]` by the column taps of
/// q; each cell counts with the product of the two weights.
void roi_sum_taps(struct roi_plane plane, int lanes, int groups, int bins,
                  const int32_t *_Nonnull row_starts, const struct roi_tap *_Nonnull row_taps,
                  const int32_t *_Nonnull column_starts,
                  const struct roi_tap *_Nonnull column_taps, struct roi_bins out);

/// Gathers channels that lie apart into vectors of 16: `vectors[i * 16 + c]` becomes
/// `channels[c * channel_stride + i * cell_stride]` for every c below `channel_count`, at most 16.
void roi_gather_lanes(const float *_Nonnull channels, int channel_count, ptrdiff_t channel_stride,
                      ptrdiff_t cell_count, ptrdiff_t cell_stride, float *_Nonnull vectors);

/// Scatters vectors of `lanes` channels: `channels[c * channel_stride + i * cell_stride]` becomes
/// `vectors[i * lanes + c]` for every c below `channel_count`, at most `lanes`.
void roi_scatter_lanes(const float *_Nonnull vectors, int lanes, int channel_count,
                       ptrdiff_t cell_count, float *_Nonnull channels, ptrdiff_t channel_stride,
                       ptrdiff_t cell_stride);

// Gradients: `gradient` has the strides of the plane, and its cells are added to. Of equal maxima the first
// in row order gets the gradient; a bin without any passes none. `upstream` has bins * bins vectors.

/// Adds the gradients of one RoI's maxima to the cells that they were.
void roi_max_gradient(struct roi_plane plane, int lanes, int bins, const int32_t *_Nonnull rows,
                      const int32_t *_Nonnull columns, const float *_Nonnull upstream,
                      float *_Nonnull gradient);

/// Adds the gradients of one RoI's weighted sums to the cells that they are of.
void roi_sum_gradient(struct roi_plane plane, int lanes, int bins,
                      const int32_t *_Nonnull row_starts, const struct roi_tap *_Nonnull row_taps,
                      const int32_t *_Nonnull column_starts,
                      const struct roi_tap *_Nonnull column_taps, const float *_Nonnull upstream,
                      float *_Nonnull gradient);

/// Copies the cells of channels that lie one behind the other into vectors of `lanes`.
void roi_gather_gradient(const float *_Nonnull channels, int channel_count,
                         ptrdiff_t channel_stride, ptrdiff_t cell_count, int lanes,
                         float *_Nonnull vectors);

/// Adds vectors of 16 to channels whose cells lie one behind the other, or every `cell_stride`.
void roi_scatter_gradient(const float *_Nonnull vectors, int channel_count, ptrdiff_t cell_count,
                          float *_Nonnull channels, ptrdiff_t channel_stride,
                          ptrdiff_t cell_stride);
