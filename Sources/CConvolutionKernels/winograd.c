#include "winograd.h"

#include <math.h>
#include <string.h>

// The kernels are written once, for vectors of LANES floats, and compiled for each machine by including
// them with its lanes, its instructions and the tiles that its registers hold: two sums a tile, two
// vectors of weights and a value must fit into 32 or 16 registers.
#if defined(__x86_64__)

#include <immintrin.h>

/// The nearest bfloat16, of two the one with an even last bit; of a NaN its upper half.
static inline uint16_t rounded_to_bfloat16(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  if (value != value) return (uint16_t)(bits >> 16 | 0x40);
  return (uint16_t)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

/// From weights to their transform.
#define WINOGRAD_G                       \
  {{1, 0, 0},                            \
   {-2. / 3, -M_SQRT2 / 3, -1. / 3},     \
   {-2. / 3, M_SQRT2 / 3, -1. / 3},      \
   {1. / 6, M_SQRT2 / 6, 1. / 3},        \
   {1. / 6, -M_SQRT2 / 6, 1. / 3},       \
   {0, 0, 1}}

#define LANES 16
#define MOST_ROWS 14
#define MACHINE __attribute__((target("avx512f,avx2,fma")))
#define NAME(name) name##_16
#include "winograd_kernels.h"

#define LANES 16
#define MOST_ROWS 14
#define BFLOAT16
#define MACHINE __attribute__((target("avx512f,avx512bf16,avx512vl,avx2,fma")))
#define NAME(name) name##_bf16
#include "winograd_kernels.h"
#undef BFLOAT16

#define LANES 8
#define MOST_ROWS 6
#define MACHINE __attribute__((target("avx2,fma")))
#define NAME(name) name##_8
#include "winograd_kernels.h"

winograd_lanes winograd_most_lanes(void) {
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return 0;
  return __builtin_cpu_supports("avx512f") ? 16 : 8;
}

void winograd_transform_weights(struct winograd_type type, const float *weights,
                                const float *scales, int32_t input_channels, int32_t outputs,
                                void *transformed) {
  (type.multiplies_bfloat16 ? transform_weights_bf16
   : type.lanes == 16       ? transform_weights_16
                            : transform_weights_8)(weights, scales, input_channels, outputs,
                                                   transformed);
}

void winograd_run(struct winograd_type type, const struct winograd_convolution *convolution,
                  size_t first_tile, size_t tiles, int32_t first_panel, int32_t panels,
                  float *scratch) {
  (type.multiplies_bfloat16 ? run_bf16
   : type.lanes == 16       ? run_16
                            : run_8)(convolution, first_tile, tiles, first_panel, panels, scratch);
}

void winograd_gradient_run(winograd_lanes lanes, const struct winograd_gradient *gradient,
                           size_t first_tile, size_t tiles, size_t most, int32_t first_block,
                           int32_t blocks, float *sums, double *bias_sums, float *scratch) {
  (lanes == 16 ? gradient_run_16 : gradient_run_8)(gradient, first_tile, tiles, most, first_block,
                                                   blocks, sums, bias_sums, scratch);
}

void winograd_gradient_finish(winograd_lanes lanes, const float *sums, size_t part, int32_t parts,
                              int32_t blocks, int32_t first_channel, int32_t channels,
                              int32_t all_channels, bool adds, float *gradient) {
  (lanes == 16 ? gradient_finish_16 : gradient_finish_8)(
      sums, part, parts, blocks, first_channel, channels, all_channels, adds, gradient);
}

#else

winograd_lanes winograd_most_lanes(void) { return 0; }

// Nobody calls these.
void winograd_transform_weights(struct winograd_type type, const float *weights,
                                const float *scales, int32_t input_channels, int32_t outputs,
                                void *transformed) {
  __builtin_trap();
}

void winograd_run(struct winograd_type type, const struct winograd_convolution *convolution,
                  size_t first_tile, size_t tiles, int32_t first_panel, int32_t panels,
                  float *scratch) {
  __builtin_trap();
}

void winograd_gradient_run(winograd_lanes lanes, const struct winograd_gradient *gradient,
                           size_t first_tile, size_t tiles, size_t most, int32_t first_block,
                           int32_t blocks, float *sums, double *bias_sums, float *scratch) {
  __builtin_trap();
}

void winograd_gradient_finish(winograd_lanes lanes, const float *sums, size_t part, int32_t parts,
                              int32_t blocks, int32_t first_channel, int32_t channels,
                              int32_t all_channels, bool adds, float *gradient) {
  __builtin_trap();
}

#endif
