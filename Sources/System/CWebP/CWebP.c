// Built where the package trait WebP is on.
#ifdef FRCNN_WEBP

#include "CWebP.h"

#include <stdlib.h>
#include <string.h>

#include <webp/decode.h>
#include <webp/encode.h>

static enum picture_status status_of(VP8StatusCode code, struct picture_report *report) {
  switch (code) {
    case VP8_STATUS_OK: return picture_status_ok;
    case VP8_STATUS_OUT_OF_MEMORY: return picture_status_out_of_memory;
    case VP8_STATUS_SUSPENDED:
    case VP8_STATUS_NOT_ENOUGH_DATA: return picture_status_truncated;
    case VP8_STATUS_UNSUPPORTED_FEATURE:
      picture_say(report, "it uses a feature that is not decoded");
      return picture_status_unsupported;
    default:
      picture_say(report, "its data cannot be decoded");
      return picture_status_corrupt;
  }
}

// Decodes the rows that there are; says how many.
static VP8StatusCode decode_beginning(
    const uint8_t *bytes, size_t byte_count, WebPDecoderConfig *config, int *rows) {
  *rows = 0;
  WebPIDecoder *decoder = WebPIDecode(NULL, 0, config);
  if (decoder == NULL) return VP8_STATUS_OUT_OF_MEMORY;
  const VP8StatusCode code = WebPIUpdate(decoder, bytes, byte_count);
  int width, height, stride;
  if (WebPIDecGetRGB(decoder, rows, &width, &height, &stride) == NULL) *rows = 0;
  WebPIDelete(decoder);
  return code;
}

enum picture_status cwebp_decode_rgb(
    const uint8_t *bytes, size_t byte_count, const struct cwebp_frame *frame,
    const struct picture_destination *destination, bool accepts_truncated,
    struct picture_report *report) {
  memset(report, 0, sizeof *report);
  report->byte_offset = byte_count;
  report->first_missing_row = destination->height;
  WebPDecoderConfig config;
  if (!WebPInitDecoderConfig(&config)) {
    picture_say(report, "the library has another version than its headers");
    return picture_status_unsupported;
  }
  VP8StatusCode code = WebPGetFeatures(bytes, byte_count, &config.input);
  if (code != VP8_STATUS_OK) return status_of(code, report);
  if ((uint32_t)config.input.width != frame->width ||
      (uint32_t)config.input.height != frame->height || !picture_fits(destination) ||
      frame->x > destination->width - frame->width ||
      frame->y > destination->height - frame->height || frame->width > destination->width ||
      frame->height > destination->height) {
    picture_say(report, "the file states two sizes");
    return picture_status_corrupt;
  }
  const bool has_alpha = config.input.has_alpha;
  const size_t stride = (has_alpha ? 4 : 3) * (size_t)frame->width;
  const bool direct =
      !has_alpha && picture_is_direct(destination) && destination->y_step > 0;
  uint8_t *scratch = NULL;
  config.output.is_external_memory = 1;
  config.output.colorspace = has_alpha ? MODE_RGBA : MODE_RGB;
  if (direct) {
    config.output.u.RGBA.rgba = picture_row(destination, frame->y) + 3 * (size_t)frame->x;
    config.output.u.RGBA.stride = (int)destination->y_step;
    config.output.u.RGBA.size =
        (size_t)destination->y_step * (frame->height - 1) + 3 * (size_t)frame->width;
  } else {
    scratch = malloc(stride * frame->height);
    if (scratch == NULL) return picture_status_out_of_memory;
    config.output.u.RGBA.rgba = scratch;
    config.output.u.RGBA.stride = (int)stride;
    config.output.u.RGBA.size = stride * frame->height;
  }
  const bool is_whole =
      frame->width == destination->width && frame->height == destination->height;
  if (!is_whole) picture_fill(destination, 0, destination->height, 255);

  int rows = (int)frame->height;
  code = WebPDecode(bytes, byte_count, &config);
  const bool is_cut = code == VP8_STATUS_NOT_ENOUGH_DATA || code == VP8_STATUS_SUSPENDED;
  if (is_cut && accepts_truncated) {
    code = decode_beginning(bytes, byte_count, &config, &rows);
    if (code == VP8_STATUS_OK) {
      // What is missing lies behind the pixels.
      rows = (int)frame->height;
      report->oddities |= picture_oddity_missing_end;
    } else if (code == VP8_STATUS_SUSPENDED && rows > 0) {
      code = VP8_STATUS_OK;
      report->oddities |= picture_oddity_truncated;
      report->first_missing_row = frame->y + (uint32_t)rows;
    }
  }
  if (code == VP8_STATUS_OK && !direct) {
    for (int y = 0; y < rows; y++) {
      const uint8_t *row = scratch + stride * (size_t)y;
      if (has_alpha) {
        picture_place_rgba(destination, frame->x, frame->y + (uint32_t)y, frame->width, row);
      } else {
        picture_place_rgb(destination, frame->x, frame->y + (uint32_t)y, frame->width, row);
      }
    }
  }
  free(scratch);
  if (code != VP8_STATUS_OK) return status_of(code, report);
  picture_fill(
      destination, report->first_missing_row, destination->height, picture_missing);
  return picture_status_ok;
}

enum picture_status cwebp_encode_rgb(
    const uint8_t *pixels, uint32_t width, uint32_t height, int quality, uint8_t **encoded,
    size_t *encoded_count) {
  *encoded = NULL;
  *encoded_count = WebPEncodeRGB(
      pixels, (int)width, (int)height, 3 * (int)width, (float)quality, encoded);
  if (*encoded_count > 0) return picture_status_ok;
  WebPFree(*encoded);
  return picture_status_out_of_memory;
}

void cwebp_free(uint8_t *encoded) { WebPFree(encoded); }

#endif
