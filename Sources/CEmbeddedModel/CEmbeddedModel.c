#include "CEmbeddedModel.h"

// C23 #embed: clang turns megabytes into an object in a second, where a Swift array literal
// would take minutes, and a resource bundle would be a second file to ship and to lose. The rest of
// the package is C17, where clang takes #embed as an extension and warns of it.
#pragma clang diagnostic ignored "-Wc23-extensions"

static _Alignas(64) const unsigned char weights[] = {
#embed "bloodcell.safetensors"
};

static const unsigned char settings[] = {
#embed "bloodcell.json"
};

const void *frcnn_embedded_weights(size_t *count) {
  *count = sizeof weights;
  return weights;
}

const void *frcnn_embedded_settings(size_t *count) {
  *count = sizeof settings;
  return settings;
}
