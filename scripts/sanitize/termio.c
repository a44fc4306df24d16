// Some builds of the sanitizers' runtimes for a C library without `struct termio` (glibc 2.42 and newer)
// refer to this size, which nothing defines then. The runtime's own, where there is one, wins.
__attribute__((weak)) unsigned _ZN11__sanitizer16struct_termio_szE = 18;
