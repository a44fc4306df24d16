#include "CPNG.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>
#include <zlib.h>

struct run {
  jmp_buf escape;
  enum picture_status status;
  struct picture_report *report;
  const uint8_t *bytes;
  size_t byte_count, offset;
  // What the run took by itself: one row, or for interlaced pictures all of them.
  uint8_t *scratch;
  uint8_t *written;
  size_t written_count, written_capacity;
  bool accepts_truncated;
  // The pass and the row that are being read, or what follows the last one.
  int pass, passes;
  uint32_t row;
};

static _Noreturn void fail(struct run *run, enum picture_status status, const char *message) {
  picture_say(run->report, message);
  run->status = status;
  longjmp(run->escape, 1);
}

static void on_error(png_structp png, png_const_charp message) {
  fail(png_get_error_ptr(png), picture_status_corrupt, message);
}

static void on_warning(png_structp png, png_const_charp message) {
  struct run *run = png_get_error_ptr(png);
  if (strstr(message, "CRC error") == NULL) return;
  // The words begin with the chunk's name; the first one is told.
  if (!(run->report->oddities & picture_oddity_checksum)) picture_say(run->report, message);
  run->report->oddities |= picture_oddity_checksum;
}

static void on_read(png_structp png, png_bytep target, size_t count) {
  struct run *run = png_get_io_ptr(png);
  if (count > run->byte_count - run->offset) {
    run->offset = run->byte_count;
    fail(run, picture_status_truncated, "the bytes end before the IEND chunk");
  }
  memcpy(target, run->bytes + run->offset, count);
  run->offset += count;
}

static void place_row(
    const uint8_t *row, bool has_alpha, uint32_t y, const struct picture_destination *destination) {
  if (has_alpha) {
    picture_place_rgba(destination, 0, y, destination->width, row);
  } else {
    picture_place_rgb(destination, 0, y, destination->width, row);
  }
}

// Grey of 16 bits, most significant byte first, perhaps with alpha; what exceeds 255 becomes 255.
static void place_grey_16(
    struct run *run, const uint8_t *row, bool has_alpha, uint32_t y,
    const struct picture_destination *destination) {
  uint8_t *target = picture_row(destination, y);
  for (uint32_t x = 0; x < destination->width; x++, target += destination->x_step) {
    const uint8_t shade = row[0] ? 255 : row[1];
    run->report->clipped_samples += row[0] != 0;
    // Alpha is that of tRNS: all or nothing.
    memset(target, has_alpha && row[2] == 0 ? 255 : shade, 3);
    row += has_alpha ? 4 : 2;
  }
}

static void decode(
    struct run *run, png_structp png, png_infop info,
    const struct picture_destination *destination) {
  png_set_read_fn(png, run, on_read);
  png_set_user_limits(png, destination->width, destination->height);
  // Everything but the header, palette, transparency and picture is skipped unread (a negative
  // count means all of them), so compressed text and profiles are never inflated.
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
  png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_WARN_DISCARD);
  // Of a picture that is cut, no row is given up because it shares its block with the cut.
  if (run->accepts_truncated) png_set_compression_buffer_size(png, 16);
  png_read_info(png, info);
  if (png_get_image_width(png, info) != destination->width ||
      png_get_image_height(png, info) != destination->height || !picture_fits(destination)) {
    fail(run, picture_status_corrupt, "the file states two sizes");
  }
  const bool has_alpha = (png_get_color_type(png, info) & PNG_COLOR_MASK_ALPHA) != 0 ||
      png_get_valid(png, info, PNG_INFO_tRNS) != 0;
  // 16 bits as Pillow has them: the upper ones of colours, but grey that is all there is, is clipped.
  const bool is_grey_16 = png_get_color_type(png, info) == PNG_COLOR_TYPE_GRAY &&
      png_get_bit_depth(png, info) == 16;
  png_set_expand(png);
  if (!is_grey_16) {
    png_set_strip_16(png);
    png_set_gray_to_rgb(png);
  }
  const int passes = png_set_interlace_handling(png);
  png_read_update_info(png, info);
  const size_t row_bytes = png_get_rowbytes(png, info);
  const size_t pixel_bytes = is_grey_16 ? (has_alpha ? 4 : 2) : (has_alpha ? 4 : 3);
  if (row_bytes != pixel_bytes * destination->width) {
    fail(run, picture_status_corrupt, "a row has an unexpected size");
  }
  const bool direct = !is_grey_16 && !has_alpha && picture_is_direct(destination);
  if (!direct) {
    run->scratch = malloc(row_bytes * (passes == 1 ? 1 : destination->height));
    if (run->scratch == NULL) fail(run, picture_status_out_of_memory, "no memory for the rows");
  }
  run->passes = passes;
  for (run->pass = 0; run->pass < passes; run->pass++) {
    for (run->row = 0; run->row < destination->height; run->row++) {
      const uint32_t y = run->row;
      if (direct) {
        png_read_row(png, picture_row(destination, y), NULL);
        continue;
      }
      uint8_t *row = run->scratch + (passes == 1 ? 0 : row_bytes * y);
      png_read_row(png, row, NULL);
      if (run->pass < passes - 1) continue;
      if (is_grey_16) {
        place_grey_16(run, row, has_alpha, y, destination);
      } else {
        place_row(row, has_alpha, y, destination);
      }
    }
  }
  png_read_end(png, NULL);
}

// What becomes of a file that ends early: one that lacks its end only, or rows that are asked for.
static void settle_truncation(struct run *run, const struct picture_destination *destination) {
  if (run->passes > 0 && run->pass == run->passes) {
    run->report->oddities |= picture_oddity_missing_end;
    run->report->message[0] = 0;
    run->status = picture_status_ok;
    return;
  }
  // Rows of the last pass are whole; before it, no odd row has anything.
  const uint32_t whole = run->passes > 0 && run->pass == run->passes - 1 ? run->row : 0;
  if (!run->accepts_truncated || whole == 0) return;
  picture_fill(destination, whole, destination->height, picture_missing);
  run->report->oddities |= picture_oddity_truncated;
  run->report->first_missing_row = whole;
  run->report->message[0] = 0;
  run->status = picture_status_ok;
}

enum picture_status cpng_decode_rgb(
    const uint8_t *bytes, size_t byte_count, const struct picture_destination *destination,
    bool accepts_truncated, struct picture_report *report) {
  struct run run;
  memset(&run, 0, sizeof run);
  memset(report, 0, sizeof *report);
  run.report = report;
  run.bytes = bytes;
  run.byte_count = byte_count;
  run.accepts_truncated = accepts_truncated;
  report->first_missing_row = destination->height;
  // Set before setjmp and never after it, so that they keep their values when longjmp returns.
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &run, on_error, on_warning);
  png_infop info = png == NULL ? NULL : png_create_info_struct(png);
  if (info == NULL) {
    png_destroy_read_struct(&png, NULL, NULL);
    return picture_status_out_of_memory;
  }
  if (setjmp(run.escape) == 0) decode(&run, png, info, destination);
  report->byte_offset = run.offset;
  png_destroy_read_struct(&png, &info, NULL);
  free(run.scratch);
  if (run.status == picture_status_truncated) settle_truncation(&run, destination);
  return run.status;
}

static void on_write(png_structp png, png_bytep source, size_t count) {
  struct run *run = png_get_io_ptr(png);
  if (count > run->written_capacity - run->written_count) {
    const size_t capacity = 2 * run->written_capacity + count;
    uint8_t *larger = realloc(run->written, capacity);
    if (larger == NULL) fail(run, picture_status_out_of_memory, "no memory to encode into");
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

enum picture_status cpng_encode_rgb(
    const uint8_t *pixels, uint32_t width, uint32_t height, uint8_t **encoded,
    size_t *encoded_count, struct picture_report *report) {
  struct run run;
  memset(&run, 0, sizeof run);
  memset(report, 0, sizeof *report);
  run.report = report;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &run, on_error, on_warning);
  png_infop info = png == NULL ? NULL : png_create_info_struct(png);
  if (info == NULL) {
    png_destroy_write_struct(&png, NULL);
    return picture_status_out_of_memory;
  }
  if (setjmp(run.escape) == 0) encode(&run, png, info, pixels, width, height);
  png_destroy_write_struct(&png, &info);
  if (run.status != picture_status_ok) {
    free(run.written);
    return run.status;
  }
  *encoded = run.written;
  *encoded_count = run.written_count;
  return picture_status_ok;
}

void cpng_free(uint8_t *encoded) { free(encoded); }

size_t cpng_inflate(
    const uint8_t *bytes, size_t byte_count, uint8_t *inflated, size_t capacity) {
  z_stream stream;
  memset(&stream, 0, sizeof stream);
  if (inflateInit(&stream) != Z_OK) return 0;
  stream.next_in = (uint8_t *)bytes;
  stream.avail_in = byte_count > UINT32_MAX ? UINT32_MAX : (uInt)byte_count;
  stream.next_out = inflated;
  stream.avail_out = (uInt)capacity;
  inflate(&stream, Z_SYNC_FLUSH);
  const size_t count = capacity - stream.avail_out;
  inflateEnd(&stream);
  return count;
}
