// TIFF to RGB through libtiff.
//
// libtiff reports what it finds through callbacks with arguments of varying number, which Swift cannot
// be called with. The function below is one complete run of the library. It keeps no state, frees all it
// took, prints nothing, and never writes outside the memory it was given.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "CPicture.h"

// What a sample is.
enum ctiff_kind {
  // Shades of grey; `is_inverted` where 0 is white.
  ctiff_kind_grey,
  ctiff_kind_palette,
  ctiff_kind_rgb,
  ctiff_kind_cmyk,
  // YCbCr in JPEG, which its library turns into RGB.
  ctiff_kind_jpeg_ycc,
};

// What becomes of a sample behind those of the colour.
enum ctiff_alpha {
  ctiff_alpha_none,
  // Composited over white.
  ctiff_alpha_straight,
  // Multiplied into the colour already.
  ctiff_alpha_multiplied,
};

// How the caller read the directory of the page: another statement of the file is `corrupt`.
struct ctiff_layout {
  uint32_t page;
  enum ctiff_kind kind;
  enum ctiff_alpha alpha;
  bool is_inverted;
  // Samples a pixel, and bits of one: 1, 2, 4, 8 or 16.
  uint16_t samples, bits;
};

// Decodes one page to RGB of 8 bits: the upper 8 of 16 bits are taken, but grey of 16 bits is clipped to
// 255, as Pillow does.
//
// A page whose data end early is `truncated`, unless `accepts_truncated` and at least one row is whole: the
// rows from `first_missing_row` on are grey then.
enum picture_status ctiff_decode_rgb(
    const uint8_t *bytes, size_t byte_count, const struct ctiff_layout *layout,
    const struct picture_destination *destination, bool accepts_truncated,
    struct picture_report *report);
