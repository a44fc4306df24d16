// PNG to RGB and back through libpng.
//
// libpng reports a fatal error by calling a function that must not return, so its caller needs
// setjmp, which Swift cannot call: that is the whole reason for this target. Each function below
// is one complete run of the library. It keeps no state, frees all it took, and never writes
// outside the memory it was given.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "CPicture.h"

// Decodes to RGB of 8 bits: palette and grey expanded, the upper 8 of 16 bits taken, but grey of 16 bits
// without an alpha channel clipped to 255 (both as Pillow does), alpha (and tRNS) composited over white
// after that. Gamma and colour profiles are not applied.
//
// Ancillary chunks with a wrong checksum are left out and a missing IEND is passed over; the report's
// oddities tell. A picture that ends early is `truncated`, unless `accepts_truncated` and at least one
// row is whole: the rows from `first_missing_row` on are grey then.
enum picture_status cpng_decode_rgb(
    const uint8_t *bytes, size_t byte_count, const struct picture_destination *destination,
    bool accepts_truncated, struct picture_report *report);

// Encodes interleaved RGB without row padding.
//
// On success `*encoded` must be given to `cpng_free`.
enum picture_status cpng_encode_rgb(
    const uint8_t *pixels, uint32_t width, uint32_t height, uint8_t **encoded,
    size_t *encoded_count, struct picture_report *report);

void cpng_free(uint8_t *encoded);

// Inflates the beginning of a zlib stream, at most `capacity` bytes (below 4 GiB) of it, as far as it is
// sound; gives how many there are.
size_t cpng_inflate(
    const uint8_t *bytes, size_t byte_count, uint8_t *inflated, size_t capacity);
