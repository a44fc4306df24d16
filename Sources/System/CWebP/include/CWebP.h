// WebP to RGB and back through libwebp.
//
// Each function below is one complete run of the library. It keeps no state, frees all it took, and
// never writes outside the memory it was given.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "CPicture.h"

// Which part of the picture a frame fills; the whole of it, unless it is one of an animation.
struct cwebp_frame {
  uint32_t x, y, width, height;
};

// Decodes one frame to RGB, alpha composited over white, which is also what a frame leaves uncovered.
//
// `bytes` are a whole file, or the ALPH, VP8 and VP8L chunks of one frame. A frame of another size than
// stated is `corrupt`. One that ends early is `truncated`, unless `accepts_truncated` and at least one row
// is whole: the rows from `first_missing_row` on are grey then.
enum picture_status cwebp_decode_rgb(
    const uint8_t *bytes, size_t byte_count, const struct cwebp_frame *frame,
    const struct picture_destination *destination, bool accepts_truncated,
    struct picture_report *report);

// Encodes interleaved RGB without row padding, lossy, at a quality of 1 to 100.
//
// On success `*encoded` must be given to `cwebp_free`.
enum picture_status cwebp_encode_rgb(
    const uint8_t *pixels, uint32_t width, uint32_t height, int quality, uint8_t **encoded,
    size_t *encoded_count);

void cwebp_free(uint8_t *encoded);
