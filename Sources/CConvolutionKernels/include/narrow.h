#pragma once

#include <stddef.h>
#include <stdint.h>

#include "winograd.h"

// 1x1 convolutions of few outputs, as a region proposal network ends with: several read a map in one
// pass as if they were one, and each writes its result with the channels innermost.
//
// Such a layer multiplies so little that it waits for the map; general kernels read it once for each
// layer, and a copy of it in another order. Nothing here checks a bound: the caller has.

/// Where the result of one layer goes.
struct narrow_result {
  /// (cells, columns).
  float *_Nonnull destination;
  /// The output channels.
  int32_t columns;
};

/// The map, channels in blocks.
struct narrow_map {
  const float *_Nonnull source;
  /// In floats, from one block of channels to the next, and from one cell to the next.
  ptrdiff_t block_stride, cell_stride;
  /// The channels of a block, and all of them with what pads the last block.
  int32_t block, channels;
};

/// The output channels of all layers, which follow one another.
struct narrow_layers {
  /// (vectors, channels, lanes), output channels beyond the last being zero.
  const float *_Nonnull weights;
  /// (vectors, lanes).
  const float *_Nonnull biases;
  /// In the order of their output channels.
  const struct narrow_result *_Nonnull results;
  int32_t count;
};

/// The vectors of so many output channels.
static inline size_t narrow_vector_count(winograd_lanes lanes, int32_t columns) {
  return (size_t)((columns + lanes - 1) / lanes);
}

/// Computes the cells from `first` on, for all layers; `lanes` are at most `winograd_most_lanes()`.
void narrow_run(winograd_lanes lanes, const struct narrow_map *_Nonnull map,
                const struct narrow_layers *_Nonnull layers, size_t first, size_t cells);
