// What Swift's Glibc module leaves out of the Linux API: epoll, accept4, which <sys/socket.h>
// declares for GNU sources only, and sched_setattr, which the C library has from 2.41 on.
#ifndef FRCNN_CLINUX_H
#define FRCNN_CLINUX_H

#include <stdint.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

extern int accept4(int descriptor, struct sockaddr *address, socklen_t *length, int flags);

// The kernel's struct sched_attr as it was first published.
struct frcnn_sched_attr {
  uint32_t size, sched_policy;
  uint64_t sched_flags;
  int32_t sched_nice;
  uint32_t sched_priority;
  uint64_t sched_runtime, sched_deadline, sched_period;
};

// Asks for slices of so many nanoseconds for the calling thread, under the ordinary policy and with
// the niceness that it has; -1 where the kernel refuses, and without effect before Linux 6.12.
static inline int frcnn_set_slice(uint64_t nanoseconds) {
  struct frcnn_sched_attr attributes = {
      .size = sizeof attributes,
      .sched_nice = getpriority(PRIO_PROCESS, 0),
      .sched_runtime = nanoseconds,
  };
  return (int)syscall(SYS_sched_setattr, 0, &attributes, 0);
}

#endif
