// oneDNN's C API, version 2.x: version 3 renamed and removed most of what this project calls
// (operation descriptors), so another major version stops the build here.
#include <oneapi/dnnl/dnnl_version.h>

#if DNNL_VERSION_MAJOR != 2
#error "frcnn needs oneDNN 2.x (Debian 12: apt-get install libdnnl-dev, version 2.6). Version 3 has another C API."
#endif

#include <oneapi/dnnl/dnnl.h>
