#include "CPicture.h"

#include <stdio.h>
#include <string.h>

bool picture_fits(const struct picture_destination *d) {
  if (d->width == 0 || d->height == 0) return false;
  for (int corner = 0; corner < 4; corner++) {
    const int64_t x = corner & 1 ? d->width - 1 : 0, y = corner & 2 ? d->height - 1 : 0;
    const int64_t at = d->origin + x * d->x_step + y * d->y_step;
    if (at < 0 || at + 3 > (int64_t)d->byte_count) return false;
  }
  return true;
}

void picture_place_rgb(
    const struct picture_destination *d, uint32_t x, uint32_t y, uint32_t count,
    const uint8_t *rgb) {
  uint8_t *target = picture_row(d, y) + (ptrdiff_t)x * d->x_step;
  if (picture_is_direct(d)) {
    memcpy(target, rgb, 3 * (size_t)count);
    return;
  }
  for (uint32_t i = 0; i < count; i++, rgb += 3, target += d->x_step) memcpy(target, rgb, 3);
}

// value * alpha + 255 * (255 - alpha), over 255, rounded, without a division.
static inline uint8_t over_white(unsigned value, unsigned alpha) {
  const unsigned sum = value * alpha + 255 * (255 - alpha) + 128;
  return (uint8_t)((sum + (sum >> 8)) >> 8);
}

void picture_place_rgba(
    const struct picture_destination *d, uint32_t x, uint32_t y, uint32_t count,
    const uint8_t *rgba) {
  uint8_t *target = picture_row(d, y) + (ptrdiff_t)x * d->x_step;
  for (uint32_t i = 0; i < count; i++, rgba += 4, target += d->x_step) {
    for (int channel = 0; channel < 3; channel++) {
      target[channel] = over_white(rgba[channel], rgba[3]);
    }
  }
}

// a * b / 255, rounded, without a division.
static inline unsigned scaled(unsigned a, unsigned b) {
  const unsigned product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}

void picture_convert_cmyk(uint8_t *row, uint32_t count, bool is_inverted) {
  const unsigned flip = is_inverted ? 255 : 0;
  for (uint32_t x = 0; x < count; x++) {
    const uint8_t *cmyk = row + 4 * (size_t)x;
    uint8_t *rgb = row + 3 * (size_t)x;
    const unsigned white = 255 - (cmyk[3] ^ flip);
    const unsigned c = cmyk[0] ^ flip, m = cmyk[1] ^ flip, y = cmyk[2] ^ flip;
    rgb[0] = (uint8_t)(white - scaled(c, white));
    rgb[1] = (uint8_t)(white - scaled(m, white));
    rgb[2] = (uint8_t)(white - scaled(y, white));
  }
}

void picture_fill(
    const struct picture_destination *d, uint32_t first, uint32_t end, uint8_t shade) {
  for (uint32_t y = first; y < end; y++) {
    uint8_t *target = picture_row(d, y);
    for (uint32_t x = 0; x < d->width; x++, target += d->x_step) memset(target, shade, 3);
  }
}

void picture_say(struct picture_report *report, const char *message) {
  snprintf(report->message, sizeof report->message, "%s", message);
}
