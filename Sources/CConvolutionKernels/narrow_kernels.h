// No guard: narrow.c includes this once for each machine, with LANES, MOST_CELLS, MACHINE and NAME.

#define INLINE MACHINE static inline __attribute__((always_inline))

typedef float NAME(narrow_vector) __attribute__((ext_vector_type(LANES), aligned(4)));
#define VECTOR NAME(narrow_vector)

/// Multiplies some cells by a vector of output channels.
///
/// `count` is a constant wherever this is inlined, so that the sums stay in registers; so are the strides,
/// where the map's blocks are this machine's.
INLINE void NAME(narrow_product)(const int count, const float *source, ptrdiff_t block_stride,
                                 const ptrdiff_t cell_stride, const int32_t block,
                                 int32_t channels, const float *weights, VECTOR bias,
                                 VECTOR *sums) {
  VECTOR partial[MOST_CELLS];
#pragma unroll
  for (int cell = 0; cell < count; cell++) partial[cell] = bias;
  for (int32_t first = 0; first < channels; first += block, source += block_stride) {
    for (int32_t channel = 0; channel < block; channel++, weights += LANES) {
      const VECTOR factors = *(const VECTOR *)weights;
      // The cells behind these, which are next, of the same channels.
      if (block == LANES) __builtin_prefetch(source + (count + channel) * LANES, 0, 3);
#pragma unroll
      for (int cell = 0; cell < count; cell++) {
        const VECTOR value = source[cell * cell_stride + channel];
        partial[cell] = __builtin_elementwise_fma(value, factors, partial[cell]);
      }
    }
  }
#pragma unroll
  for (int cell = 0; cell < count; cell++) sums[cell] = partial[cell];
}

/// Computes all results of some cells.
INLINE void NAME(narrow_cells)(const int count, const struct narrow_map *map,
                               const ptrdiff_t cell_stride, const int32_t block,
                               const struct narrow_layers *layers, size_t first) {
  const float *source = map->source + (ptrdiff_t)first * cell_stride;
  const float *weights = layers->weights, *biases = layers->biases;
  int32_t number = 0, column = 0;
  while (number < layers->count) {
    VECTOR sums[MOST_CELLS];
    NAME(narrow_product)(count, source, map->block_stride, cell_stride, block, map->channels,
                         weights, *(const VECTOR *)biases, sums);
    weights += (ptrdiff_t)map->channels * LANES;
    biases += LANES;
    // A vector may end one layer and begin the next.
    for (int32_t lane = 0; lane < LANES && number < layers->count;) {
      const struct narrow_result result = layers->results[number];
      const int32_t left = result.columns - column;
      const int32_t width = left < LANES - lane ? left : LANES - lane;
      float *out = result.destination + first * (size_t)result.columns + column;
      for (int cell = 0; cell < count; cell++, out += result.columns) {
        memcpy(out, (const float *)&sums[cell] + lane, (size_t)width * sizeof(float));
      }
      lane += width;
      column += width;
      if (column == result.columns) {
        number++;
        column = 0;
      }
    }
  }
}

MACHINE static void NAME(narrow)(const struct narrow_map *map, const struct narrow_layers *layers,
                                 size_t first, size_t cells) {
  const size_t end = first + cells;
  if (map->block == LANES && map->cell_stride == LANES) {
    for (; first + MOST_CELLS <= end; first += MOST_CELLS) {
      NAME(narrow_cells)(MOST_CELLS, map, LANES, LANES, layers, first);
    }
  } else {
    // Four addresses and four sums are enough where strides are not known.
    for (; first + 4 <= end; first += 4) {
      NAME(narrow_cells)(4, map, map->cell_stride, map->block, layers, first);
    }
  }
  for (; first < end; first++) {
    NAME(narrow_cells)(1, map, map->cell_stride, map->block, layers, first);
  }
}

#undef INLINE
#undef VECTOR
#undef LANES
#undef MOST_CELLS
#undef MACHINE
#undef NAME
