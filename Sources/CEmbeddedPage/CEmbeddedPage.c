#include "CEmbeddedPage.h"

// C23 #embed, as for the default model: the files stay files that an editor and a browser know, and
// the program is still one file.

// The package is C17, where clang takes #embed as an extension and warns of it.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char page_html[] = {
#embed "page.html"
};
static const unsigned char page_css[] = {
#embed "page.css"
};
static const unsigned char page_js[] = {
#embed "page.js"
};
static const unsigned char docs_html[] = {
#embed "docs.html"
};
static const unsigned char docs_css[] = {
#embed "docs.css"
};
static const unsigned char docs_js[] = {
#embed "docs.js"
};
static const unsigned char example[] = {
#embed "../../docs/images/example.jpg"
};
// The very file at the top of the repository, so that there is one text, and no second file to ship.
static const unsigned char openapi[] = {
#embed "../../openapi.yaml"
};

#define FILE(name) \
  (frcnn_embedded_file) { name, sizeof name }

frcnn_embedded_file frcnn_page_file(frcnn_page_part part) {
  switch (part) {
    case frcnn_page_html: return FILE(page_html);
    case frcnn_page_css: return FILE(page_css);
    case frcnn_page_js: return FILE(page_js);
    case frcnn_docs_html: return FILE(docs_html);
    case frcnn_docs_css: return FILE(docs_css);
    case frcnn_docs_js: return FILE(docs_js);
    case frcnn_example_jpg: return FILE(example);
    case frcnn_openapi_yaml: return FILE(openapi);
  }
  return (frcnn_embedded_file){0, 0};
}
