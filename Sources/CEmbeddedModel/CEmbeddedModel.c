#include "CEmbeddedModel.h"

// C23 #embed: clang turns eight megabytes into an object in a second, where a Swift array literal
// would take minutes, and a resource bundle would be a second file to ship and to lose.

_Alignas(64) const unsigned char frcnn_embedded_weights[] = {
#embed "bloodcell.safetensors"
};
const size_t frcnn_embedded_weights_count = sizeof frcnn_embedded_weights;

const unsigned char frcnn_embedded_settings[] = {
#embed "bloodcell.json"
};
const size_t frcnn_embedded_settings_count = sizeof frcnn_embedded_settings;
