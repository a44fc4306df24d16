// PNG to RGB and back through libpng.
//
// libpng reports a fatal error by calling a function that must not return, so its caller needs
// setjmp, which Swift cannot call: that is the whole reason for this target. Each function below
// is one complete run of the library. It keeps no state, frees all it took, and never writes
// outside the memory it was given.
#pragma once

#include <stddef.h>
#include <stdint.h>

// How a run ended.
enum cpng_status {
  cpng_status_ok = 0,
  // The bytes ended before the IEND chunk.
  cpng_status_truncated,
  // The bytes break the format: a wrong checksum, bad compressed data, chunks out of order.
  cpng_status_corrupt,
  cpng_status_out_of_memory,
};

// What a run has to say; filled in on success too.
struct cpng_report {
  // Warnings of the library: oddities that do not harm the picture.
  int tolerated_warnings;
  // How many of the bytes were consumed when the run ended.
  size_t byte_offset;
  // The library's own words, zero-terminated; empty on success.
  char message[200];
};

// Where the pixels go. The first byte of the stored pixel (x, y) is
// `pixels[origin + x * x_step + y * y_step]`, which expresses the eight EXIF orientations.
struct cpng_destination {
  uint8_t *pixels;
  size_t byte_count;
  // The stored size, as the caller read it from the header: another size is `corrupt`.
  uint32_t width, height;
  ptrdiff_t origin, x_step, y_step;
};

// Decodes to RGB of 8 bits: palette and grey expanded, 16 bits rounded to the nearest of 8, alpha
// (and tRNS) composited over white after that. Gamma and colour profiles are not applied.
enum cpng_status cpng_decode_rgb(
    const uint8_t *bytes, size_t byte_count, const struct cpng_destination *destination,
    struct cpng_report *report);

// Encodes interleaved RGB without row padding.
//
// On success `*encoded` must be given to `cpng_free`.
enum cpng_status cpng_encode_rgb(
    const uint8_t *pixels, uint32_t width, uint32_t height, uint8_t **encoded,
    size_t *encoded_count, struct cpng_report *report);

void cpng_free(uint8_t *encoded);
