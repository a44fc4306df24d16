#include "boxes.h"

// A fused multiply-add rounds once where two operations round twice: the versions below would
// differ in the last place from each other and from the scalar Swift code.
#pragma STDC FP_CONTRACT OFF

// One machine code for each level of the instruction set, chosen when the program is loaded.
#define EACH_LEVEL __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))

static inline float least(float a, float b) { return a < b ? a : b; }
static inline float greatest(float a, float b) { return a > b ? a : b; }

// x - x is 0 for every finite x, and NaN for the others.
static inline int32_t is_finite(float x) { return x - x == 0.0f; }

// MARK: Ranking

static inline uint32_t rank_key(float score) {
  // -0 equals +0 and must tie with it: adding +0 makes one of both.
  float value = score + 0.0f;
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  uint32_t mask = (uint32_t)((int32_t)bits >> 31) | 0x80000000u;
  return bits ^ mask;
}

static inline __attribute__((always_inline)) void rank_logits(const float *foreground, size_t step,
                                                              size_t count, uint32_t *keys) {
  for (size_t i = 0; i < count; i++) {
    float f = foreground[i * step];
    keys[i] = is_finite(f) ? rank_key(f) : 0;
  }
}

static inline __attribute__((always_inline)) void rank_pairs(const float *background,
                                                             const float *foreground, size_t step,
                                                             size_t count, int32_t softmax,
                                                             uint32_t *keys) {
  for (size_t i = 0; i < count; i++) {
    float b = background[i * step];
    float f = foreground[i * step];
    float margin = f - b;
    // The softmax of two: the greater logit's exponential is exactly 1.
    float e = detection_exp(-fabsf(margin));
    float p = (margin >= 0.0f ? 1.0f : e) / (1.0f + e);
    uint32_t key = rank_key(softmax ? p : f);
    keys[i] = is_finite(f) & is_finite(b) ? key : 0;
  }
}

EACH_LEVEL void detection_rank_keys(const float *background, const float *foreground, size_t step,
                                    size_t count, int32_t softmax, uint32_t *keys) {
  if (background == NULL) {
    rank_logits(foreground, step, count, keys);
  } else if (step == 2) {
    rank_pairs(background, foreground, 2, count, softmax, keys);
  } else {
    rank_pairs(background, foreground, 1, count, softmax, keys);
  }
}

// MARK: Decoding

static inline __attribute__((always_inline)) void decode(const float *anchors, const float *offsets,
                                                         size_t count, int y, int x,
                                                         const struct detection_decoding how,
                                                         float *restrict boxes,
                                                         uint32_t *restrict keys) {
  for (size_t i = 0; i < count; i++) {
    const float *a = anchors + 4 * i;
    const float *t = offsets + 4 * i;
    float height = a[2] - a[0] + how.side_extra;
    float width = a[3] - a[1] + how.side_extra;
    float dy = t[y], dx = t[x], dh = t[2 + y], dw = t[2 + x];
    int32_t usable = is_finite(dy) & is_finite(dx) & is_finite(dh) & is_finite(dw);
    dh = least(dh, how.maximum_log_scale);
    dw = least(dw, how.maximum_log_scale);
    float y_centre = dy * height + (a[0] + 0.5f * height);
    float x_centre = dx * width + (a[1] + 0.5f * width);
    float half_height = 0.5f * (detection_exp(dh) * height);
    float half_width = 0.5f * (detection_exp(dw) * width);
    float y_min = y_centre - half_height, x_min = x_centre - half_width;
    float y_max = y_centre + half_height, x_max = x_centre + half_width;
    // Comparing with itself finds the NaN that clipping would turn into a number.
    usable &= (y_min == y_min) & (x_min == x_min) & (y_max == y_max) & (x_max == x_max);
    y_min = least(greatest(y_min, 0.0f), how.y_limit);
    x_min = least(greatest(x_min, 0.0f), how.x_limit);
    y_max = least(greatest(y_max, 0.0f), how.y_limit);
    x_max = least(greatest(x_max, 0.0f), how.x_limit);
    boxes[4 * i] = y_min;
    boxes[4 * i + 1] = x_min;
    boxes[4 * i + 2] = y_max;
    boxes[4 * i + 3] = x_max;
    float side = least(y_max - y_min, x_max - x_min) + how.side_extra;
    int32_t large = (side > how.minimum_side) |
                    ((side == how.minimum_side) & !how.minimum_is_strict);
    keys[i] = usable & large ? keys[i] : 0;
  }
}

EACH_LEVEL void detection_decode(const float *anchors, const float *offsets, size_t count,
                                 const struct detection_decoding *how, float *boxes,
                                 uint32_t *keys) {
  if (how->xyxy) {
    decode(anchors, offsets, count, 1, 0, *how, boxes, keys);
  } else {
    decode(anchors, offsets, count, 0, 1, *how, boxes, keys);
  }
}

// MARK: Overlap

static inline float area(const float *box, float side_extra) {
  return greatest(box[2] - box[0] + side_extra, 0.0f) *
         greatest(box[3] - box[1] + side_extra, 0.0f);
}

EACH_LEVEL void detection_iou_matrix(const float *a, size_t rows, const float *b, size_t columns,
                                     float side_extra, float *scratch, float *matrix) {
  float *restrict y_min = scratch, *restrict x_min = y_min + columns;
  float *restrict y_max = x_min + columns, *restrict x_max = y_max + columns;
  float *restrict areas = x_max + columns;
  for (size_t j = 0; j < columns; j++) {
    y_min[j] = b[4 * j], x_min[j] = b[4 * j + 1];
    y_max[j] = b[4 * j + 2], x_max[j] = b[4 * j + 3];
    areas[j] = area(b + 4 * j, side_extra);
  }
  for (size_t i = 0; i < rows; i++) {
    const float *box = a + 4 * i;
    float box_area = area(box, side_extra);
    float *restrict row = matrix + i * columns;
    for (size_t j = 0; j < columns; j++) {
      float height = least(y_max[j], box[2]) - greatest(y_min[j], box[0]) + side_extra;
      float width = least(x_max[j], box[3]) - greatest(x_min[j], box[1]) + side_extra;
      float common = greatest(height, 0.0f) * greatest(width, 0.0f);
      float joint = box_area + areas[j] - common;
      row[j] = joint > 0.0f ? common / joint : 0.0f;
    }
  }
}

// MARK: Suppression

// So many kept boxes are compared between two looks at the result.
enum { BLOCK = 64 };

size_t detection_suppress_scratch(size_t kept) { return 5 * ((kept + BLOCK - 1) / BLOCK * BLOCK); }

EACH_LEVEL size_t detection_suppress(const float *boxes, const uint32_t *order, size_t count,
                                     const struct detection_suppression *how, float *scratch,
                                     uint32_t *kept) {
  size_t found = 0;
  float extra = how->side_extra, bound = how->bound;
  for (size_t i = 0; i < count && found < how->maximum_kept; i++) {
    const float *box = boxes + 4 * (size_t)order[i];
    float box_area = area(box, extra);
    int32_t suppressed = 0;
    for (size_t start = 0; start < found && !suppressed; start += BLOCK) {
      const float *block = scratch + 5 * start;
      for (size_t j = 0; j < BLOCK; j++) {
        float height =
            least(block[2 * BLOCK + j], box[2]) - greatest(block[j], box[0]) + extra;
        float width =
            least(block[3 * BLOCK + j], box[3]) - greatest(block[BLOCK + j], box[1]) + extra;
        float common = greatest(height, 0.0f) * greatest(width, 0.0f);
        float joint = block[4 * BLOCK + j] + box_area - common;
        suppressed |= common / joint >= bound;
      }
    }
    if (suppressed) continue;
    size_t lane = found % BLOCK;
    float *block = scratch + 5 * (found - lane);
    if (lane == 0) {
      // The lanes not yet in use hold NaN, whose comparison is false.
      for (size_t j = 0; j < 5 * BLOCK; j++) block[j] = NAN;
    }
    for (size_t k = 0; k < 4; k++) block[k * BLOCK + lane] = box[k];
    block[4 * BLOCK + lane] = box_area;
    kept[found++] = order[i];
  }
  return found;
}
