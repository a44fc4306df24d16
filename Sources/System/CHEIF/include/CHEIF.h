// AVIF and HEIC to RGB through libheif.
//
// Each function below is one complete run of the library. It keeps no state, frees all it took, and
// never writes outside the memory it was given.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "CPicture.h"

// What the file says of its primary picture, turned and cropped as it says.
struct cheif_header {
  uint32_t width, height;
  // Bits of a sample.
  int bits;
  bool has_alpha;
};

// Reads the boxes of a file; no picture is decoded.
enum picture_status cheif_read_header(
    const uint8_t *bytes, size_t byte_count, struct cheif_header *header,
    struct picture_report *report);

// Decodes the primary picture to RGB of 8 bits, alpha composited over white.
//
// `spreads_chroma`: chroma that is halved is put between its neighbours, as libavif does, and not
// left to libheif.
enum picture_status cheif_decode_rgb(
    const uint8_t *bytes, size_t byte_count, const struct picture_destination *destination,
    bool spreads_chroma, struct picture_report *report);
