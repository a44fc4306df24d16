// Built where the package trait HEIF is on.
#ifdef FRCNN_HEIF

#include "ycbcr.h"

#include <stdlib.h>

// One plane of samples of 1 or 2 bytes.
struct plane {
  const uint8_t *bytes;
  int stride, width, height;
};

// How samples become RGB: ISO/IEC 23091-2, section 8.3.
struct conversion {
  // A sample `v` stands for (v - y_zero) y_scale, or for (v - c_zero) c_scale; 255 is full.
  float y_zero, y_scale, c_zero, c_scale;
  // R = Y + r_of_cr Cr, G = Y - g_of_cb Cb - g_of_cr Cr, B = Y + b_of_cb Cb.
  float r_of_cr, g_of_cb, g_of_cr, b_of_cb;
};

// Reads a plane if the picture has it in the size and depth that go with the picture's.
static bool find_plane(
    const struct heif_image *image, enum heif_channel channel, int bits, int width, int height,
    struct plane *plane) {
  if (!heif_image_has_channel(image, channel) ||
      heif_image_get_bits_per_pixel_range(image, channel) != bits) {
    return false;
  }
  plane->width = heif_image_get_width(image, channel);
  plane->height = heif_image_get_height(image, channel);
  plane->bytes = heif_image_get_plane_readonly(image, channel, &plane->stride);
  return plane->bytes != NULL && plane->width == width && plane->height == height &&
         plane->stride >= (int64_t)width * (bits > 8 ? 2 : 1);
}

static inline uint32_t sample(const uint8_t *row, int x, bool is_wide) {
  // libheif keeps samples of more than 8 bits in the machine's own order.
  return is_wide ? ((const uint16_t *)(const void *)row)[x] : row[x];
}

// The weights of red and blue in luma; false where luma is no weighted sum.
static bool find_weights(int matrix, float *red, float *blue) {
  switch (matrix) {
    case 1: *red = 0.2126f, *blue = 0.0722f; return true;
    case 4: *red = 0.30f, *blue = 0.11f; return true;
    // Not said is BT.601, as libavif takes it.
    case 2: case 5: case 6: *red = 0.299f, *blue = 0.114f; return true;
    case 7: *red = 0.212f, *blue = 0.087f; return true;
    case 9: *red = 0.2627f, *blue = 0.0593f; return true;
    default: return false;
  }
}

static bool find_conversion(
    const struct heif_image_handle *handle, int bits, struct conversion *conversion) {
  // Where the file says nothing: BT.601 in full range.
  int matrix = 2;
  bool is_full = true;
  struct heif_color_profile_nclx *profile = NULL;
  const struct heif_error error = heif_image_handle_get_nclx_color_profile(handle, &profile);
  if (error.code == heif_error_Ok && profile != NULL) {
    matrix = (int)profile->matrix_coefficients;
    is_full = profile->full_range_flag;
  }
  if (profile != NULL) heif_nclx_color_profile_free(profile);
  float red, blue;
  if (!find_weights(matrix, &red, &blue)) return false;
  const float unit = (float)(1 << (bits - 8)), green = 1 - red - blue;
  conversion->y_zero = is_full ? 0 : 16 * unit;
  conversion->y_scale = 255 / (is_full ? (float)((1 << bits) - 1) : 219 * unit);
  conversion->c_zero = 128 * unit;
  conversion->c_scale = 255 / (is_full ? (float)((1 << bits) - 1) : 224 * unit);
  conversion->r_of_cr = 2 * (1 - red);
  conversion->b_of_cb = 2 * (1 - blue);
  conversion->g_of_cr = 2 * (1 - red) * red / green;
  conversion->g_of_cb = 2 * (1 - blue) * blue / green;
  return true;
}

// A row of a plane at the picture's width: each sample is between the nearest of the plane in the
// ratio 3 to 1, in each direction that is halved, rounded to a sample.
static void spread(
    const struct plane *plane, int y, int width, bool is_halved, bool is_halved_down, bool is_wide,
    uint16_t *row) {
  const int near_y = is_halved_down ? y / 2 : y;
  int far_y = is_halved_down ? (y % 2 == 0 ? near_y - 1 : near_y + 1) : near_y;
  if (far_y < 0 || far_y >= plane->height) far_y = near_y;
  const uint8_t *near = plane->bytes + (size_t)plane->stride * (size_t)near_y;
  const uint8_t *far = plane->bytes + (size_t)plane->stride * (size_t)far_y;
  for (int x = 0; x < width; x++) {
    const int near_x = is_halved ? x / 2 : x;
    int far_x = is_halved ? (x % 2 == 0 ? near_x - 1 : near_x + 1) : near_x;
    // The last column is not put between two where the width is odd either: so libyuv has it.
    if (far_x < 0 || x == width - 1) far_x = near_x;
    const uint32_t sum =
        9 * sample(near, near_x, is_wide) + 3 * sample(near, far_x, is_wide) +
        3 * sample(far, near_x, is_wide) + sample(far, far_x, is_wide);
    row[x] = (uint16_t)((sum + 8) >> 4);
  }
}

static inline uint8_t to_byte(float value) {
  return value <= 0 ? 0 : value >= 255 ? 255 : (uint8_t)(value + 0.5f);
}

enum cheif_ycbcr_result cheif_place_ycbcr(
    const struct heif_image_handle *handle, const struct heif_image *image,
    const struct picture_destination *destination, bool has_alpha) {
  const enum heif_chroma chroma = heif_image_get_chroma_format(image);
  const int bits = heif_image_get_bits_per_pixel_range(image, heif_channel_Y);
  if (heif_image_get_colorspace(image) != heif_colorspace_YCbCr || bits < 8 || bits > 12 ||
      (chroma != heif_chroma_420 && chroma != heif_chroma_422 && chroma != heif_chroma_444)) {
    return cheif_ycbcr_other;
  }
  const int width = (int)destination->width, height = (int)destination->height;
  const bool is_wide = bits > 8, is_halved = chroma != heif_chroma_444;
  const bool is_halved_down = chroma == heif_chroma_420;
  const int chroma_width = is_halved ? (width + 1) / 2 : width;
  const int chroma_height = is_halved_down ? (height + 1) / 2 : height;
  struct plane luma, cb, cr, alpha;
  struct conversion how;
  if (!find_plane(image, heif_channel_Y, bits, width, height, &luma) ||
      !find_plane(image, heif_channel_Cb, bits, chroma_width, chroma_height, &cb) ||
      !find_plane(image, heif_channel_Cr, bits, chroma_width, chroma_height, &cr) ||
      (has_alpha && !find_plane(image, heif_channel_Alpha, bits, width, height, &alpha)) ||
      !find_conversion(handle, bits, &how)) {
    return cheif_ycbcr_other;
  }
  // Of each row: Cb, Cr, and the pixels.
  const size_t row_bytes = (size_t)width * (2 * sizeof(uint16_t) + 4);
  uint8_t *memory = malloc(row_bytes);
  if (memory == NULL) return cheif_ycbcr_out_of_memory;
  uint16_t *cb_row = (uint16_t *)(void *)memory, *cr_row = cb_row + width;
  uint8_t *pixels = (uint8_t *)(cr_row + width);
  const int channels = has_alpha ? 4 : 3;
  for (int y = 0; y < height; y++) {
    spread(&cb, y, width, is_halved, is_halved_down, is_wide, cb_row);
    spread(&cr, y, width, is_halved, is_halved_down, is_wide, cr_row);
    const uint8_t *luma_row = luma.bytes + (size_t)luma.stride * (size_t)y;
    for (int x = 0; x < width; x++) {
      const float level =
          ((float)sample(luma_row, x, is_wide) - how.y_zero) * how.y_scale;
      const float blue = ((float)cb_row[x] - how.c_zero) * how.c_scale;
      const float red = ((float)cr_row[x] - how.c_zero) * how.c_scale;
      uint8_t *pixel = pixels + (size_t)channels * (size_t)x;
      pixel[0] = to_byte(level + how.r_of_cr * red);
      pixel[1] = to_byte(level - how.g_of_cb * blue - how.g_of_cr * red);
      pixel[2] = to_byte(level + how.b_of_cb * blue);
    }
    if (has_alpha) {
      const uint8_t *alpha_row = alpha.bytes + (size_t)alpha.stride * (size_t)y;
      const float scale = 255 / (float)((1 << bits) - 1);
      for (int x = 0; x < width; x++) {
        pixels[4 * (size_t)x + 3] = to_byte((float)sample(alpha_row, x, is_wide) * scale);
      }
      picture_place_rgba(destination, 0, (uint32_t)y, (uint32_t)width, pixels);
    } else {
      picture_place_rgb(destination, 0, (uint32_t)y, (uint32_t)width, pixels);
    }
  }
  free(memory);
  return cheif_ycbcr_placed;
}

#endif
