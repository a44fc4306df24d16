#include "CEmbeddedOpenAPI.h"

// C23 #embed: the program serves the very file that stands at the top of the repository, so there
// is one text, and no second file to ship.

// The package is C17, where clang takes #embed as an extension and warns of it.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char document[] = {
#embed "../../openapi.yaml"
};

const unsigned char *frcnn_openapi_bytes(void) { return document; }

size_t frcnn_openapi_byte_count(void) { return sizeof document; }
