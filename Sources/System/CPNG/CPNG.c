#include "CPNG.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

struct run {
  jmp_buf escape;
  enum cpng_status status;
  struct cpng_report *report;
  const uint8_t *bytes;
  size_t byte_count, offset;
  // What the run took by itself: one row, or for interlaced pictures all of them.
  uint8_t *scratch;
  uint8_t *written;
  size_t written_count, written_capacity;
};

static _Noreturn void fail(struct run *run, enum cpng_status status, const char *message) {
  snprintf(run->report->message, sizeof run->report->message, "%s", message);
  run->status = status;
  longjmp(run->escape, 1);
}

static void on_error(png_structp png, png_const_charp message) {
  fail(png_get_error_ptr(png), cpng_status_corrupt, message);
}

static void on_warning(png_structp png, png_const_charp message) {
  (void)message;
  struct run *run = png_get_error_ptr(png);
  run->report->tolerated_warnings++;
}

static void on_read(png_structp png, png_bytep target, size_t count) {
  struct run *run = png_get_io_ptr(png);
  if (count > run->byte_count - run->offset) {
    run->offset = run->byte_count;
    fail(run, cpng_status_truncated, "the bytes end before the IEND chunk");
  }
  memcpy(target, run->bytes + run->offset, count);
  run->offset += count;
}

// Whether each of the picture's four corners, and so each pixel, lies within the destination.
static bool fits(const struct cpng_destination *d) {
  if (d->width == 0 || d->height == 0) return false;
  for (int corner = 0; corner < 4; corner++) {
    const int64_t x = corner & 1 ? d->width - 1 : 0, y = corner & 2 ? d->height - 1 : 0;
    const int64_t at = d->origin + x * d->x_step + y * d->y_step;
    if (at < 0 || at + 3 > (int64_t)d->byte_count) return false;
  }
  return true;
}

// value * alpha + 255 * (255 - alpha), over 255, rounded, without a division.
static inline uint8_t over_white(unsigned value, unsigned alpha) {
  const unsigned sum = value * alpha + 255 * (255 - alpha) + 128;
  return (uint8_t)((sum + (sum >> 8)) >> 8);
}

static void place_row(
    const uint8_t *row, bool has_alpha, uint32_t y, const struct cpng_destination *destination) {
  uint8_t *target =
      destination->pixels + destination->origin + (ptrdiff_t)y * destination->y_step;
  if (has_alpha) {
    for (uint32_t x = 0; x < destination->width; x++, row += 4, target += destination->x_step) {
      for (int channel = 0; channel < 3; channel++) {
        target[channel] = over_white(row[channel], row[3]);
      }
    }
  } else {
    for (uint32_t x = 0; x < destination->width; x++, row += 3, target += destination->x_step) {
      memcpy(target, row, 3);
    }
  }
}

static void decode(
    struct run *run, png_structp png, png_infop info,
    const struct cpng_destination *destination) {
  png_set_read_fn(png, run, on_read);
  png_set_user_limits(png, destination->width, destination->height);
  // Everything but the header, palette, transparency and picture is skipped unread (a negative
  // count means all of them), so compressed text and profiles are never inflated.
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
  png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
  png_read_info(png, info);
  if (png_get_image_width(png, info) != destination->width ||
      png_get_image_height(png, info) != destination->height || !fits(destination)) {
    fail(run, cpng_status_corrupt, "the file states two sizes");
  }
  const bool has_alpha = (png_get_color_type(png, info) & PNG_COLOR_MASK_ALPHA) != 0 ||
      png_get_valid(png, info, PNG_INFO_tRNS) != 0;
  png_set_expand(png);
  png_set_scale_16(png);
  png_set_gray_to_rgb(png);
  const int passes = png_set_interlace_handling(png);
  png_read_update_info(png, info);
  const size_t row_bytes = png_get_rowbytes(png, info);
  if (row_bytes != (has_alpha ? 4 : 3) * (size_t)destination->width) {
    fail(run, cpng_status_corrupt, "a row has an unexpected size");
  }
  const bool direct = !has_alpha && destination->x_step == 3;
  if (!direct) {
    run->scratch = malloc(row_bytes * (passes == 1 ? 1 : destination->height));
    if (run->scratch == NULL) fail(run, cpng_status_out_of_memory, "no memory for the rows");
  }
  for (int pass = 0; pass < passes; pass++) {
    for (uint32_t y = 0; y < destination->height; y++) {
      if (direct) {
        png_read_row(
            png, destination->pixels + destination->origin + (ptrdiff_t)y * destination->y_step,
            NULL);
        continue;
      }
      uint8_t *row = run->scratch + (passes == 1 ? 0 : row_bytes * y);
      png_read_row(png, row, NULL);
      if (pass == passes - 1) place_row(row, has_alpha, y, destination);
    }
  }
  png_read_end(png, NULL);
}

enum cpng_status cpng_decode_rgb(
    const uint8_t *bytes, size_t byte_count, const struct cpng_destination *destination,
    struct cpng_report *report) {
  struct run run;
  memset(&run, 0, sizeof run);
  memset(report, 0, sizeof *report);
  run.report = report;
  run.bytes = bytes;
  run.byte_count = byte_count;
  // Set before setjmp and never after it, so that they keep their values when longjmp returns.
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &run, on_error, on_warning);
  png_infop info = png == NULL ? NULL : png_create_info_struct(png);
  if (info == NULL) {
    png_destroy_read_struct(&png, NULL, NULL);
    return cpng_status_out_of_memory;
  }
  if (setjmp(run.escape) == 0) decode(&run, png, info, destination);
  report->byte_offset = run.offset;
  png_destroy_read_struct(&png, &info, NULL);
  free(run.scratch);
  return run.status;
}

static void on_write(png_structp png, png_bytep source, size_t count) {
  struct run *run = png_get_io_ptr(png);
  if (count > run->written_capacity - run->written_count) {
    const size_t capacity = 2 * run->written_capacity + count;
    uint8_t *larger = realloc(run->written, capacity);
    if (larger == NULL) fail(run, cpng_status_out_of_memory, "no memory to encode into");
    run->written = larger;
    run->written_capacity = capacity;
  }
  memcpy(run->written + run->written_count, source, count);
  run->written_count += count;
}

static void on_flush(png_structp png) { (void)png; }

static void encode(
    struct run *run, png_structp png, png_infop info, const uint8_t *pixels, uint32_t width,
    uint32_t height) {
  png_set_write_fn(png, run, on_write, on_flush);
  png_set_user_limits(png, width, height);
  png_set_IHDR(
      png, info, width, height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
      PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(png, info);
  for (uint32_t y = 0; y < height; y++) png_write_row(png, pixels + 3 * (size_t)width * y);
  png_write_end(png, info);
}

enum cpng_status cpng_encode_rgb(
    const uint8_t *pixels, uint32_t width, uint32_t height, uint8_t **encoded,
    size_t *encoded_count, struct cpng_report *report) {
  struct run run;
  memset(&run, 0, sizeof run);
  memset(report, 0, sizeof *report);
  run.report = report;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &run, on_error, on_warning);
  png_infop info = png == NULL ? NULL : png_create_info_struct(png);
  if (info == NULL) {
    png_destroy_write_struct(&png, NULL);
    return cpng_status_out_of_memory;
  }
  if (setjmp(run.escape) == 0) encode(&run, png, info, pixels, width, height);
  png_destroy_write_struct(&png, &info);
  if (run.status != cpng_status_ok) {
    free(run.written);
    return run.status;
  }
  *encoded = run.written;
  *encoded_count = run.written_count;
  return cpng_status_ok;
}

void cpng_free(uint8_t *encoded) { free(encoded); }
