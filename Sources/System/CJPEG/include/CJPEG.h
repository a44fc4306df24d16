// JPEG to RGB and back through libjpeg(-turbo).
//
// libjpeg reports a fatal error by calling a function that must not return, so its caller needs
// setjmp, which Swift cannot call: that is the whole reason for this target. Each function below
// is one complete run of the library. It keeps no state, frees all it took, and never writes
// outside the memory it was given.
#pragma once

#include <stddef.h>
#include <stdint.h>

// How a run ended.
enum cjpeg_status {
  cjpeg_status_ok = 0,
  // The bytes ended before the picture's end marker.
  cjpeg_status_truncated,
  // The bytes break the format, or do not decode to a whole picture.
  cjpeg_status_corrupt,
  // A well-formed file that the library does not decode.
  cjpeg_status_unsupported,
  // More scans than `maximum_scans`.
  cjpeg_status_too_many_scans,
  cjpeg_status_out_of_memory,
};

// What a run has to say; filled in on success too.
struct cjpeg_report {
  // Warnings of the library that do not harm the picture.
  int tolerated_warnings;
  // How many of the bytes were consumed when the run ended.
  size_t byte_offset;
  // The library's own words, zero-terminated; empty on success.
  char message[200];
};

// Where the pixels go. The first byte of the stored pixel (x, y) is
// `pixels[origin + x * x_step + y * y_step]`, which expresses the eight EXIF orientations.
struct cjpeg_destination {
  uint8_t *pixels;
  size_t byte_count;
  // The stored size, as the caller read it from the header: another size is `corrupt`.
  uint32_t width, height;
  ptrdiff_t origin, x_step, y_step;
};

// Decodes to RGB; grey is repeated, CMYK and YCCK are converted (inverted first where there is an
// Adobe marker, because Adobe's programs store them so).
//
// The slow integer DCT and triangular ("fancy") upsampling are used: the library's defaults.
enum cjpeg_status cjpeg_decode_rgb(
    const uint8_t *bytes, size_t byte_count, const struct cjpeg_destination *destination,
    int maximum_scans, struct cjpeg_report *report);

// Encodes interleaved RGB without row padding at a quality of 1 to 100.
//
// On success `*encoded` must be given to `cjpeg_free`.
enum cjpeg_status cjpeg_encode_rgb(
    const uint8_t *pixels, uint32_t width, uint32_t height, int quality, uint8_t **encoded,
    size_t *encoded_count, struct cjpeg_report *report);

void cjpeg_free(uint8_t *encoded);
