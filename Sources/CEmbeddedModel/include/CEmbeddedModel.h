// The default model, a part of the program: one file to ship, nothing to find at run time.
#pragma once

#include <stddef.h>

/// The bytes of `bloodcell.safetensors`, aligned to a cache line; constant, for as long as the
/// program runs. Writes their number to `count`.
const void *frcnn_embedded_weights(size_t *count);

/// The UTF-8 text of `bloodcell.json`, not terminated by a zero; as above.
const void *frcnn_embedded_settings(size_t *count);
