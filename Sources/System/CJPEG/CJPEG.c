#include "CJPEG.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

// Some cameras pad the entropy-coded data before the end marker. More than this is data that was
// not understood.
static const int maximum_padding = 16;

struct run {
  struct jpeg_error_mgr errors;
  struct jpeg_progress_mgr progress;
  jmp_buf escape;
  enum cjpeg_status status;
  struct cjpeg_report *report;
  int maximum_scans;
  bool decoding;
};

static _Noreturn void fail(j_common_ptr cinfo, enum cjpeg_status status) {
  struct run *run = cinfo->client_data;
  char message[JMSG_LENGTH_MAX];
  cinfo->err->format_message(cinfo, message);
  snprintf(run->report->message, sizeof run->report->message, "%s", message);
  run->status = status;
  longjmp(run->escape, 1);
}

static _Noreturn void fail_saying(
    struct run *run, enum cjpeg_status status, const char *message) {
  snprintf(run->report->message, sizeof run->report->message, "%s", message);
  run->status = status;
  longjmp(run->escape, 1);
}

static void on_error(j_common_ptr cinfo) {
  switch (cinfo->err->msg_code) {
    case JERR_OUT_OF_MEMORY: fail(cinfo, cjpeg_status_out_of_memory);
    case JERR_SOF_UNSUPPORTED:
    case JERR_BAD_PRECISION:
    case JERR_ARITH_NOTIMPL:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_CCIR601_NOTIMPL:
    case JERR_NOTIMPL:
    case JERR_NOT_COMPILED: fail(cinfo, cjpeg_status_unsupported);
    default: fail(cinfo, cjpeg_status_corrupt);
  }
}

// libjpeg carries on after a warning with grey or torn blocks. A detector must not see those, so
// all but the harmless ones end the run.
static void on_message(j_common_ptr cinfo, int level) {
  struct run *run = cinfo->client_data;
  if (level >= 0) return;
  bool tolerated = false;
  switch (cinfo->err->msg_code) {
    case JWRN_JFIF_MAJOR:
    case JWRN_ADOBE_XFORM: tolerated = true; break;
    case JWRN_EXTRANEOUS_DATA: {
      const int count = cinfo->err->msg_parm.i[0], marker = cinfo->err->msg_parm.i[1];
      tolerated = !run->decoding || (marker == JPEG_EOI && count <= maximum_padding);
      break;
    }
    default: break;
  }
  if (!tolerated) fail(cinfo, cjpeg_status_corrupt);
  run->report->tolerated_warnings++;
}

static void on_output(j_common_ptr cinfo) { (void)cinfo; }

static void on_progress(j_common_ptr cinfo) {
  struct run *run = cinfo->client_data;
  if (((j_decompress_ptr)cinfo)->input_scan_number > run->maximum_scans) {
    fail_saying(run, cjpeg_status_too_many_scans, "too many scans");
  }
}

// jpeg_mem_src invents an end marker here; a picture that ends early is an error instead.
static boolean on_end_of_input(j_decompress_ptr cinfo) {
  cinfo->err->msg_code = JERR_INPUT_EOF;
  fail((j_common_ptr)cinfo, cjpeg_status_truncated);
}

static void on_skip(j_decompress_ptr cinfo, long count) {
  if (count <= 0) return;
  if ((size_t)count > cinfo->src->bytes_in_buffer) {
    cinfo->src->next_input_byte += cinfo->src->bytes_in_buffer;
    cinfo->src->bytes_in_buffer = 0;
    on_end_of_input(cinfo);
  }
  cinfo->src->next_input_byte += count;
  cinfo->src->bytes_in_buffer -= (size_t)count;
}

static void set_up(struct run *run, struct cjpeg_report *report) {
  memset(run, 0, sizeof *run);
  memset(report, 0, sizeof *report);
  jpeg_std_error(&run->errors);
  run->errors.error_exit = on_error;
  run->errors.emit_message = on_message;
  run->errors.output_message = on_output;
  run->progress.progress_monitor = on_progress;
  run->report = report;
}

// a * b / 255, rounded, without a division.
static inline unsigned scaled(unsigned a, unsigned b) {
  const unsigned product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}

// R = (255 - K) - C (255 - K) / 255, likewise G with M and B with Y.
static void convert_cmyk(uint8_t *row, uint32_t width, bool inverted) {
  const unsigned flip = inverted ? 255 : 0;
  for (uint32_t x = 0; x < width; x++) {
    const uint8_t *cmyk = row + 4 * (size_t)x;
    uint8_t *rgb = row + 3 * (size_t)x;
    const unsigned white = 255 - (cmyk[3] ^ flip);
    const unsigned c = cmyk[0] ^ flip, m = cmyk[1] ^ flip, y = cmyk[2] ^ flip;
    rgb[0] = (uint8_t)(white - scaled(c, white));
    rgb[1] = (uint8_t)(white - scaled(m, white));
    rgb[2] = (uint8_t)(white - scaled(y, white));
  }
}

// Whether each of the picture's four corners, and so each pixel, lies within the destination.
static bool fits(const struct cjpeg_destination *d) {
  if (d->width == 0 || d->height == 0) return false;
  for (int corner = 0; corner < 4; corner++) {
    const int64_t x = corner & 1 ? d->width - 1 : 0, y = corner & 2 ? d->height - 1 : 0;
    const int64_t at = d->origin + x * d->x_step + y * d->y_step;
    if (at < 0 || at + 3 > (int64_t)d->byte_count) return false;
  }
  return true;
}

enum cjpeg_status cjpeg_decode_rgb(
    const uint8_t *bytes, size_t byte_count, const struct cjpeg_destination *destination,
    int maximum_scans, struct cjpeg_report *report) {
  struct run run;
  struct jpeg_decompress_struct cinfo;
  set_up(&run, report);
  run.maximum_scans = maximum_scans;
  memset(&cinfo, 0, sizeof cinfo);
  cinfo.err = &run.errors;
  cinfo.client_data = &run;
  if (setjmp(run.escape)) {
    if (cinfo.src != NULL) report->byte_offset = byte_count - cinfo.src->bytes_in_buffer;
    jpeg_destroy_decompress(&cinfo);
    return run.status;
  }
  jpeg_create_decompress(&cinfo);
  cinfo.client_data = &run;
  cinfo.progress = &run.progress;
  jpeg_mem_src(&cinfo, bytes, (unsigned long)byte_count);
  cinfo.src->fill_input_buffer = on_end_of_input;
  cinfo.src->skip_input_data = on_skip;
  jpeg_read_header(&cinfo, TRUE);

  if (cinfo.image_width != destination->width || cinfo.image_height != destination->height ||
      !fits(destination)) {
    fail_saying(&run, cjpeg_status_corrupt, "the file states two sizes");
  }
  const bool is_cmyk = cinfo.num_components == 4;
  cinfo.out_color_space = is_cmyk ? JCS_CMYK : JCS_RGB;
  cinfo.dct_method = JDCT_ISLOW;
  cinfo.do_fancy_upsampling = TRUE;
  run.decoding = true;
  jpeg_start_decompress(&cinfo);

  const bool direct = !is_cmyk && destination->x_step == 3;
  JSAMPARRAY scratch = (*cinfo.mem->alloc_sarray)(
      (j_common_ptr)&cinfo, JPOOL_IMAGE, direct ? 1 : 4 * destination->width, 1);
  uint8_t *const first = destination->pixels + destination->origin;
  while (cinfo.output_scanline < cinfo.output_height) {
    uint8_t *target = first + (ptrdiff_t)cinfo.output_scanline * destination->y_step;
    JSAMPROW row = direct ? target : scratch[0];
    jpeg_read_scanlines(&cinfo, &row, 1);
    if (is_cmyk) convert_cmyk(row, destination->width, cinfo.saw_Adobe_marker);
    if (direct) continue;
    for (uint32_t x = 0; x < destination->width; x++, target += destination->x_step) {
      memcpy(target, row + 3 * (size_t)x, 3);
    }
  }
  jpeg_finish_decompress(&cinfo);
  report->byte_offset = byte_count - cinfo.src->bytes_in_buffer;
  jpeg_destroy_decompress(&cinfo);
  return cjpeg_status_ok;
}

enum cjpeg_status cjpeg_encode_rgb(
    const uint8_t *pixels, uint32_t width, uint32_t height, int quality, uint8_t **encoded,
    size_t *encoded_count, struct cjpeg_report *report) {
  struct run run;
  struct jpeg_compress_struct cinfo;
  // Changed by the library between setjmp and longjmp, so it must not live in a register.
  unsigned char *volatile buffer = NULL;
  unsigned char *written = NULL;
  unsigned long written_count = 0;
  set_up(&run, report);
  memset(&cinfo, 0, sizeof cinfo);
  cinfo.err = &run.errors;
  cinfo.client_data = &run;
  if (setjmp(run.escape)) {
    jpeg_destroy_compress(&cinfo);
    free(buffer);
    return run.status;
  }
  jpeg_create_compress(&cinfo);
  cinfo.client_data = &run;
  // Enough but for noise at the highest qualities, where the library takes a larger buffer.
  written_count = 4096 + 2UL * width * height;
  written = buffer = malloc(written_count);
  if (written == NULL) fail_saying(&run, cjpeg_status_out_of_memory, "no memory to encode into");
  jpeg_mem_dest(&cinfo, &written, &written_count);
  cinfo.image_width = width;
  cinfo.image_height = height;
  cinfo.input_components = 3;
  cinfo.in_color_space = JCS_RGB;
  jpeg_set_defaults(&cinfo);
  jpeg_set_quality(&cinfo, quality, TRUE);
  cinfo.optimize_coding = TRUE;
  jpeg_start_compress(&cinfo, TRUE);
  while (cinfo.next_scanline < cinfo.image_height) {
    JSAMPROW row = (JSAMPROW)(pixels + 3 * (size_t)width * cinfo.next_scanline);
    jpeg_write_scanlines(&cinfo, &row, 1);
  }
  jpeg_finish_compress(&cinfo);
  jpeg_destroy_compress(&cinfo);
  if (written != buffer) free(buffer);
  *encoded = written;
  *encoded_count = written_count;
  return cjpeg_status_ok;
}

void cjpeg_free(uint8_t *encoded) { free(encoded); }
