// No guard: winograd_kernels.h includes this once for each machine, with its macros and transforms.
//
// The result of a tile is Aᵀ(U ⊙ V)A, of the weights' transform U = G g Gᵀ and the source's V = Bᵀd B. So the
// gradient of U is the sum over all tiles of (A e Aᵀ) ⊙ V, where e is the gradient of the results, at each of the
// 36 positions a product of matrices (output channels x tiles x input channels), and that of g is Gᵀ(…)G.

/// One column of A e: four values to six.
INLINE void NAME(transform_upstream)(const VECTOR *e, VECTOR *out) {
  const VECTOR even = FMA(0.5f, e[2], e[0]), odd = ROOT_HALF * FMA(0.5f, e[3], e[1]);
  const VECTOR even2 = FMA(2, e[2], e[0]), odd2 = ROOT_TWO * FMA(2, e[3], e[1]);
  out[0] = e[0];
  out[1] = even + odd;
  out[2] = even - odd;
  out[3] = even2 + odd2;
  out[4] = even2 - odd2;
  out[5] = e[3];
}

/// Transforms 4x4 vectors; number (x, y) of the result, x first, goes to `out + (6x + y) * position`.
///
/// Returns the sum of the sixteen.
INLINE VECTOR NAME(upstream_tile)(const float *in, ptrdiff_t row, float *out, size_t position) {
  VECTOR columns[6][4], sum = 0;
  for (int y = 0; y < 4; y++) {
    VECTOR values[4], transformed[6];
#pragma unroll
    for (int x = 0; x < 4; x++) values[x] = *(const VECTOR *)(in + y * row + x * LANES);
    sum += (values[0] + values[1]) + (values[2] + values[3]);
    NAME(transform_upstream)(values, transformed);
#pragma unroll
    for (int x = 0; x < 6; x++) columns[x][y] = transformed[x];
  }
  for (int x = 0; x < 6; x++) {
    VECTOR transformed[6];
    NAME(transform_upstream)(columns[x], transformed);
#pragma unroll
    for (int y = 0; y < 6; y++) *(VECTOR *)(out + (size_t)(6 * x + y) * position) = transformed[y];
  }
  return sum;
}

/// The same for a tile that reaches beyond the results: zeros stand for what is not there.
MACHINE static VECTOR NAME(upstream_edge)(const float *in, ptrdiff_t row, int32_t height,
                                          int32_t width, float *out, size_t position) {
  float values[16 * LANES] __attribute__((aligned(64)));
  memset(values, 0, sizeof values);
  for (int32_t y = 0; y < 4 && y < height; y++) {
    for (int32_t x = 0; x < 4 && x < width; x++) {
      *(VECTOR *)(values + (4 * y + x) * LANES) = *(const VECTOR *)(in + y * row + x * LANES);
    }
  }
  return NAME(upstream_tile)(values, 4 * LANES, out, position);
}

/// Transforms the results' gradient in some tiles to (36, blocks, `most` tiles, LANES), and adds it up.
MACHINE static void NAME(transform_upstreams)(const struct winograd_gradient *gradient,
                                              const struct winograd_convolution *tiling,
                                              size_t first_tile, size_t tiles, size_t most,
                                              int32_t first_block, int32_t blocks, float *values,
                                              double *bias_sums) {
  const size_t position = (size_t)blocks * most * LANES;
  for (int32_t block = 0; block < blocks; block++) {
    const float *upstream =
        gradient->upstream + (ptrdiff_t)(first_block + block) * gradient->upstream_block;
    struct NAME(place) place = NAME(place_of)(tiling, first_tile);
    VECTOR sum = 0;
    for (size_t tile = 0; tile < tiles; tile++) {
      float *out = values + ((size_t)block * most + tile) * LANES;
      const int32_t y = 4 * place.y, x = 4 * place.x;
      const int32_t height = gradient->height - y, width = gradient->width - x;
      const float *in = upstream + (ptrdiff_t)place.image * gradient->upstream_image +
                        y * gradient->upstream_row + (ptrdiff_t)x * LANES;
      sum += height >= 4 && width >= 4
                 ? NAME(upstream_tile)(in, gradient->upstream_row, out, position)
                 : NAME(upstream_edge)(in, gradient->upstream_row, height, width, out, position);
      NAME(advance)(tiling, &place);
    }
    if (!bias_sums) continue;
    for (int lane = 0; lane < LANES; lane++) bias_sums[block * LANES + lane] += (double)sum[lane];
  }
}

// The input channels whose sums stay in registers, with two vectors of output channels.
#define SUM_ROWS (LANES / 2)

/// For `rows` input channels and one or two blocks of output channels: the sums over tiles of the products.
///
/// `values` is (tiles, LANES), of which the first `rows` lanes count, and so are `first` and `second`; `sums` is
/// (rows, `vectors` * LANES).
INLINE void NAME(add_products)(const int rows, const int vectors, const float *restrict values,
                               const float *restrict first, const float *restrict second,
                               size_t tiles, float *restrict sums, bool begins) {
  VECTOR left[2 * SUM_ROWS], right[2 * SUM_ROWS];
#pragma unroll
  for (int row = 0; row < rows; row++) {
    left[row] = right[row] = 0;
    if (!begins) {
      __builtin_prefetch(sums + row * vectors * LANES, 1, 2);
      if (vectors == 2) __builtin_prefetch(sums + (row * vectors + 1) * LANES, 1, 2);
    }
  }
  for (size_t tile = 0; tile < tiles; tile++, values += LANES, first += LANES, second += LANES) {
    const VECTOR one = *(const VECTOR *)first, two = vectors == 2 ? *(const VECTOR *)second : 0;
#pragma unroll
    for (int row = 0; row < rows; row++) {
      const VECTOR value = values[row];
      left[row] = FMA(value, one, left[row]);
      if (vectors == 2) right[row] = FMA(value, two, right[row]);
    }
  }
#pragma unroll
  for (int row = 0; row < rows; row++) {
    VECTOR *out = (VECTOR *)(sums + row * vectors * LANES);
    out[0] = begins ? left[row] : out[0] + left[row];
    if (vectors == 2) out[1] = begins ? right[row] : out[1] + right[row];
  }
}

// Sums stand in groups, each of the numbers of some input channels and a panel's output channels: those of
// SUM_ROWS and two blocks, or of LANES and one block.
#define GROUP ((size_t)LANES * LANES)

/// At one position the products of all input channels with some blocks of output channels.
MACHINE static void NAME(add_position)(const float *values, int32_t inputs, const float *upstream,
                                       int32_t outputs, size_t tiles, size_t most, float *sums,
                                       bool begins) {
  const size_t block_size = most * LANES;
  for (int32_t output = 0; output < outputs; output += 2) {
    const float *first = upstream + (size_t)output * block_size;
    for (int32_t input = 0; input < inputs; input++) {
      const float *block = values + (size_t)input * block_size;
      if (output + 1 < outputs) {
        for (int half = 0; half < LANES; half += SUM_ROWS, sums += 36 * GROUP) {
          NAME(add_products)(SUM_ROWS, 2, block + half, first, first + block_size, tiles, sums, begins);
        }
      } else {
        NAME(add_products)(LANES, 1, block, first, first, tiles, sums, begins);
        sums += 36 * GROUP;
      }
    }
  }
}

MACHINE static void NAME(gradient_run)(const struct winograd_gradient *gradient, size_t first_tile,
                                       size_t tiles, size_t most, int32_t first_block,
                                       int32_t blocks, float *sums, double *bias_sums,
                                       float *scratch) {
  const int32_t inputs = gradient->input_channels / LANES;
  const struct winograd_convolution tiling = {
      .source = {(void *)gradient->source, winograd_map_float32, gradient->source_image,
                 gradient->source_block, gradient->source_row, LANES},
      .input_channels = gradient->input_channels,
      .source_height = gradient->source_height,
      .source_width = gradient->source_width,
      .top = gradient->top,
      .left = gradient->left,
      .height = gradient->height,
      .width = gradient->width,
      .rows = (int32_t)most,
  };
  const size_t values_position = most * (size_t)gradient->input_channels + PADDING;
  const size_t upstream_position = most * (size_t)blocks * LANES;
  float *upstream = scratch + 36 * values_position;
  for (size_t done = 0; done < tiles; done += most) {
    const size_t count = tiles - done < most ? tiles - done : most;
    NAME(transform_sources)(&tiling, first_tile + done, count, 1, scratch);
    NAME(transform_upstreams)(gradient, &tiling, first_tile + done, count, most, first_block,
                              blocks, upstream, bias_sums);
    for (size_t number = 0; number < 36; number++) {
      NAME(add_position)(scratch + number * values_position, inputs,
                         upstream + number * upstream_position, blocks, count, most,
                         sums + number * GROUP, done == 0);
    }
  }
}

/// Gᵀ s G in double precision of a group's sums, and of those of the other parts of the tiles.
///
/// `gradient` is that of the group's first output and input channels.
MACHINE static void NAME(finish_group)(const float *sums, size_t part, int32_t parts, int rows,
                                       int width, size_t all_channels, bool adds, float *gradient) {
  static const double G[6][3] = WINOGRAD_G;
  float found[2 * LANES][9 * LANES];
  for (int channel = 0; channel < rows; channel++) {
    double columns[3][6][2 * LANES], values[6][2 * LANES];
    for (int x = 0; x < 6; x++) {
      for (int y = 0; y < 6; y++) {
        const float *in = sums + (size_t)(6 * x + y) * GROUP + channel * width;
        for (int lane = 0; lane < width; lane++) values[y][lane] = (double)in[lane];
        for (int32_t number = 1; number < parts; number++) {
          in += part;
          for (int lane = 0; lane < width; lane++) values[y][lane] += (double)in[lane];
        }
      }
      for (int j = 0; j < 3; j++) {
        for (int lane = 0; lane < width; lane++) {
          double sum = 0;
          for (int y = 0; y < 6; y++) sum += G[y][j] * values[y][lane];
          columns[j][x][lane] = sum;
        }
      }
    }
    for (int j = 0; j < 3; j++) {
      for (int i = 0; i < 3; i++) {
        for (int lane = 0; lane < width; lane++) {
          double sum = 0;
          for (int x = 0; x < 6; x++) sum += G[x][i] * columns[j][x][lane];
          found[lane][9 * channel + 3 * j + i] = (float)sum;
        }
      }
    }
  }
  for (int lane = 0; lane < width; lane++, gradient += 9 * all_channels) {
    for (int number = 0; number < 9 * rows; number++) {
      gradient[number] = adds ? gradient[number] + found[lane][number] : found[lane][number];
    }
  }
}

MACHINE static void NAME(gradient_finish)(const float *sums, size_t part, int32_t parts,
                                          int32_t blocks, int32_t first_channel, int32_t channels,
                                          int32_t all_channels, bool adds, float *gradient) {
  const int rows = blocks == 2 ? SUM_ROWS : LANES, width = blocks * LANES;
  for (int32_t channel = first_channel; channel < first_channel + channels; channel += rows) {
    NAME(finish_group)(sums + (size_t)(channel / rows) * 36 * GROUP, part, parts, rows, width,
                       (size_t)all_channels, adds, gradient + 9 * (ptrdiff_t)channel);
  }
}

#undef GROUP
#undef SUM_ROWS
