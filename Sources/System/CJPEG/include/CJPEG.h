// JPEG to RGB and back through libjpeg(-turbo).
//
// libjpeg reports a fatal error by calling a function that must not return, so its caller needs
// setjmp, which Swift cannot call: that is the whole reason for this target. Each function below
// is one complete run of the library. It keeps no state, frees all it took, and never writes
// outside the memory it was given.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "CPicture.h"

// Decodes to RGB; grey is repeated, CMYK and YCCK are inverted and converted, whether an Adobe marker
// says that they are stored so or not: that is what Pillow takes for granted.
//
// The slow integer DCT and triangular ("fancy") upsampling are used: the library's defaults. A file
// whose every pixel is there is decoded however odd it is otherwise; the report's oddities tell. One
// whose data end early is `truncated`, unless `accepts_truncated`, where the rows from
// `first_missing_row` on are grey or, of a picture in several scans, coarse.
enum picture_status cjpeg_decode_rgb(
    const uint8_t *bytes, size_t byte_count, const struct picture_destination *destination,
    int maximum_scans, bool accepts_truncated, struct picture_report *report);

// Encodes interleaved RGB without row padding at a quality of 1 to 100.
//
// On success `*encoded` must be given to `cjpeg_free`.
enum picture_status cjpeg_encode_rgb(
    const uint8_t *pixels, uint32_t width, uint32_t height, int quality, uint8_t **encoded,
    size_t *encoded_count, struct picture_report *report);

void cjpeg_free(uint8_t *encoded);
