// Tells ThreadSanitizer what it cannot see: linked into every program that is built with it.
//
// Each function here stands before one of a library that is not built with the sanitizer, calls the library's
// own, and says who waited for whom. Without that, two threads that met in such a lock would look as if they
// had not, and a suppression would have to pass over all that is done under any lock.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sanitizer/tsan_interface.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context))

// Synchronization._MutexHandle._lockSlow(UInt32) and _unlockSlow(), as Swift names them.
#define LOCK_SLOW "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK_SLOW "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"
#define PARALLEL "GOMP_parallel"

static SWIFT void (*library_lock_slow)(uint32_t thread, SELF void *handle);
static SWIFT void (*library_unlock_slow)(SELF void *handle);
static void (*library_parallel)(void (*body)(void *), void *data, unsigned threads, unsigned flags);

/// The function that would have been called but for the one here; ends the program where there is none.
static void *library_function(const char *name) {
  void *function = dlsym(RTLD_NEXT, name);
  if (!function) {
    fprintf(stderr, "scripts/sanitize/thread.c: no library has %s\n", name);
    abort();
  }
  return function;
}

__attribute__((constructor)) static void find_library_functions(void) {
  library_lock_slow = library_function(LOCK_SLOW);
  library_unlock_slow = library_function(UNLOCK_SLOW);
  library_parallel = library_function(PARALLEL);
}

// Swift's Mutex. To take a free lock, and to give back one that nobody waits for, is compiled into whoever does
// so and is seen; what two threads do that meet is in libswiftSynchronization.

SWIFT void lock_slow(uint32_t thread, SELF void *handle) __asm__(LOCK_SLOW);
SWIFT void lock_slow(uint32_t thread, SELF void *handle) {
  library_lock_slow(thread, handle);
  __tsan_acquire(handle);
}

SWIFT void unlock_slow(SELF void *handle) __asm__(UNLOCK_SLOW);
SWIFT void unlock_slow(SELF void *handle) {
  __tsan_release(handle);
  library_unlock_slow(handle);
}

// OpenMP's parallel regions. The team begins with what its caller has done, and the caller goes on with what the
// team has done; among themselves its threads share nothing that the sanitizer could know of.

struct region {
  void (*body)(void *);
  void *data;
  char begin, end;
};

static void run_in_region(void *argument) {
  struct region *region = argument;
  __tsan_acquire(&region->begin);
  region->body(region->data);
  __tsan_release(&region->end);
}

void GOMP_parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags) {
  struct region region = {.body = body, .data = data};
  __tsan_release(&region.begin);
  library_parallel(run_in_region, &region, threads, flags);
  __tsan_acquire(&region.end);
}
