// The description of the HTTP interface, a part of the program.
#pragma once

#include <stddef.h>

/// The UTF-8 text of `openapi.yaml`, which lives as long as the program; not terminated by a zero.
const unsigned char *frcnn_openapi_bytes(void);
size_t frcnn_openapi_byte_count(void);
