#ifndef FRCNN_CDNNL_VERSIONS_H
#define FRCNN_CDNNL_VERSIONS_H

#include <oneapi/dnnl/dnnl.h>

#include "CDNNL.h"

#if DNNL_VERSION_MAJOR == 2
#define FD_VERSION_2 1
// A layout is a structure of oneDNN's in memory of our own.
typedef const dnnl_memory_desc_t *fd_descriptor;
#elif DNNL_VERSION_MAJOR == 3
#define FD_VERSION_2 0
typedef const_dnnl_memory_desc_t fd_descriptor;
#else
#error "frcnn knows oneDNN 2 and 3. Debian 12 and 13 and Ubuntu 24.04 have them as libdnnl-dev."
#endif

/// oneDNN's view of a layout.
static inline fd_descriptor descriptor_of(const fd_layout *layout) {
  return (fd_descriptor)layout;
}

/// A copy of oneDNN's that the caller owns; a null pointer is the layout of nothing.
int fd_layout_copy(fd_layout **layout, fd_descriptor descriptor);

#endif
