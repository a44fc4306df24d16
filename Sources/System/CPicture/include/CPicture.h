// What the C libraries' shims of all picture formats share: where pixels go, how a run ended, and what
// it has to say.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// How a run ended.
enum picture_status {
  picture_status_ok = 0,
  // The bytes ended before the picture did.
  picture_status_truncated,
  // The bytes break the format, or do not decode to a whole picture.
  picture_status_corrupt,
  // A well-formed file of a kind that is not decoded.
  picture_status_unsupported,
  // More passes over the picture than are allowed.
  picture_status_too_many_scans,
  picture_status_out_of_memory,
};

// What was odd about a file whose pixels are all there; bits of `picture_report.oddities`.
enum picture_oddity {
  // The library warned of something that harms nothing.
  picture_oddity_harmless = 1 << 0,
  // Bytes that belong to no pixel stood before a marker.
  picture_oddity_extraneous_bytes = 1 << 1,
  // A scan's header states parameters that are not those of its kind.
  picture_oddity_scan_parameters = 1 << 2,
  // The file ends without saying so.
  picture_oddity_missing_end = 1 << 3,
  // A chunk that no pixel needs has a wrong checksum and was left out.
  picture_oddity_checksum = 1 << 4,
  // The bytes end before the picture does, and what is there was asked for.
  picture_oddity_truncated = 1 << 5,
};

// What a run has to say; filled in on success too.
struct picture_report {
  // A set of `picture_oddity`.
  uint32_t oddities;
  // How many bytes belong to nothing.
  size_t extraneous_bytes;
  // The first stored row that is not whole, where the picture is cut and what is there was asked for.
  uint32_t first_missing_row;
  // How many samples were larger than what they are cut to.
  uint64_t clipped_samples;
  // About where in the file the run ended.
  size_t byte_offset;
  // The library's own words, zero-terminated; empty on success.
  char message[200];
};

// Where the pixels go. The first byte of the stored pixel (x, y) is
// `pixels[origin + x * x_step + y * y_step]`, which expresses the eight EXIF orientations.
struct picture_destination {
  uint8_t *pixels;
  size_t byte_count;
  // The stored size, as the caller read it from the header: another size is `corrupt`.
  uint32_t width, height;
  ptrdiff_t origin, x_step, y_step;
};

// Whether each of the picture's four corners, and so each pixel, lies within the destination.
bool picture_fits(const struct picture_destination *destination);

// Whether a stored row can be written where it belongs in one piece.
static inline bool picture_is_direct(const struct picture_destination *destination) {
  return destination->x_step == 3;
}

// The first byte of a stored row.
static inline uint8_t *picture_row(const struct picture_destination *destination, uint32_t y) {
  return destination->pixels + destination->origin + (ptrdiff_t)y * destination->y_step;
}

// Places `count` RGB pixels of row `y`, the first of which is (x, y).
void picture_place_rgb(
    const struct picture_destination *destination, uint32_t x, uint32_t y, uint32_t count,
    const uint8_t *rgb);

// Places RGBA pixels, alpha not multiplied in, composited over white with rounding.
void picture_place_rgba(
    const struct picture_destination *destination, uint32_t x, uint32_t y, uint32_t count,
    const uint8_t *rgba);

// Makes RGB of CMYK in place, where 255 is full ink:
// R = (255 - K) - C (255 - K) / 255, likewise G with M and B with Y, rounded.
void picture_convert_cmyk(uint8_t *row, uint32_t count, bool is_inverted);

// What stands for the missing rows of a picture that is cut: mid-grey.
static const uint8_t picture_missing = 128;

// Fills rows from `first` up to `end` with a shade of grey.
void picture_fill(
    const struct picture_destination *destination, uint32_t first, uint32_t end, uint8_t shade);

// Keeps the words of a library, and the status.
void picture_say(struct picture_report *report, const char *message);
