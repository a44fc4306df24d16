// What Swift's Glibc module leaves out of the Linux API: epoll, socket filters, malloc_trim, and
// accept4, which <sys/socket.h> declares for GNU sources only.
#ifndef FRCNN_CLINUX_H
#define FRCNN_CLINUX_H

#include <linux/filter.h>
#include <malloc.h>
#include <sys/epoll.h>
#include <sys/socket.h>

extern int accept4(int descriptor, struct sockaddr *address, socklen_t *length, int flags);

#endif
