// Engine, streams, tensors, and what the CPU can do.

#include "versions.h"

int fd_version(void) {
  const dnnl_version_t *version = dnnl_version();
  return version->major * 10000 + version->minor * 100 + version->patch;
}

const char *fd_reason(int status) {
  switch ((dnnl_status_t)status) {
    case dnnl_out_of_memory: return "out of memory";
    case dnnl_invalid_arguments: return "invalid arguments";
    case dnnl_unimplemented: return "no implementation on this CPU";
    case dnnl_runtime_error: return "runtime error";
    case dnnl_not_required: return "not required";
    // No further implementation: the name differs between the versions.
    case (dnnl_status_t)4: return "no further implementation";
    default: return NULL;
  }
}

int fd_engine_create(fd_engine *engine) { return dnnl_engine_create(engine, dnnl_cpu, 0); }

int fd_stream_create(fd_stream *stream, fd_engine engine) {
  return dnnl_stream_create(stream, engine, dnnl_stream_default_flags);
}

int fd_stream_wait(fd_stream stream) { return dnnl_stream_wait(stream); }

void fd_stream_destroy(fd_stream stream) { dnnl_stream_destroy(stream); }

bool fd_has(enum fd_instructions instructions) {
  // Each set of instructions is a set of bits, which holds those of the sets that it includes; the bits
  // differ between the versions.
  const int available = dnnl_get_effective_cpu_isa();
  const int avx512_vnni = dnnl_cpu_isa_avx512_core_vnni;
  switch (instructions) {
#define INCLUDES(set) ((available & (set)) == (set))
    case fd_instructions_avx2: return INCLUDES(dnnl_cpu_isa_avx2);
    case fd_instructions_avx512: return INCLUDES(dnnl_cpu_isa_avx512_core);
    case fd_instructions_vnni: return INCLUDES(avx512_vnni) || INCLUDES(dnnl_cpu_isa_avx2_vnni);
    case fd_instructions_bf16: return INCLUDES(dnnl_cpu_isa_avx512_core_bf16);
    case fd_instructions_amx: return INCLUDES(dnnl_cpu_isa_avx512_core_amx);
#undef INCLUDES
  }
  return false;
}

int fd_memory_create(fd_memory *memory, fd_engine engine, const fd_layout *layout, void *address) {
  // DNNL_MEMORY_NONE is a null pointer: without an address the memory owns nothing.
  return dnnl_memory_create(memory, descriptor_of(layout), engine, address);
}

int fd_memory_set_address(fd_memory memory, void *address) {
  return dnnl_memory_set_data_handle(memory, address);
}

void *fd_memory_address(fd_memory memory) {
  void *address = NULL;
  return dnnl_memory_get_data_handle(memory, &address) == dnnl_success ? address : NULL;
}

void fd_memory_destroy(fd_memory memory) { dnnl_memory_destroy(memory); }

int fd_sgemm(
  bool left_is_transposed, bool right_is_transposed, int64_t rows, int64_t columns, int64_t inner,
  float alpha, const float *left, int64_t left_stride, const float *right, int64_t right_stride,
  float beta, float *result, int64_t result_stride) {
  return dnnl_sgemm(
    left_is_transposed ? 'T' : 'N', right_is_transposed ? 'T' : 'N', rows, columns, inner, alpha,
    left, left_stride, right, right_stride, beta, result, result_stride);
}
