// The pages that the server hands to browsers, the picture to try them with, and the description of the
// HTTP interface.
#pragma once

#include <stddef.h>

/// The bytes of a file, which live as long as the program; text is UTF-8 without a zero at its end.
typedef struct {
  const unsigned char *bytes;
  size_t count;
} frcnn_embedded_file;

typedef enum {
  frcnn_page_html,
  frcnn_page_css,
  frcnn_page_js,
  frcnn_docs_html,
  frcnn_docs_css,
  frcnn_docs_js,
  frcnn_example_jpg,
  frcnn_openapi_yaml,
} frcnn_page_part;

frcnn_embedded_file frcnn_page_file(frcnn_page_part part);
