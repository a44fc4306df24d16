// Built where the package trait TIFF is on.
#ifdef FRCNN_TIFF

#include "CTIFF.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tiffio.h>

// The most that the library may take at once beside the picture: tables of strips, a strip's data.
static const tmsize_t maximum_allocation = 64 << 20;

struct run {
  const uint8_t *bytes;
  size_t byte_count, offset;
  const struct ctiff_layout *layout;
  const struct picture_destination *destination;
  struct picture_report *report;
  TIFF *tiff;
  // Samples of a row of the picture or of a tile as the library gives them, and as bytes.
  uint8_t *samples, *line;
  // All samples as bytes, where each colour's lie apart from the others'.
  uint8_t *planes;
  uint8_t palette[256][3];
};

static int on_error(TIFF *tiff, void *context, const char *module, const char *format, va_list list) {
  (void)tiff;
  (void)module;
  struct run *run = context;
  // The first complaint is nearest to the cause.
  if (run->report->message[0] == 0) {
    vsnprintf(run->report->message, sizeof run->report->message, format, list);
  }
  return 1;
}

static int on_warning(
    TIFF *tiff, void *context, const char *module, const char *format, va_list list) {
  (void)tiff;
  (void)context;
  (void)module;
  (void)format;
  (void)list;
  return 1;
}

static tmsize_t on_read(thandle_t handle, void *target, tmsize_t count) {
  struct run *run = handle;
  const size_t left = run->byte_count - run->offset;
  const size_t taken = count < 0 ? 0 : ((size_t)count < left ? (size_t)count : left);
  memcpy(target, run->bytes + run->offset, taken);
  run->offset += taken;
  return (tmsize_t)taken;
}

static tmsize_t on_write(thandle_t handle, void *source, tmsize_t count) {
  (void)handle;
  (void)source;
  (void)count;
  return -1;
}

static toff_t on_seek(thandle_t handle, toff_t offset, int whence) {
  struct run *run = handle;
  const size_t base = whence == SEEK_CUR ? run->offset : whence == SEEK_END ? run->byte_count : 0;
  if (offset > run->byte_count - base) return (toff_t)-1;
  run->offset = base + (size_t)offset;
  return run->offset;
}

static int on_close(thandle_t handle) {
  (void)handle;
  return 0;
}

static toff_t on_size(thandle_t handle) { return ((struct run *)handle)->byte_count; }

// The bytes as they lie; the library reads of them only where it was told that they may be read.
static int on_map(thandle_t handle, void **base, toff_t *size) {
  struct run *run = handle;
  *base = (void *)run->bytes;
  *size = run->byte_count;
  return 1;
}

static void on_unmap(thandle_t handle, void *base, toff_t size) {
  (void)handle;
  (void)base;
  (void)size;
}

static TIFF *open_file(struct run *run) {
  TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
  if (options == NULL) return NULL;
  TIFFOpenOptionsSetMaxSingleMemAlloc(options, maximum_allocation);
  TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, run);
  TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, run);
  TIFF *tiff = TIFFClientOpenExt(
      "picture", "r", run, on_read, on_write, on_seek, on_close, on_size, on_map, on_unmap, options);
  TIFFOpenOptionsFree(options);
  return tiff;
}

// The number of colours in front of what else a pixel has.
static uint16_t colours(const struct ctiff_layout *layout) {
  switch (layout->kind) {
    case ctiff_kind_grey:
    case ctiff_kind_palette: return 1;
    case ctiff_kind_cmyk: return 4;
    default: return 3;
  }
}

// Makes bytes of `count` samples: indices of a palette stay what they are, shades are spread over 255.
static void make_bytes(struct run *run, const uint8_t *source, size_t count, uint8_t *target) {
  const struct ctiff_layout *layout = run->layout;
  switch (layout->bits) {
    case 8: memcpy(target, source, count); break;
    case 16: {
      const bool clips = layout->kind == ctiff_kind_grey;
      for (size_t i = 0; i < count; i++) {
        uint16_t value;
        memcpy(&value, source + 2 * i, 2);
        run->report->clipped_samples += clips && value > 255;
        target[i] = (uint8_t)(clips ? (value > 255 ? 255 : value) : value >> 8);
      }
      break;
    }
    default: {
      const unsigned bits = layout->bits, largest = (1u << bits) - 1;
      const unsigned factor = layout->kind == ctiff_kind_palette ? 1 : 255 / largest;
      for (size_t i = 0; i < count; i++) {
        const size_t bit = i * bits;
        target[i] = (uint8_t)((source[bit >> 3] >> (8 - bits - (bit & 7)) & largest) * factor);
      }
    }
  }
}

static uint8_t straight(unsigned value, unsigned alpha) {
  if (alpha == 0) return 0;
  const unsigned whole = 255 * value / alpha;
  return (uint8_t)(whole > 255 ? 255 : whole);
}

// Places a part of a row, whose pixels have all their samples side by side as bytes.
static void place(struct run *run, uint8_t *line, uint32_t x, uint32_t y, uint32_t count) {
  const struct ctiff_layout *layout = run->layout;
  const uint16_t stride = layout->samples;
  const bool has_alpha = layout->alpha != ctiff_alpha_none;
  if (layout->kind == ctiff_kind_cmyk) {
    for (uint32_t i = 0; i < count; i++) memmove(line + 4 * (size_t)i, line + stride * (size_t)i, 4);
    picture_convert_cmyk(line, count, false);
    picture_place_rgb(run->destination, x, y, count, line);
    return;
  }
  const uint16_t colour = colours(layout);
  for (uint32_t i = 0; i < count; i++) {
    const uint8_t *pixel = line + stride * (size_t)i;
    uint8_t rgba[4] = {0, 0, 0, has_alpha ? pixel[colour] : 255};
    if (layout->kind == ctiff_kind_palette) {
      memcpy(rgba, run->palette[pixel[0]], 3);
    } else if (colour == 1) {
      memset(rgba, layout->is_inverted ? 255 - pixel[0] : pixel[0], 3);
    } else {
      memcpy(rgba, pixel, 3);
    }
    if (layout->alpha == ctiff_alpha_multiplied) {
      for (int channel = 0; channel < 3; channel++) rgba[channel] = straight(rgba[channel], rgba[3]);
    }
    if (has_alpha) {
      picture_place_rgba(run->destination, x + i, y, 1, rgba);
    } else {
      picture_place_rgb(run->destination, x + i, y, 1, rgba);
    }
  }
}

// Takes a part of a row of one plane, or of all that there are.
static void take(
    struct run *run, const uint8_t *samples, int plane, uint32_t x, uint32_t y, uint32_t count) {
  const size_t per_pixel = run->planes == NULL ? run->layout->samples : 1;
  make_bytes(run, samples, per_pixel * count, run->line);
  if (run->planes == NULL) {
    place(run, run->line, x, y, count);
    return;
  }
  const size_t stride = run->layout->samples;
  uint8_t *target =
      run->planes + ((size_t)y * run->destination->width + x) * stride + (size_t)plane;
  for (uint32_t i = 0; i < count; i++, target += stride) *target = run->line[i];
}

// Reads the planes one after the other, rows in order, and stops where the library fails; says how many
// rows are whole.
static uint32_t read_rows(struct run *run, int planes) {
  uint32_t whole = run->destination->height;
  for (int plane = 0; plane < planes; plane++) {
    for (uint32_t y = 0; y < whole; y++) {
      if (TIFFReadScanline(run->tiff, run->samples, y, (uint16_t)plane) < 0) {
        whole = y;
        break;
      }
      take(run, run->samples, plane, 0, y, run->destination->width);
    }
  }
  return whole;
}

static uint32_t read_tiles(struct run *run, int planes, uint32_t tile_width, uint32_t tile_height) {
  const uint32_t width = run->destination->width;
  const tmsize_t size = TIFFTileSize(run->tiff), row_size = TIFFTileRowSize(run->tiff);
  uint32_t whole = run->destination->height;
  for (int plane = 0; plane < planes; plane++) {
    for (uint32_t top = 0; top < whole; top += tile_height) {
      for (uint32_t left = 0; left < width; left += tile_width) {
        const uint32_t tile = TIFFComputeTile(run->tiff, left, top, 0, (uint16_t)plane);
        if (TIFFReadEncodedTile(run->tiff, tile, run->samples, size) != size) {
          whole = top;
          break;
        }
        const uint32_t columns = width - left < tile_width ? width - left : tile_width;
        const uint32_t rows = whole - top < tile_height ? whole - top : tile_height;
        for (uint32_t y = 0; y < rows; y++) {
          take(run, run->samples + row_size * (tmsize_t)y, plane, left, top + y, columns);
        }
      }
    }
  }
  return whole;
}

// Whether the data of the strip or tile that has a row lie beyond the end of the file.
static bool is_cut(struct run *run, uint32_t row) {
  const uint32_t number = TIFFIsTiled(run->tiff) ? TIFFComputeTile(run->tiff, 0, row, 0, 0)
                                                 : TIFFComputeStrip(run->tiff, row, 0);
  const uint32_t count =
      TIFFIsTiled(run->tiff) ? TIFFNumberOfTiles(run->tiff) : TIFFNumberOfStrips(run->tiff);
  for (uint32_t each = number; each < count; each++) {
    const uint64_t offset = TIFFGetStrileOffset(run->tiff, each);
    const uint64_t length = TIFFGetStrileByteCount(run->tiff, each);
    if (offset > run->byte_count || length > run->byte_count - offset) return true;
    // Tiles of one row may lie anywhere; strips of later rows say nothing of this one.
    if (!TIFFIsTiled(run->tiff)) break;
  }
  return false;
}

static enum picture_status say(
    struct run *run, enum picture_status status, const char *message) {
  if (run->report->message[0] == 0) picture_say(run->report, message);
  return status;
}

// Reads the palette: 16 bits a colour, of which the upper 8 are taken.
static bool read_palette(struct run *run) {
  uint16_t *red, *green, *blue;
  if (!TIFFGetField(run->tiff, TIFFTAG_COLORMAP, &red, &green, &blue)) return false;
  for (unsigned index = 0; index < 1u << run->layout->bits; index++) {
    run->palette[index][0] = (uint8_t)(red[index] >> 8);
    run->palette[index][1] = (uint8_t)(green[index] >> 8);
    run->palette[index][2] = (uint8_t)(blue[index] >> 8);
  }
  return true;
}

// Whether strips or tiles share so many bytes that a small file could keep the library busy for long.
static bool shares_data(struct run *run) {
  const uint32_t count =
      TIFFIsTiled(run->tiff) ? TIFFNumberOfTiles(run->tiff) : TIFFNumberOfStrips(run->tiff);
  uint64_t sum = 0;
  for (uint32_t each = 0; each < count; each++) {
    const uint64_t offset = TIFFGetStrileOffset(run->tiff, each);
    const uint64_t length = TIFFGetStrileByteCount(run->tiff, each);
    const uint64_t left = offset < run->byte_count ? run->byte_count - offset : 0;
    sum += length < left ? length : left;
    if (sum > 2 * (uint64_t)run->byte_count) return true;
  }
  return false;
}

static bool agrees(struct run *run) {
  const struct ctiff_layout *layout = run->layout;
  uint32_t width = 0, height = 0;
  uint16_t bits = 0, samples = 0;
  TIFFGetField(run->tiff, TIFFTAG_IMAGEWIDTH, &width);
  TIFFGetField(run->tiff, TIFFTAG_IMAGELENGTH, &height);
  TIFFGetFieldDefaulted(run->tiff, TIFFTAG_BITSPERSAMPLE, &bits);
  TIFFGetFieldDefaulted(run->tiff, TIFFTAG_SAMPLESPERPIXEL, &samples);
  return width == run->destination->width && height == run->destination->height &&
      bits == layout->bits && samples == layout->samples && picture_fits(run->destination) &&
      (layout->bits == 1 || layout->bits == 2 || layout->bits == 4 || layout->bits == 8 ||
       layout->bits == 16) &&
      layout->samples >= colours(layout) + (layout->alpha != ctiff_alpha_none);
}

static enum picture_status decode(struct run *run, bool accepts_truncated) {
  const struct picture_destination *destination = run->destination;
  run->tiff = open_file(run);
  if (run->tiff == NULL) return say(run, picture_status_corrupt, "its directory cannot be read");
  if (run->layout->page > 0 && !TIFFSetDirectory(run->tiff, (tdir_t)run->layout->page)) {
    return say(run, picture_status_corrupt, "its directory cannot be read");
  }
  if (!agrees(run)) return say(run, picture_status_corrupt, "the file states two things of itself");
  if (shares_data(run)) {
    return say(run, picture_status_unsupported, "its strips or tiles share their data");
  }
  if (run->layout->kind == ctiff_kind_palette && !read_palette(run)) {
    return say(run, picture_status_corrupt, "it has no palette");
  }
  if (run->layout->kind == ctiff_kind_jpeg_ycc) {
    TIFFSetField(run->tiff, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
  }
  uint16_t planar = PLANARCONFIG_CONTIG;
  TIFFGetFieldDefaulted(run->tiff, TIFFTAG_PLANARCONFIG, &planar);
  const bool is_apart = planar == PLANARCONFIG_SEPARATE && run->layout->samples > 1;
  const int planes = is_apart ? run->layout->samples : 1;
  uint32_t tile_width = 0, tile_height = 0;
  const bool is_tiled = TIFFIsTiled(run->tiff);
  if (is_tiled) {
    TIFFGetField(run->tiff, TIFFTAG_TILEWIDTH, &tile_width);
    TIFFGetField(run->tiff, TIFFTAG_TILELENGTH, &tile_height);
    if (tile_width == 0 || tile_height == 0) {
      return say(run, picture_status_corrupt, "its tiles have no size");
    }
  }
  const tmsize_t size = is_tiled ? TIFFTileSize(run->tiff) : TIFFScanlineSize(run->tiff);
  const uint64_t columns = is_tiled ? tile_width : destination->width;
  const uint64_t per_pixel = is_apart ? 1 : run->layout->samples;
  const uint64_t row_bytes = (columns * per_pixel * run->layout->bits + 7) / 8;
  if (size <= 0 || size > maximum_allocation || columns * per_pixel > (uint64_t)maximum_allocation ||
      (uint64_t)size < row_bytes * (is_tiled ? tile_height : 1)) {
    return say(run, picture_status_unsupported, "its strips or tiles are too large");
  }
  run->samples = malloc((size_t)size);
  run->line = malloc((size_t)(columns * per_pixel < 4 * columns ? 4 * columns : columns * per_pixel));
  if (is_apart) {
    // Planes that never come, because one before is cut, are read as nothing.
    run->planes = calloc((size_t)destination->width * destination->height, run->layout->samples);
  }
  if (run->samples == NULL || run->line == NULL || (is_apart && run->planes == NULL)) {
    return picture_status_out_of_memory;
  }
  const uint32_t whole =
      is_tiled ? read_tiles(run, planes, tile_width, tile_height) : read_rows(run, planes);
  if (is_apart) {
    for (uint32_t y = 0; y < whole; y++) {
      const size_t start = (size_t)y * destination->width * run->layout->samples;
      place(run, run->planes + start, 0, y, destination->width);
    }
  }
  if (whole == destination->height) {
    run->report->message[0] = 0;
    return picture_status_ok;
  }
  if (!is_cut(run, whole)) return say(run, picture_status_corrupt, "its data cannot be decoded");
  if (!accepts_truncated || whole == 0) return picture_status_truncated;
  picture_fill(destination, whole, destination->height, picture_missing);
  run->report->oddities |= picture_oddity_truncated;
  run->report->first_missing_row = whole;
  run->report->message[0] = 0;
  return picture_status_ok;
}

enum picture_status ctiff_decode_rgb(
    const uint8_t *bytes, size_t byte_count, const struct ctiff_layout *layout,
    const struct picture_destination *destination, bool accepts_truncated,
    struct picture_report *report) {
  struct run run = {
      .bytes = bytes, .byte_count = byte_count, .layout = layout, .destination = destination,
      .report = report,
  };
  memset(report, 0, sizeof *report);
  report->first_missing_row = destination->height;
  const enum picture_status status = decode(&run, accepts_truncated);
  report->byte_offset = run.offset;
  if (run.tiff != NULL) TIFFClose(run.tiff);
  free(run.samples);
  free(run.line);
  free(run.planes);
  return status;
}

#endif
