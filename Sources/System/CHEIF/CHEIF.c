// Built where the package trait HEIF is on.
#ifdef FRCNN_HEIF

// memmem.
#define _GNU_SOURCE

#include "CHEIF.h"

#include <string.h>

#include <libheif/heif.h>

#include "ycbcr.h"

// Coded pictures are padded to whole blocks; more than that beyond the stated size is a lie.
static const int maximum_padding = 128;

struct run {
  struct heif_context *context;
  struct heif_image_handle *handle;
  struct heif_image *image;
  struct heif_decoding_options *options;
};

static void clean_up(struct run *run) {
  if (run->image != NULL) heif_image_release(run->image);
  if (run->options != NULL) heif_decoding_options_free(run->options);
  if (run->handle != NULL) heif_image_handle_release(run->handle);
  if (run->context != NULL) heif_context_free(run->context);
}

static enum picture_status status_of(struct heif_error error, struct picture_report *report) {
  picture_say(report, error.message == NULL ? "" : error.message);
  switch (error.code) {
    case heif_error_Ok: return picture_status_ok;
    case heif_error_Memory_allocation_error:
      return error.subcode == heif_suberror_Security_limit_exceeded ? picture_status_corrupt
                                                                    : picture_status_out_of_memory;
    case heif_error_Unsupported_filetype:
    case heif_error_Unsupported_feature: return picture_status_unsupported;
    case heif_error_Invalid_input:
      return error.subcode == heif_suberror_End_of_data ? picture_status_truncated
                                                        : picture_status_corrupt;
    default: return picture_status_corrupt;
  }
}

static enum picture_status open_file(
    struct run *run, const uint8_t *bytes, size_t byte_count, struct picture_report *report) {
  memset(run, 0, sizeof *run);
  memset(report, 0, sizeof *report);
  report->byte_offset = byte_count;
  run->context = heif_context_alloc();
  if (run->context == NULL) return picture_status_out_of_memory;
  struct heif_error error =
      heif_context_read_from_memory_without_copy(run->context, bytes, byte_count, NULL);
  if (error.code == heif_error_Ok) {
    error = heif_context_get_primary_image_handle(run->context, &run->handle);
  }
  return status_of(error, report);
}

static void read_header(struct run *run, struct cheif_header *header) {
  header->width = (uint32_t)heif_image_handle_get_width(run->handle);
  header->height = (uint32_t)heif_image_handle_get_height(run->handle);
  header->bits = heif_image_handle_get_luma_bits_per_pixel(run->handle);
  header->has_alpha = heif_image_handle_has_alpha_channel(run->handle);
}

enum picture_status cheif_read_header(
    const uint8_t *bytes, size_t byte_count, struct cheif_header *header,
    struct picture_report *report) {
  struct run run;
  const enum picture_status status = open_file(&run, bytes, byte_count, report);
  if (status == picture_status_ok) read_header(&run, header);
  clean_up(&run);
  return status;
}

// How the chroma of an AVIF's first picture in colour is halved, as its configuration record says (AV1
// Codec ISO Media File Format Binding, section 2.3.3), which libheif before 1.16 does not tell; undefined
// where there is none. A wrong answer would lead to a picture that libheif has converted once more.
static enum heif_chroma av1_chroma(const uint8_t *bytes, size_t byte_count) {
  // The record behind the box's name: marker and version, profile and level, then from the fourth bit
  // of the third byte on whether it is grey, halved across, halved down.
  static const uint8_t start[] = {'a', 'v', '1', 'C', 0x81};
  const uint8_t *end = bytes + byte_count;
  for (const uint8_t *at = bytes; (size_t)(end - at) >= sizeof start + 2; at++) {
    at = memmem(at, (size_t)(end - at), start, sizeof start);
    if (at == NULL || (size_t)(end - at) < sizeof start + 2) break;
    const uint8_t flags = at[sizeof start + 1];
    const bool is_grey = flags & 0x10, is_halved = flags & 0x08, is_halved_down = flags & 0x04;
    if (is_grey) continue;
    return is_halved_down ? heif_chroma_420 : is_halved ? heif_chroma_422 : heif_chroma_444;
  }
  return heif_chroma_undefined;
}

// Lets libheif make RGB of 8 bits of the picture, and places it.
static enum picture_status place_rgb(
    struct run *run, const struct cheif_header *header,
    const struct picture_destination *destination, struct picture_report *report) {
  run->options->convert_hdr_to_8bit = 1;
  const struct heif_error error = heif_decode_image(
      run->handle, &run->image, heif_colorspace_RGB,
      header->has_alpha ? heif_chroma_interleaved_RGBA : heif_chroma_interleaved_RGB, run->options);
  if (error.code != heif_error_Ok) return status_of(error, report);
  int stride = 0;
  const uint8_t *plane =
      heif_image_get_plane_readonly(run->image, heif_channel_interleaved, &stride);
  const int width = heif_image_get_width(run->image, heif_channel_interleaved);
  const int height = heif_image_get_height(run->image, heif_channel_interleaved);
  if (plane == NULL || width < 0 || height < 0 || (uint32_t)width != header->width ||
      (uint32_t)height != header->height ||
      stride < (header->has_alpha ? 4 : 3) * (int64_t)header->width) {
    picture_say(report, "the file states two sizes");
    return picture_status_corrupt;
  }
  for (uint32_t y = 0; y < header->height; y++) {
    const uint8_t *row = plane + (size_t)stride * y;
    if (header->has_alpha) {
      picture_place_rgba(destination, 0, y, header->width, row);
    } else {
      picture_place_rgb(destination, 0, y, header->width, row);
    }
  }
  return picture_status_ok;
}

// Decodes the picture as it is coded, and places it where its planes are those that are expected.
static enum picture_status place_ycbcr(
    struct run *run, const struct cheif_header *header, enum heif_chroma chroma,
    const struct picture_destination *destination, struct picture_report *report, bool *is_placed) {
  *is_placed = false;
  const struct heif_error error = heif_decode_image(
      run->handle, &run->image, heif_colorspace_YCbCr, chroma, run->options);
  if (error.code != heif_error_Ok) return status_of(error, report);
  const enum cheif_ycbcr_result result =
      cheif_place_ycbcr(run->handle, run->image, destination, header->has_alpha);
  heif_image_release(run->image);
  run->image = NULL;
  *is_placed = result == cheif_ycbcr_placed;
  return result == cheif_ycbcr_out_of_memory ? picture_status_out_of_memory : picture_status_ok;
}

static enum picture_status decode(
    struct run *run, const struct picture_destination *destination, enum heif_chroma chroma,
    struct picture_report *report) {
  struct cheif_header header;
  read_header(run, &header);
  if (header.width != destination->width || header.height != destination->height ||
      !picture_fits(destination)) {
    picture_say(report, "the file states two sizes");
    return picture_status_corrupt;
  }
  const uint32_t side = header.width > header.height ? header.width : header.height;
  heif_context_set_maximum_image_size_limit(run->context, (int)side + maximum_padding);
  // The request has one thread, and the server as many as it was given.
  heif_context_set_max_decoding_threads(run->context, 0);
  run->options = heif_decoding_options_alloc();
  if (run->options == NULL) return picture_status_out_of_memory;
  run->options->strict_decoding = 1;
  if (chroma != heif_chroma_undefined) {
    bool is_placed;
    const enum picture_status status =
        place_ycbcr(run, &header, chroma, destination, report, &is_placed);
    if (status != picture_status_ok || is_placed) return status;
  }
  return place_rgb(run, &header, destination, report);
}

enum picture_status cheif_decode_rgb(
    const uint8_t *bytes, size_t byte_count, const struct picture_destination *destination,
    bool spreads_chroma, struct picture_report *report) {
  struct run run;
  enum picture_status status = open_file(&run, bytes, byte_count, report);
  const enum heif_chroma chroma =
      spreads_chroma ? av1_chroma(bytes, byte_count) : heif_chroma_undefined;
  if (status == picture_status_ok) status = decode(&run, destination, chroma, report);
  report->first_missing_row = destination->height;
  clean_up(&run);
  return status;
}

#endif
