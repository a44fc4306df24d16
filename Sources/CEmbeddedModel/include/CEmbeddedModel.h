// The default model, a part of the program: one file to ship, nothing to find at run time.
#pragma once

#include <stddef.h>

/// The bytes of `bloodcell.safetensors`, aligned for vector loads.
extern const unsigned char frcnn_embedded_weights[];
extern const size_t frcnn_embedded_weights_count;

/// The UTF-8 text of `bloodcell.json`, its settings; not terminated by a zero.
extern const unsigned char frcnn_embedded_settings[];
extern const size_t frcnn_embedded_settings_count;
