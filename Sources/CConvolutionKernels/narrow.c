#include "narrow.h"

#include <string.h>

// As in winograd.c: written once for vectors of LANES floats, compiled for each machine.
#if defined(__x86_64__)

#define LANES 16
#define MOST_CELLS 14
#define MACHINE __attribute__((target("avx512f,avx2,fma")))
#define NAME(name) name##_16
#include "narrow_kernels.h"

#define LANES 8
#define MOST_CELLS 12
#define MACHINE __attribute__((target("avx2,fma")))
#define NAME(name) name##_8
#include "narrow_kernels.h"

void narrow_run(winograd_lanes lanes, const struct narrow_map *map,
                const struct narrow_layers *layers, size_t first, size_t cells) {
  if (lanes == 16) {
    narrow_16(map, layers, first, cells);
  } else {
    narrow_8(map, layers, first, cells);
  }
}

#else

// Nobody calls this.
void narrow_run(winograd_lanes lanes, const struct narrow_map *map,
                const struct narrow_layers *layers, size_t first, size_t cells) {
  __builtin_trap();
}

#endif
