// Y'CbCr planes to RGB as libavif does it, which is what Pillow and the browsers show of an AVIF.
//
// libheif before 1.16 repeats a halved chroma sample over the pixels it stands for; libavif (and
// libyuv below it) puts each pixel's between its neighbours, in the ratio 9 : 3 : 3 : 1.
#pragma once

#include <libheif/heif.h>

#include "CPicture.h"

enum cheif_ycbcr_result {
  cheif_ycbcr_placed,
  // The planes are of a kind that is left to libheif: grey, RGB, or a matrix that is no weighted sum.
  cheif_ycbcr_other,
  cheif_ycbcr_out_of_memory,
};

// Places a decoded picture of 8 to 12 bits in the destination, whose size is the picture's; alpha is
// composited over white.
enum cheif_ycbcr_result cheif_place_ycbcr(
    const struct heif_image_handle *handle, const struct heif_image *image,
    const struct picture_destination *destination, bool has_alpha);
