// No guard: winograd.c includes this once for each machine and type of products, with LANES, MOST_ROWS, MACHINE
// and NAME; with BFLOAT16 products are those of bfloat16, summed in float32.

#define INLINE MACHINE static inline __attribute__((always_inline))

// Maps belong to the caller and may start at any float.
typedef float NAME(vector) __attribute__((ext_vector_type(LANES), aligned(4)));
#define VECTOR NAME(vector)

// a * b + c, rounded once.
#define FMA(a, b, c) __builtin_elementwise_fma((VECTOR)(a), (b), (c))

// MARK: Transforms

// The points are 0, ±1/√2, ±√2 and infinity. Their transforms grow less than those of the usual 0, ±1, ±2, so
// that what is rounded to bfloat16 between them is a third as far off.
#define ROOT_HALF 0.70710678118654752f
#define ROOT_TWO 1.41421356237309505f

/// Three of the six numbers that one column of Bᵀd has, the first or the last; `half` is a constant.
///
/// All of six columns do not fit the registers, and the halves share nothing but what they read.
INLINE void NAME(transform_input_half)(const int half, const VECTOR *d, VECTOR *out) {
  if (half == 0) {
    const VECTOR even = FMA(-2, d[2], d[4]), odd = FMA(-2, d[1], d[3]);
    out[0] = FMA(-2.5f, d[2], d[4] + d[0]);
    out[1] = FMA(ROOT_HALF, odd, even);
    out[2] = FMA(-ROOT_HALF, odd, even);
  } else {
    const VECTOR even = FMA(-0.5f, d[2], d[4]), odd = FMA(-0.5f, d[1], d[3]);
    out[0] = FMA(ROOT_TWO, odd, even);
    out[1] = FMA(-ROOT_TWO, odd, even);
    out[2] = FMA(-2.5f, d[3], d[5] + d[1]);
  }
}

/// One column of Aᵀm: six values to four.
INLINE void NAME(transform_output)(const VECTOR *m, VECTOR *out) {
  const VECTOR sum = m[1] + m[2], difference = ROOT_HALF * (m[1] - m[2]);
  const VECTOR sum2 = m[3] + m[4], difference2 = ROOT_TWO * (m[3] - m[4]);
  out[0] = m[0] + sum + sum2;
  out[1] = difference + difference2;
  out[2] = FMA(2, sum2, 0.5f * sum);
  out[3] = FMA(2, difference2, FMA(0.5f, difference, m[5]));
}

// What is multiplied: a vector of values is stored as `element`s side by side.
#ifdef BFLOAT16
typedef uint16_t NAME(element);
#else
typedef float NAME(element);
#endif
#define ELEMENT NAME(element)

/// Stores a vector of transformed values.
INLINE void NAME(store_values)(ELEMENT *out, VECTOR values) {
#ifdef BFLOAT16
  _mm256_storeu_si256((__m256i *)out, (__m256i)_mm512_cvtneps_pbh((__m512)values));
#else
  *(VECTOR *)out = values;
#endif
}

/// A place in a map, so many of its elements behind another one.
#define PLACE(kind, address, distance) \
  ((char *)(address) + (ptrdiff_t)(distance) * (ptrdiff_t)winograd_map_element_size(kind))

/// Reads a vector of a map; `kind` is a constant wherever this is inlined.
INLINE VECTOR NAME(load_map)(const enum winograd_map_kind kind, const void *place) {
#ifdef BFLOAT16
  if (kind == winograd_map_bfloat16) {
    const __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(place));
    return (VECTOR)_mm512_slli_epi32(wide, 16);
  }
  if (kind == winograd_map_bytes) {
    return (VECTOR)_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(place)));
  }
#endif
  return *(const VECTOR *)place;
}

/// Writes a vector of a map. Bytes take what is above 255 as 255; nothing may be below 0.
INLINE void NAME(store_map)(const enum winograd_map_kind kind, void *place, VECTOR values) {
#ifdef BFLOAT16
  if (kind == winograd_map_bfloat16) {
    _mm256_storeu_si256(place, (__m256i)_mm512_cvtneps_pbh((__m512)values));
    return;
  }
  if (kind == winograd_map_bytes) {
    _mm_storeu_si128(place, _mm512_cvtusepi32_epi8(_mm512_cvtps_epi32((__m512)values)));
    return;
  }
#endif
  *(VECTOR *)place = values;
}

/// Transforms 6x6 vectors; number (x, y) of the result, x first, goes to `out + (6x + y) * position`.
INLINE void NAME(input_tile)(const enum winograd_map_kind kind, const char *in, ptrdiff_t row,
                             ptrdiff_t pixel, ELEMENT *out, size_t position) {
#pragma unroll
  for (int half = 0; half < 2; half++) {
    VECTOR columns[3][6];
#pragma unroll
    for (int y = 0; y < 6; y++) {
      VECTOR values[6], transformed[3];
#pragma unroll
      for (int x = 0; x < 6; x++) {
        values[x] = NAME(load_map)(kind, PLACE(kind, in, y * row + x * pixel));
      }
      NAME(transform_input_half)(half, values, transformed);
#pragma unroll
      for (int x = 0; x < 3; x++) columns[x][y] = transformed[x];
    }
#pragma unroll
    for (int x = 0; x < 3; x++) {
      VECTOR transformed[6];
      NAME(transform_input_half)(0, columns[x], transformed);
      NAME(transform_input_half)(1, columns[x], transformed + 3);
#pragma unroll
      for (int y = 0; y < 6; y++) {
        NAME(store_values)(out + (size_t)(6 * (3 * half + x) + y) * position, transformed[y]);
      }
    }
  }
}

/// The same for a tile that reaches beyond the source: zeros stand for what is not there.
INLINE void NAME(edge_tile)(const enum winograd_map_kind kind,
                            const struct winograd_convolution *convolution, const char *image,
                            int32_t top, int32_t left, ELEMENT *out, size_t position) {
  const struct winograd_map *source = &convolution->source;
  float values[36 * LANES] __attribute__((aligned(64)));
  memset(values, 0, sizeof values);
  for (int32_t y = 0; y < 6; y++) {
    if (top + y < 0 || top + y >= convolution->source_height) continue;
    for (int32_t x = 0; x < 6; x++) {
      if (left + x < 0 || left + x >= convolution->source_width) continue;
      *(VECTOR *)(values + (6 * y + x) * LANES) = NAME(load_map)(
          kind, PLACE(kind, image, (top + y) * source->row + (left + x) * source->pixel));
    }
  }
  NAME(input_tile)(winograd_map_float32, (const char *)values, 6 * LANES, LANES, out, position);
}

/// Transforms a tile back, multiplies by the scale and adds the bias.
INLINE void NAME(output_tile)(const float *in, size_t position, VECTOR scale, VECTOR bias,
                              VECTOR results[4][4]) {
  VECTOR columns[4][6];
  for (int x = 0; x < 6; x++) {
    VECTOR values[6], transformed[4];
#pragma unroll
    for (int y = 0; y < 6; y++) {
      values[y] = *(const VECTOR *)(in + (size_t)(6 * x + y) * position);
    }
    NAME(transform_output)(values, transformed);
#pragma unroll
    for (int y = 0; y < 4; y++) columns[y][x] = transformed[y];
  }
  for (int y = 0; y < 4; y++) {
    NAME(transform_output)(columns[y], results[y]);
#pragma unroll
    for (int x = 0; x < 4; x++) results[y][x] = FMA(results[y][x], scale, bias);
  }
}

/// Adds what another map has in the tile's place times a scale, as far as the whole result reaches.
INLINE void NAME(add_tile)(const enum winograd_map_kind kind, VECTOR results[4][4],
                           const char *in, ptrdiff_t row, ptrdiff_t pixel, VECTOR scale,
                           int32_t height, int32_t width) {
#pragma unroll
  for (int y = 0; y < 4; y++) {
#pragma unroll
    for (int x = 0; x < 4; x++) {
      if (y >= height || x >= width) continue;
      const VECTOR addend = NAME(load_map)(kind, PLACE(kind, in, y * row + x * pixel));
      results[y][x] = FMA(addend, scale, results[y][x]);
    }
  }
}

/// Raises what is below `lowest` and lowers what is above `highest`; NaN stays NaN.
INLINE void NAME(bound_tile)(VECTOR results[4][4], VECTOR lowest, VECTOR highest) {
#pragma unroll
  for (int y = 0; y < 4; y++) {
#pragma unroll
    for (int x = 0; x < 4; x++) {
      const VECTOR value = lowest > results[y][x] ? lowest : results[y][x];
      results[y][x] = highest < value ? highest : value;
    }
  }
}

/// Writes the results, or those of them that the whole result has.
INLINE void NAME(store_tile)(const enum winograd_map_kind kind, VECTOR results[4][4], char *out,
                             ptrdiff_t row, ptrdiff_t pixel, int32_t height, int32_t width) {
  if (height >= 4 && width >= 4) {
#pragma unroll
    for (int y = 0; y < 4; y++) {
#pragma unroll
      for (int x = 0; x < 4; x++) {
        NAME(store_map)(kind, PLACE(kind, out, y * row + x * pixel), results[y][x]);
      }
    }
    return;
  }
  for (int y = 0; y < 4 && y < height; y++) {
    for (int x = 0; x < 4 && x < width; x++) {
      NAME(store_map)(kind, PLACE(kind, out, y * row + x * pixel), results[y][x]);
    }
  }
}

/// Writes the maxima of 2x2 results; a window at the edge covers what the whole result has.
///
/// A NaN is taken where it comes first, as a search for the maximum from the first value on does.
INLINE void NAME(store_maxima)(const enum winograd_map_kind kind, VECTOR results[4][4], char *out,
                               ptrdiff_t row, ptrdiff_t pixel, int32_t height, int32_t width,
                               int32_t pooled_height, int32_t pooled_width) {
#pragma unroll
  for (int y = 0; y < 2; y++) {
    if (y >= pooled_height) return;
#pragma unroll
    for (int x = 0; x < 2; x++) {
      if (x >= pooled_width) continue;
      VECTOR most = results[2 * y][2 * x];
      const VECTOR right = results[2 * y][2 * x + 1], below = results[2 * y + 1][2 * x];
      const VECTOR corner = results[2 * y + 1][2 * x + 1];
      const int has_right = 2 * x + 1 < width, has_below = 2 * y + 1 < height;
      if (has_right) most = right > most ? right : most;
      if (has_below) most = below > most ? below : most;
      if (has_right && has_below) most = corner > most ? corner : most;
      NAME(store_map)(kind, PLACE(kind, out, y * row + x * pixel), most);
    }
  }
}

// MARK: Products

/// What the caches should fetch while a product runs: it reads `weights_step` and `values_step` bytes
/// further at each step.
struct NAME(ahead) {
  const char *weights, *values;
  ptrdiff_t weights_step, values_step;
};

/// Multiplies `rows` tiles by the weights of a panel: two blocks of output channels, or one where `is_half`.
///
/// `values` is (blocks, rows, LANES), `weights` (blocks * LANES, 2 * LANES), or (blocks * LANES / 2, 2 * LANES, 2)
/// of bfloat16, whose products are summed two input channels at a time; `out` is (2, rows, LANES). All
/// sums stay in registers; `rows` is a constant wherever this is inlined.
INLINE void NAME(product)(const int rows, const bool is_half, const ELEMENT *restrict values,
                          const ELEMENT *restrict weights, int32_t blocks, float *restrict out,
                          struct NAME(ahead) ahead) {
  VECTOR left[MOST_ROWS], right[MOST_ROWS];
#pragma unroll
  for (int row = 0; row < rows; row++) left[row] = right[row] = 0;
  for (int32_t block = 0; block < blocks; block++, values += rows * LANES) {
#ifdef BFLOAT16
#pragma unroll 4
    for (int pair = 0; pair < LANES / 2; pair++, weights += 4 * LANES) {
      const __m512bh first = (__m512bh)_mm512_loadu_si512(weights);
      const __m512bh second = (__m512bh)_mm512_loadu_si512(weights + 2 * LANES);
      __builtin_prefetch(ahead.weights, 0, 2);
      __builtin_prefetch(ahead.values, 0, 2);
      ahead.weights += ahead.weights_step;
      ahead.values += ahead.values_step;
#pragma unroll
      for (int row = 0; row < rows; row++) {
        int32_t both;
        memcpy(&both, values + row * LANES + 2 * pair, sizeof both);
        const __m512bh value = (__m512bh)_mm512_set1_epi32(both);
        left[row] = (VECTOR)_mm512_dpbf16_ps((__m512)left[row], value, first);
        if (!is_half) right[row] = (VECTOR)_mm512_dpbf16_ps((__m512)right[row], value, second);
      }
    }
#else
#pragma unroll 4
    for (int channel = 0; channel < LANES; channel++, weights += 2 * LANES) {
      const VECTOR first = *(const VECTOR *)weights, second = *(const VECTOR *)(weights + LANES);
      __builtin_prefetch(ahead.weights, 0, 2);
      __builtin_prefetch(ahead.values, 0, 2);
      ahead.weights += ahead.weights_step;
      ahead.values += ahead.values_step;
#pragma unroll
      for (int row = 0; row < rows; row++) {
        const VECTOR value = values[row * LANES + channel];
        left[row] = FMA(value, first, left[row]);
        if (!is_half) right[row] = FMA(value, second, right[row]);
      }
    }
#endif
  }
#pragma unroll
  for (int row = 0; row < rows; row++) {
    *(VECTOR *)(out + row * LANES) = left[row];
    if (!is_half) *(VECTOR *)(out + (rows + row) * LANES) = right[row];
  }
}

// The input channels that a step of a product takes.
#ifdef BFLOAT16
#define STEP_CHANNELS 2
#else
#define STEP_CHANNELS 1
#endif

/// Multiplies all blocks of tiles at one position, by both blocks of output channels or by the first alone.
///
/// The weights of the next position follow these and the values of the next position follow these,
/// so each block fetches its share of both: a stream from memory is hidden behind the products.
#define PRODUCTS(name, is_half, rows)                                                              \
  MACHINE static void NAME(name##_##rows)(const ELEMENT *values, const ELEMENT *weights,           \
                                          int32_t blocks, size_t count, float *out) {              \
    const size_t size = (size_t)blocks * rows * LANES;                                             \
    const size_t panel = (size_t)blocks * LANES * 2 * LANES;                                       \
    struct NAME(ahead) ahead = {(const char *)(weights + panel), (const char *)(values + count * size), \
                                (ptrdiff_t)(STEP_CHANNELS * 2 * LANES * sizeof(ELEMENT) / count),  \
                                (ptrdiff_t)(STEP_CHANNELS * rows * sizeof(ELEMENT))};              \
    for (size_t index = 0; index < count; index++) {                                               \
      NAME(product)(rows, is_half, values + index * size, weights, blocks,                         \
                    out + index * 2 * rows * LANES, ahead);                                        \
      ahead.weights += blocks * LANES / STEP_CHANNELS * ahead.weights_step;                        \
      ahead.values += blocks * LANES / STEP_CHANNELS * ahead.values_step;                          \
    }                                                                                              \
  }
#if MOST_ROWS > 6
#define FOR_ALL_ROWS(macro, ...)                                                                   \
  macro(__VA_ARGS__, 1) macro(__VA_ARGS__, 2) macro(__VA_ARGS__, 3) macro(__VA_ARGS__, 4)          \
  macro(__VA_ARGS__, 5) macro(__VA_ARGS__, 6) macro(__VA_ARGS__, 7) macro(__VA_ARGS__, 8)          \
  macro(__VA_ARGS__, 9) macro(__VA_ARGS__, 10) macro(__VA_ARGS__, 11) macro(__VA_ARGS__, 12)       \
  macro(__VA_ARGS__, 13) macro(__VA_ARGS__, 14)
#else
#define FOR_ALL_ROWS(macro, ...)                                                                   \
  macro(__VA_ARGS__, 1) macro(__VA_ARGS__, 2) macro(__VA_ARGS__, 3) macro(__VA_ARGS__, 4)          \
  macro(__VA_ARGS__, 5) macro(__VA_ARGS__, 6)
#endif
#define ENTRY(name, rows) NAME(name##_##rows),

FOR_ALL_ROWS(PRODUCTS, products, false)
FOR_ALL_ROWS(PRODUCTS, half_products, true)

typedef void NAME(multiply)(const ELEMENT *, const ELEMENT *, int32_t, size_t, float *);
static NAME(multiply) *const NAME(products)[] = {FOR_ALL_ROWS(ENTRY, products)};
static NAME(multiply) *const NAME(half_products)[] = {FOR_ALL_ROWS(ENTRY, half_products)};
#undef PRODUCTS
#undef FOR_ALL_ROWS
#undef ENTRY

// MARK: Weights

/// G g Gᵀ in double precision, rounded once at the end.
///
/// The result is (output channels / 2 LANES, 36, input channels, 2 LANES), or pairs of input channels side
/// by side: in the order in which the products read it.
MACHINE static void NAME(transform_weights)(const float *weights, const float *scales,
                                            int32_t input_channels, int32_t outputs,
                                            void *transformed_weights) {
  static const double G[6][3] = WINOGRAD_G;
  ELEMENT *transformed = transformed_weights;
  const size_t length = 9 * (size_t)input_channels, panel = 2 * LANES * (size_t)input_channels;
  for (int32_t output = 0; output < outputs; output += 2 * LANES, transformed += 36 * panel) {
    for (int32_t channel = 0; channel < input_channels; channel++) {
      double taps[9][2 * LANES], rows[3][6][2 * LANES];
      for (int lane = 0; lane < 2 * LANES; lane++) {
        // The last panel may be half empty.
        const bool is_there = output + lane < outputs;
        const float *kernel = weights + (size_t)(output + lane) * length + 9 * (size_t)channel;
        const float scale = scales && is_there ? scales[output + lane] : 1;
        for (int tap = 0; tap < 9; tap++) {
          taps[tap][lane] = is_there ? (double)kernel[tap] * scale : 0;
        }
      }
      for (int y = 0; y < 3; y++) {
        for (int x = 0; x < 6; x++) {
          for (int lane = 0; lane < 2 * LANES; lane++) {
            rows[y][x][lane] = G[x][0] * taps[3 * y][lane] + G[x][1] * taps[3 * y + 1][lane] +
                               G[x][2] * taps[3 * y + 2][lane];
          }
        }
      }
      for (int x = 0; x < 6; x++) {
        for (int y = 0; y < 6; y++) {
          ELEMENT *out = transformed + (size_t)(6 * x + y) * panel;
          for (int lane = 0; lane < 2 * LANES; lane++) {
            const float value = (float)(G[y][0] * rows[0][x][lane] + G[y][1] * rows[1][x][lane] +
                                        G[y][2] * rows[2][x][lane]);
#ifdef BFLOAT16
            // Pairs of input channels side by side.
            out[4 * LANES * (size_t)(channel / 2) + 2 * (size_t)lane + (size_t)(channel % 2)] =
                rounded_to_bfloat16(value);
#else
            out[2 * LANES * (size_t)channel + (size_t)lane] = value;
#endif
          }
        }
      }
    }
  }
}

// MARK: Running

/// What lies between the values of two positions, in elements.
#define PADDING (winograd_padding / sizeof(ELEMENT))

/// A tile's place in the batch.
struct NAME(place) {
  size_t image;
  int32_t y, x;
};

INLINE struct NAME(place) NAME(place_of)(const struct winograd_convolution *convolution,
                                         size_t tile) {
  const size_t across = (size_t)(convolution->width + 3) / 4;
  const size_t count = winograd_tile_count(convolution->height, convolution->width);
  const size_t in_image = tile % count;
  struct NAME(place) place = {tile / count, (int32_t)(in_image / across),
                              (int32_t)(in_image % across)};
  return place;
}

INLINE void NAME(advance)(const struct winograd_convolution *convolution,
                          struct NAME(place) *place) {
  if (4 * ++place->x < convolution->width) return;
  place->x = 0;
  if (4 * ++place->y < convolution->height) return;
  place->y = 0;
  place->image++;
}

/// Calls something with a map's kind as a constant.
#ifdef BFLOAT16
#define WITH_KIND(kind, CALL)                                         \
  do {                                                                \
    switch (kind) {                                                   \
      case winograd_map_float32: CALL(winograd_map_float32); break;   \
      case winograd_map_bfloat16: CALL(winograd_map_bfloat16); break; \
      case winograd_map_bytes: CALL(winograd_map_bytes); break;       \
    }                                                                 \
  } while (0)
#else
#define WITH_KIND(kind, CALL) CALL(winograd_map_float32)
#endif

/// Transforms a block of channels of the sources of some tiles.
INLINE void NAME(transform_block)(const enum winograd_map_kind kind,
                                  const struct winograd_convolution *convolution, size_t block,
                                  size_t first_tile, size_t tiles, size_t groups,
                                  ELEMENT *values) {
  const struct winograd_map *source = &convolution->source;
  const size_t rows = (size_t)convolution->rows;
  const size_t blocks = (size_t)convolution->input_channels / LANES;
  const size_t position = groups * blocks * rows * LANES + PADDING;
  const char *first = PLACE(kind, source->address, (ptrdiff_t)block * source->block);
  struct NAME(place) place = NAME(place_of)(convolution, first_tile);
  for (size_t tile = 0; tile < groups * rows; tile++) {
    ELEMENT *out = values + ((tile / rows * blocks + block) * rows + tile % rows) * LANES;
    if (tile >= tiles) {
      // Rows without a tile are multiplied with the others: zeros, because what lies in the scratch
      // memory may be subnormal, and slow.
      for (size_t number = 0; number < 36; number++) NAME(store_values)(out + number * position, 0);
      continue;
    }
    const char *image = PLACE(kind, first, (ptrdiff_t)place.image * source->image);
    const int32_t top = 4 * place.y + convolution->top, left = 4 * place.x + convolution->left;
    if (top >= 0 && left >= 0 && top + 6 <= convolution->source_height &&
        left + 6 <= convolution->source_width) {
      const char *in = PLACE(kind, image, top * source->row + left * source->pixel);
      // The next block of channels lies elsewhere; the tile before this one reads two of its columns.
      const char *next = PLACE(kind, in, source->block);
      for (int y = 0; y < 6; y++) {
        for (int x = 2; x < 6; x++) {
          __builtin_prefetch(PLACE(kind, next, y * source->row + x * source->pixel), 0, 2);
        }
      }
      NAME(input_tile)(kind, in, source->row, source->pixel, out, position);
    } else {
      NAME(edge_tile)(kind, convolution, image, top, left, out, position);
    }
    NAME(advance)(convolution, &place);
  }
}

/// Transforms the sources of some tiles to (36, groups, blocks, rows, LANES), with the padding between positions.
MACHINE static void NAME(transform_sources)(const struct winograd_convolution *convolution,
                                            size_t first_tile, size_t tiles, size_t groups,
                                            ELEMENT *values) {
  for (size_t block = 0; block < (size_t)convolution->input_channels / LANES; block++) {
#define CALL(kind) \
  NAME(transform_block)(kind, convolution, block, first_tile, tiles, groups, values)
    WITH_KIND(convolution->source.kind, CALL);
#undef CALL
  }
}

/// Adds what is to be added to a tile, bounds it and writes it, or its maxima.
INLINE void NAME(finish_tile)(const enum winograd_map_kind kind,
                              const struct winograd_convolution *convolution,
                              struct NAME(place) place, int32_t block, VECTOR results[4][4]) {
  const struct winograd_map *destination = &convolution->destination;
  const int32_t y = 4 * place.y, x = 4 * place.x;
  const int32_t height = convolution->height - y, width = convolution->width - x;
  NAME(bound_tile)(results, convolution->lowest, convolution->highest);
  char *image = PLACE(kind, destination->address,
                      block * destination->block + (ptrdiff_t)place.image * destination->image);
  const ptrdiff_t row = destination->row, pixel = destination->pixel;
  if (convolution->pooled_height > 0) {
    NAME(store_maxima)(kind, results, PLACE(kind, image, y / 2 * row + x / 2 * pixel), row, pixel,
                       height, width, convolution->pooled_height - y / 2,
                       convolution->pooled_width - x / 2);
  } else {
    char *out = PLACE(kind, image, y * row + x * pixel);
    // Writing waits for what was there: for that of the tile after the next, meanwhile.
    for (int v = 0; v < 4; v++) {
      for (int u = 8; u < 12; u++) __builtin_prefetch(PLACE(kind, out, v * row + u * pixel), 1, 3);
    }
    NAME(store_tile)(kind, results, out, row, pixel, height, width);
  }
}

/// Adds the addend's values of a tile.
INLINE void NAME(add_map)(const enum winograd_map_kind kind,
                          const struct winograd_convolution *convolution,
                          struct NAME(place) place, int32_t block, VECTOR results[4][4]) {
  const struct winograd_map *addend = &convolution->addend;
  const int32_t y = 4 * place.y, x = 4 * place.x;
  NAME(add_tile)(kind, results,
                 PLACE(kind, addend->address,
                       block * addend->block + (ptrdiff_t)place.image * addend->image +
                           y * addend->row + x * addend->pixel),
                 addend->row, addend->pixel, convolution->addend_scale, convolution->height - y,
                 convolution->width - x);
}

/// Transforms the products of a panel of output channels, (36, groups, 2, rows, LANES), back.
MACHINE static void NAME(transform_products)(const struct winograd_convolution *convolution,
                                             const float *products, size_t first_tile, size_t tiles,
                                             size_t groups, int32_t panel) {
  const size_t rows = (size_t)convolution->rows, position = groups * 2 * rows * LANES;
  for (int32_t half = 0; half < 2; half++) {
    const int32_t block = 2 * panel + half;
    if (block * LANES >= convolution->output_channels) break;
    const VECTOR bias = *(const VECTOR *)(convolution->biases + block * LANES);
    struct NAME(place) place = NAME(place_of)(convolution, first_tile);
    for (size_t tile = 0; tile < tiles; tile++) {
      const float *in =
          products + ((tile / rows * 2 + (size_t)half) * rows + tile % rows) * LANES;
      VECTOR results[4][4];
      NAME(output_tile)(in, position, convolution->scale, bias, results);
      if (convolution->addend.address) {
#define CALL(kind) NAME(add_map)(kind, convolution, place, block, results)
        WITH_KIND(convolution->addend.kind, CALL);
#undef CALL
      }
#define CALL(kind) NAME(finish_tile)(kind, convolution, place, block, results)
      WITH_KIND(convolution->destination.kind, CALL);
#undef CALL
      NAME(advance)(convolution, &place);
    }
  }
}

MACHINE static void NAME(run)(const struct winograd_convolution *convolution, size_t first_tile,
                              size_t tiles, int32_t first_panel, int32_t panels, float *scratch) {
  const size_t rows = (size_t)convolution->rows, groups = (tiles + rows - 1) / rows;
  const int32_t blocks = convolution->input_channels / LANES;
  const size_t size = (size_t)convolution->input_channels * 2 * LANES;
  const size_t values_position =
      groups * rows * (size_t)convolution->input_channels + PADDING;
  const size_t products_position = groups * 2 * rows * LANES;
  ELEMENT *values = (ELEMENT *)scratch;
  float *products = (float *)(values + 36 * values_position);
  NAME(transform_sources)(convolution, first_tile, tiles, groups, values);
  // The products of a panel at all 36 positions stay in the second-level cache until they are
  // transformed back.
  const ELEMENT *weights =
      (const ELEMENT *)convolution->weights + 36 * size * (size_t)first_panel;
  for (int32_t panel = first_panel; panel < first_panel + panels; panel++) {
    const bool is_half = (2 * panel + 1) * LANES >= convolution->output_channels;
    NAME(multiply) *const multiply = (is_half ? NAME(half_products) : NAME(products))[rows - 1];
    for (size_t number = 0; number < 36; number++, weights += size) {
      multiply(values + number * values_position, weights, blocks, groups,
               products + number * products_position);
    }
    NAME(transform_products)(convolution, products, first_tile, tiles, groups, panel);
  }
}

#ifndef BFLOAT16
#include "winograd_gradient_kernels.h"
#endif

#undef INLINE
#undef VECTOR
#undef ELEMENT
#undef STEP_CHANNELS
#undef PADDING
#undef PLACE
#undef WITH_KIND
#undef ROOT_HALF
#undef ROOT_TWO
#undef FMA
#undef LANES
#undef MOST_ROWS
#undef MACHINE
#undef NAME
