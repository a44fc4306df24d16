#include "CJPEG.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

struct run {
  struct jpeg_error_mgr errors;
  struct jpeg_progress_mgr progress;
  jmp_buf escape;
  enum picture_status status;
  struct picture_report *report;
  int maximum_scans;
  bool accepts_truncated;
  // Whether the headers before the first scan are read.
  bool is_decoding;
  // Whether the bytes ran out and the library was given an end marker instead.
  bool has_ended;
  // Whether data were missing where pixels needed them.
  bool is_cut;
  // Whether every pixel is written, so that nothing that follows can harm.
  bool is_done;
};

static _Noreturn void fail_saying(
    struct run *run, enum picture_status status, const char *message) {
  // Whatever the library makes of an end marker that the file does not have, the cause is the cut.
  if (run->has_ended && status == picture_status_corrupt) status = picture_status_truncated;
  picture_say(run->report, message);
  run->status = status;
  if (run->is_done && status != picture_status_out_of_memory) {
    run->report->oddities |= picture_oddity_missing_end;
    run->report->message[0] = 0;
    run->status = picture_status_ok;
  }
  longjmp(run->escape, 1);
}

static _Noreturn void fail(j_common_ptr cinfo, enum picture_status status) {
  char message[JMSG_LENGTH_MAX];
  cinfo->err->format_message(cinfo, message);
  fail_saying(cinfo->client_data, status, message);
}

static void on_error(j_common_ptr cinfo) {
  switch (cinfo->err->msg_code) {
    case JERR_OUT_OF_MEMORY: fail(cinfo, picture_status_out_of_memory);
    case JERR_SOF_UNSUPPORTED:
    case JERR_BAD_PRECISION:
    case JERR_ARITH_NOTIMPL:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_CCIR601_NOTIMPL:
    case JERR_NOTIMPL:
    case JERR_NOT_COMPILED: fail(cinfo, picture_status_unsupported);
    default: fail(cinfo, picture_status_corrupt);
  }
}

// Data that a pixel needs are missing: the first row that is not whole is noted. Rows that are
// upsampled with the help of the row below lack that one, too.
static void on_missing_data(j_decompress_ptr cinfo) {
  struct run *run = cinfo->client_data;
  const bool has_end = run->has_ended || cinfo->unread_marker == JPEG_EOI;
  if (!run->accepts_truncated || !has_end) {
    fail((j_common_ptr)cinfo,
         run->has_ended ? picture_status_truncated : picture_status_corrupt);
  }
  uint32_t row = cinfo->input_iMCU_row * cinfo->max_v_samp_factor * DCTSIZE;
  if (row == 0 && cinfo->input_scan_number <= 1) {
    fail((j_common_ptr)cinfo, picture_status_truncated);
  }
  if (cinfo->max_v_samp_factor > 1 && row > 0) row--;
  run->is_cut = true;
  run->report->oddities |= picture_oddity_truncated;
  run->report->first_missing_row = row;
}

// libjpeg carries on after a warning with grey or torn blocks. A detector must not see those, so
// all end the run but those that leave every pixel what it was.
static void on_message(j_common_ptr cinfo, int level) {
  struct run *run = cinfo->client_data;
  if (level >= 0 || run->is_cut) return;
  switch (cinfo->err->msg_code) {
    case JWRN_JFIF_MAJOR:
    case JWRN_ADOBE_XFORM: return;
    case JWRN_EXTRANEOUS_DATA:
      // The interval before was decoded whole; what stands behind it is no pixel's.
      run->report->oddities |= picture_oddity_extraneous_bytes;
      run->report->extraneous_bytes += (size_t)cinfo->err->msg_parm.i[0];
      return;
    case JWRN_NOT_SEQUENTIAL:
      // Sequential scans have no use for these parameters.
      run->report->oddities |= picture_oddity_scan_parameters;
      return;
    case JWRN_HIT_MARKER:
      if (cinfo->is_decompressor) {
        on_missing_data((j_decompress_ptr)cinfo);
        return;
      }
      break;
    default: break;
  }
  fail(cinfo, picture_status_corrupt);
}

static void on_output(j_common_ptr cinfo) { (void)cinfo; }

static void on_progress(j_common_ptr cinfo) {
  struct run *run = cinfo->client_data;
  if (((j_decompress_ptr)cinfo)->input_scan_number > run->maximum_scans) {
    fail_saying(run, picture_status_too_many_scans, "too many scans");
  }
}

// An end marker takes the place of what is missing. If a pixel needs more than there was, the
// library warns of it, which tells a picture that is cut from one that merely has no end.
static boolean on_end_of_input(j_decompress_ptr cinfo) {
  static const JOCTET end[2] = {0xFF, JPEG_EOI};
  struct run *run = cinfo->client_data;
  if (!run->is_decoding) {
    cinfo->err->msg_code = JERR_INPUT_EOF;
    fail((j_common_ptr)cinfo, picture_status_truncated);
  }
  run->has_ended = true;
  cinfo->src->next_input_byte = end;
  cinfo->src->bytes_in_buffer = sizeof end;
  return TRUE;
}

static void on_skip(j_decompress_ptr cinfo, long count) {
  if (count <= 0) return;
  if ((size_t)count > cinfo->src->bytes_in_buffer) {
    on_end_of_input(cinfo);
    return;
  }
  cinfo->src->next_input_byte += count;
  cinfo->src->bytes_in_buffer -= (size_t)count;
}

static void set_up(struct run *run, struct picture_report *report) {
  memset(run, 0, sizeof *run);
  memset(report, 0, sizeof *report);
  jpeg_std_error(&run->errors);
  run->errors.error_exit = on_error;
  run->errors.emit_message = on_message;
  run->errors.output_message = on_output;
  run->progress.progress_monitor = on_progress;
  run->report = report;
}

// Whether every component's data came, and in a progressive picture the last bit of every
// coefficient. Asked where the end marker is missing: a whole scan may be, too.
static bool has_all_scans(j_decompress_ptr cinfo) {
  for (int component = 0; component < cinfo->num_components; component++) {
    if (cinfo->comp_info[component].quant_table == NULL) return false;
    if (cinfo->coef_bits == NULL) continue;
    for (int coefficient = 0; coefficient < DCTSIZE2; coefficient++) {
      if (cinfo->coef_bits[component][coefficient] != 0) return false;
    }
  }
  return true;
}

static void check_scans(struct run *run, j_decompress_ptr cinfo) {
  if (!run->has_ended || run->is_cut || !jpeg_has_multiple_scans(cinfo)) return;
  if (has_all_scans(cinfo)) return;
  if (!run->accepts_truncated) {
    fail_saying(run, picture_status_truncated, "the bytes end before the last scan");
  }
  run->is_cut = true;
  run->report->oddities |= picture_oddity_truncated;
  run->report->first_missing_row = 0;
}

static enum picture_status decode(
    const uint8_t *bytes, size_t byte_count, const struct picture_destination *destination,
    int maximum_scans, bool accepts_truncated, struct picture_report *report) {
  struct run run;
  struct jpeg_decompress_struct cinfo;
  set_up(&run, report);
  run.maximum_scans = maximum_scans;
  run.accepts_truncated = accepts_truncated;
  report->first_missing_row = destination->height;
  memset(&cinfo, 0, sizeof cinfo);
  cinfo.err = &run.errors;
  cinfo.client_data = &run;
  if (setjmp(run.escape)) {
    if (cinfo.src != NULL && !run.has_ended) {
      report->byte_offset = byte_count - cinfo.src->bytes_in_buffer;
    } else {
      report->byte_offset = byte_count;
    }
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
      !picture_fits(destination)) {
    fail_saying(&run, picture_status_corrupt, "the file states two sizes");
  }
  const bool is_cmyk = cinfo.num_components == 4;
  cinfo.out_color_space = is_cmyk ? JCS_CMYK : JCS_RGB;
  cinfo.dct_method = JDCT_ISLOW;
  cinfo.do_fancy_upsampling = TRUE;
  run.is_decoding = true;
  jpeg_start_decompress(&cinfo);
  check_scans(&run, &cinfo);

  const bool direct = !is_cmyk && picture_is_direct(destination);
  JSAMPARRAY scratch = (*cinfo.mem->alloc_sarray)(
      (j_common_ptr)&cinfo, JPOOL_IMAGE, direct ? 1 : 4 * destination->width, 1);
  while (cinfo.output_scanline < cinfo.output_height) {
    const uint32_t y = cinfo.output_scanline;
    JSAMPROW row = direct ? picture_row(destination, y) : scratch[0];
    jpeg_read_scanlines(&cinfo, &row, 1);
    if (is_cmyk) picture_convert_cmyk(row, destination->width, true);
    if (!direct) picture_place_rgb(destination, 0, y, destination->width, row);
  }
  if (run.is_cut && !jpeg_has_multiple_scans(&cinfo)) {
    picture_fill(
        destination, report->first_missing_row, destination->height, picture_missing);
  }
  run.is_done = true;
  jpeg_finish_decompress(&cinfo);
  if (run.has_ended && !run.is_cut) report->oddities |= picture_oddity_missing_end;
  report->byte_offset = run.has_ended ? byte_count : byte_count - cinfo.src->bytes_in_buffer;
  jpeg_destroy_decompress(&cinfo);
  return picture_status_ok;
}

// Where the last scan's data end, in a file whose markers are followed as far as they make sense.
static size_t end_of_scans(const uint8_t *bytes, size_t byte_count) {
  size_t at = 2, end = 0;
  while (byte_count - at >= 4) {
    if (bytes[at] != 0xFF) break;
    const uint8_t marker = bytes[at + 1];
    if (marker == 0xFF) {
      at++;
      continue;
    }
    // Frames, tables, scans, application data and comments have a length; others are not followed.
    if (marker < 0xC0 || (marker >= 0xD0 && marker <= 0xD9) || (marker > 0xEF && marker != 0xFE)) {
      break;
    }
    const size_t length = (size_t)bytes[at + 2] << 8 | bytes[at + 3];
    if (length < 2 || length > byte_count - at - 2) break;
    at += 2 + length;
    if (marker != 0xDA) continue;
    while (at < byte_count) {
      const uint8_t *next = memchr(bytes + at, 0xFF, byte_count - at);
      at = next == NULL ? byte_count : (size_t)(next - bytes);
      if (byte_count - at < 2) break;
      const uint8_t follower = bytes[at + 1];
      if (follower != 0 && (follower < 0xD0 || follower > 0xD7)) break;
      at += 2;
    }
    end = at;
  }
  return end;
}

enum picture_status cjpeg_decode_rgb(
    const uint8_t *bytes, size_t byte_count, const struct picture_destination *destination,
    int maximum_scans, bool accepts_truncated, struct picture_report *report) {
  enum picture_status status =
      decode(bytes, byte_count, destination, maximum_scans, accepts_truncated, report);
  if (status != picture_status_corrupt && status != picture_status_truncated) return status;
  // A picture in several scans is read to its end before a pixel is made. Where that fails, what
  // follows the last scan may be no part of it: a trailer instead of the end marker.
  const size_t end = end_of_scans(bytes, byte_count);
  if (end == 0 || end >= report->byte_offset) return status;
  struct picture_report second;
  if (decode(bytes, end, destination, maximum_scans, accepts_truncated, &second) !=
      picture_status_ok) {
    return status;
  }
  *report = second;
  return picture_status_ok;
}

enum picture_status cjpeg_encode_rgb(
    const uint8_t *pixels, uint32_t width, uint32_t height, int quality, uint8_t **encoded,
    size_t *encoded_count, struct picture_report *report) {
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
  if (written == NULL) fail_saying(&run, picture_status_out_of_memory, "no memory to encode into");
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
  return picture_status_ok;
}

void cjpeg_free(uint8_t *encoded) { free(encoded); }
