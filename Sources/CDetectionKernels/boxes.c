#include "boxes.h"

// A fused multiply-add rounds once where two operations round twice: the versions below would
// differ in the last place from each other and from the scalar Swift code.
#pragma STDC FP_CONTRACT OFF

// One machine code for each level of the instruction set, chosen when the program is loaded. With a
// sanitizer there is one alone: what chooses would be instrumented, and runs before the runtime is ready.
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define EACH_LEVEL
#else
#define EACH_LEVEL __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#endif

static inline float least(float a, float b) { return a < b ? a : b; }
static inline float greatest(float a, float b) { return a > b ? a : b; }

// x - x is 0 for every finite x, and NaN for the others; sums of these are 0 or NaN too.
static inline float zero_if_finite(float x) { return x - x; }

// MARK: Ranking

static inline uint32_t rank_key(float score) {
  // -0 equals +0 and must tie with it: adding +0 makes one of both.
  float value = score + 0.0f;
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  uint32_t mask = (uint32_t)((int32_t)bits >> 31) | 0x80000000u;
  return bits ^ mask;
}

// The sigmoid of one logit, computed as the softmax of that logit and 0.
static inline __attribute__((always_inline)) void rank_sigmoids(const float *foreground, size_t step,
                                                                size_t count, uint32_t *keys) {
  for (size_t i = 0; i < count; i++) {
    float f = foreground[i * step];
    float e = detection_exp(-fabsf(f));
    float p = (f >= 0.0f ? 1.0f : e) / (1.0f + e);
    keys[i] = zero_if_finite(f) == 0.0f ? rank_key(p) : 0;
  }
}

static inline __attribute__((always_inline)) void rank_logits(const float *foreground, size_t step,
                                                              size_t count, uint32_t *keys) {
  for (size_t i = 0; i < count; i++) {
    float f = foreground[i * step];
    keys[i] = zero_if_finite(f) == 0.0f ? rank_key(f) : 0;
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
    keys[i] = zero_if_finite(f) + zero_if_finite(b) == 0.0f ? key : 0;
  }
}

EACH_LEVEL void detection_rank_keys(const float *background, const float *foreground, size_t step,
                                    size_t count, int32_t probability, uint32_t *keys) {
  if (background == NULL) {
    if (probability) {
      rank_sigmoids(foreground, step, count, keys);
    } else {
      rank_logits(foreground, step, count, keys);
    }
  } else if (step == 2) {
    rank_pairs(background, foreground, 2, count, probability, keys);
  } else {
    rank_pairs(background, foreground, 1, count, probability, keys);
  }
}

// MARK: Decoding

// The decoded and clipped box of one anchor, and whether it may be proposed. `shift` moves the anchor
// from the first row of cells to its own.
static inline __attribute__((always_inline)) int32_t decode(const float *anchor, float shift,
                                                            const float *t, int y, int x,
                                                            const struct detection_decoding how,
                                                            float *restrict box) {
  float top = anchor[0] + shift, bottom = anchor[2] + shift;
  float height = bottom - top + how.side_extra;
  float width = anchor[3] - anchor[1] + how.side_extra;
  float dy = t[y], dx = t[x], dh = t[2 + y], dw = t[2 + x];
  float zero = (zero_if_finite(dy) + zero_if_finite(dx)) +
               (zero_if_finite(dh) + zero_if_finite(dw));
  dh = greatest(least(dh, how.maximum_log_scale), how.minimum_log_scale);
  dw = greatest(least(dw, how.maximum_log_scale), how.minimum_log_scale);
  float y_centre = dy * height + (top + 0.5f * height);
  float x_centre = dx * width + (anchor[1] + 0.5f * width);
  float half_height = 0.5f * (detection_exp(dh) * height);
  float half_width = 0.5f * (detection_exp(dw) * width);
  float y_min = y_centre - half_height, x_min = x_centre - half_width;
  float y_max = y_centre + half_height, x_max = x_centre + half_width;
  // Clipping would turn a NaN into a number, so it is looked for before.
  int32_t usable = (zero == 0.0f) & !__builtin_isunordered(y_min, y_max) &
                   !__builtin_isunordered(x_min, x_max);
  y_min = least(greatest(y_min, 0.0f), how.y_limit);
  x_min = least(greatest(x_min, 0.0f), how.x_limit);
  y_max = least(greatest(y_max, 0.0f), how.y_limit);
  x_max = least(greatest(x_max, 0.0f), how.x_limit);
  box[0] = y_min;
  box[1] = x_min;
  box[2] = y_max;
  box[3] = x_max;
  float side = least(y_max - y_min, x_max - x_min) + how.side_extra;
  return usable & (side >= how.minimum_side);
}

static inline __attribute__((always_inline)) void decode_row(const float *anchors, float shift,
                                                             const float *offsets, size_t count,
                                                             int y, int x,
                                                             const struct detection_decoding how,
                                                             float *restrict boxes,
                                                             uint32_t *restrict keys) {
  for (size_t i = 0; i < count; i++) {
    int32_t kept = decode(anchors + 4 * i, shift, offsets + 4 * i, y, x, how, boxes + 4 * i);
    keys[i] = kept ? keys[i] : 0;
  }
}

EACH_LEVEL void detection_decode(const struct detection_grid *grid, const float *offsets,
                                 const struct detection_decoding *how, float *boxes,
                                 uint32_t *keys) {
  size_t count = grid->row_count;
  for (size_t row = 0; row < grid->row_number; row++) {
    float shift = (float)row * grid->y_stride + grid->y_offset;
    size_t first = row * count;
    if (how->xyxy) {
      decode_row(grid->row, shift, offsets + 4 * first, count, 1, 0, *how, boxes + 4 * first,
                 keys + first);
    } else {
      decode_row(grid->row, shift, offsets + 4 * first, count, 0, 1, *how, boxes + 4 * first,
                 keys + first);
    }
  }
}

EACH_LEVEL void detection_decode_chosen(const struct detection_grid *grid, const float *offsets,
                                        const uint32_t *chosen, size_t count,
                                        const struct detection_decoding *how, float *boxes,
                                        uint32_t *marks) {
  int y = how->xyxy ? 1 : 0, x = how->xyxy ? 0 : 1;
  for (size_t i = 0; i < count; i++) {
    size_t anchor = chosen[i];
    size_t row = anchor / grid->row_count, place = anchor % grid->row_count;
    float shift = (float)row * grid->y_stride + grid->y_offset;
    marks[i] = (uint32_t)decode(grid->row + 4 * place, shift, offsets + 4 * anchor, y, x, *how,
                                boxes + 4 * i);
  }
}

// MARK: Overlap

static inline float area(const float *box, float side_extra) {
  return greatest(box[2] - box[0] + side_extra, 0.0f) *
         greatest(box[3] - box[1] + side_extra, 0.0f);
}

// The IoU, or 0 where both areas are 0.
static inline float overlap(float y_min, float x_min, float y_max, float x_max, float area_a,
                            const float *box, float area_b, float side_extra) {
  float height = least(y_max, box[2]) - greatest(y_min, box[0]) + side_extra;
  float width = least(x_max, box[3]) - greatest(x_min, box[1]) + side_extra;
  float common = greatest(height, 0.0f) * greatest(width, 0.0f);
  float joint = area_a + area_b - common;
  return joint > 0.0f ? common / joint : 0.0f;
}

// Columns are taken so many at a time: one AVX2 register.
enum { STRIP = 8 };

size_t detection_iou_matrix_scratch(size_t columns) {
  return 6 * ((columns + STRIP - 1) / STRIP * STRIP);
}

EACH_LEVEL void detection_iou_matrix(const float *a, size_t rows, const float *b, size_t columns,
                                     float side_extra, float *scratch, float *matrix) {
  size_t padded = detection_iou_matrix_scratch(columns) / 6;
  float *restrict y_min = scratch, *restrict x_min = y_min + padded;
  float *restrict y_max = x_min + padded, *restrict x_max = y_max + padded;
  float *restrict areas = x_max + padded, *restrict row = areas + padded;
  for (size_t j = 0; j < padded; j++) {
    // Repeating the last column fills the last strip; what comes of it is not copied.
    const float *box = b + 4 * (j < columns ? j : columns - 1);
    y_min[j] = box[0], x_min[j] = box[1], y_max[j] = box[2], x_max[j] = box[3];
    areas[j] = area(box, side_extra);
  }
  for (size_t i = 0; i < rows; i++) {
    const float *box = a + 4 * i;
    float box_area = area(box, side_extra);
    // Whole strips reach into the next row, which is written after this one; at the end of the
    // matrix they go to scratch instead.
    int32_t fits = i * columns + padded <= rows * columns;
    float *target = fits ? matrix + i * columns : row;
    for (size_t strip = 0; strip < padded; strip += STRIP) {
      float ious[STRIP];
      for (size_t j = 0; j < STRIP; j++) {
        ious[j] = overlap(y_min[strip + j], x_min[strip + j], y_max[strip + j], x_max[strip + j],
                          areas[strip + j], box, box_area, side_extra);
      }
      memcpy(target + strip, ious, sizeof ious);
    }
    if (!fits) memcpy(matrix + i * columns, row, columns * sizeof(float));
  }
}

// MARK: Suppression

// Candidates are compared with the kept boxes so many at a time: one AVX-512 register.
enum { LANES = 16 };

// Boxes of LANES candidates, coordinate by coordinate.
struct lanes {
  float y_min[LANES], x_min[LANES], y_max[LANES], x_max[LANES], area[LANES];
};

// A box that was kept, and its area times t / (1 + t), where t is the bound: IoU >= t is the same
// as intersection >= share of the one + share of the other, without a division.
struct kept_box {
  float box[4], share;
};

// Raises `excess` to how far an intersection with a kept box exceeds that box's share.
static inline __attribute__((always_inline)) void raise_excess(const struct kept_box *kept,
                                                               const struct lanes *lanes,
                                                               float side_less, float *excess) {
  const float *box = kept->box;
  for (size_t j = 0; j < LANES; j++) {
    float height = least(lanes->y_max[j], box[2]) - greatest(lanes->y_min[j], box[0]) - side_less;
    float width = least(lanes->x_max[j], box[3]) - greatest(lanes->x_min[j], box[1]) - side_less;
    // A negative width makes the product no greater than 0.
    float common = greatest(height, 0.0f) * width;
    excess[j] = greatest(common - kept->share, excess[j]);
  }
}

// Whether the IoU itself reaches the bound.
static int32_t reaches(const struct kept_box *kept, size_t count, const float *box,
                       const struct detection_suppression *how) {
  float extra = how->side_extra;
  for (size_t k = 0; k < count; k++) {
    const float *other = kept[k].box;
    float iou = overlap(box[0], box[1], box[2], box[3], area(box, extra), other,
                        area(other, extra), extra);
    if (iou >= how->bound) return 1;
  }
  return 0;
}

// `side_less` is -side_extra, passed as a constant: subtracting 0 then costs nothing.
static inline __attribute__((always_inline)) size_t suppress(
    const float *boxes, const uint32_t *order, size_t count,
    const struct detection_suppression how, float side_less, struct kept_box *kept_boxes,
    uint32_t *kept) {
  float share_of_area = how.bound / (1.0f + how.bound);
  size_t found = 0;
  for (size_t first = 0; first < count; first += LANES) {
    size_t used = count - first < LANES ? count - first : LANES;
    struct lanes lanes;
    float excess[LANES];
    for (size_t j = 0; j < LANES; j++) {
      const float *box = boxes + 4 * (size_t)order[first + (j < used ? j : 0)];
      lanes.y_min[j] = box[0], lanes.x_min[j] = box[1];
      lanes.y_max[j] = box[2], lanes.x_max[j] = box[3];
      lanes.area[j] = area(box, how.side_extra);
      excess[j] = -INFINITY;
    }
    for (size_t k = 0; k < found; k++) {
      raise_excess(kept_boxes + k, &lanes, side_less, excess);
    }
    for (size_t j = 0; j < used; j++) {
      // Rounding makes the two forms of the question differ by less than the slack.
      float share = lanes.area[j] * share_of_area;
      float slack = lanes.area[j] * 2e-6f + 1e-37f;
      if (excess[j] >= share + slack) continue;
      struct kept_box *next = kept_boxes + found;
      *next = (struct kept_box){
          {lanes.y_min[j], lanes.x_min[j], lanes.y_max[j], lanes.x_max[j]}, share};
      if (excess[j] >= share - slack && reaches(kept_boxes, found, next->box, &how)) continue;
      kept[found++] = order[first + j];
      if (found == how.maximum_kept) return found;
      raise_excess(next, &lanes, side_less, excess);
    }
  }
  return found;
}

EACH_LEVEL size_t detection_suppress(const float *boxes, const uint32_t *order, size_t count,
                                     const struct detection_suppression *how, float *scratch,
                                     uint32_t *kept) {
  struct kept_box *kept_boxes = (struct kept_box *)scratch;
  if (how->maximum_kept == 0) return 0;
  if (how->side_extra == 0.0f) {
    return suppress(boxes, order, count, *how, 0.0f, kept_boxes, kept);
  }
  return suppress(boxes, order, count, *how, -how->side_extra, kept_boxes, kept);
}
