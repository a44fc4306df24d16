// Memory descriptors: a structure to copy in version 2, an object with an owner in version 3.

#include <stdlib.h>
#include <string.h>

#include "versions.h"

static const struct {
  enum fd_type ours;
  dnnl_data_type_t theirs;
} types[] = {
  {fd_type_f32, dnnl_f32}, {fd_type_bf16, dnnl_bf16}, {fd_type_s32, dnnl_s32},
  {fd_type_s8, dnnl_s8},   {fd_type_u8, dnnl_u8},
};
enum { type_count = sizeof types / sizeof *types };

static dnnl_data_type_t data_type(enum fd_type type) {
  for (int i = 0; i < type_count; i++) {
    if (types[i].ours == type) return types[i].theirs;
  }
  return dnnl_data_type_undef;
}

/// oneDNN's name of an order, which has to be one of so many axes.
static dnnl_format_tag_t tag(enum fd_order order, int rank) {
  switch (order) {
    case fd_order_any: return dnnl_format_tag_any;
    case fd_order_plain:
      switch (rank) {
        case 1: return dnnl_a;
        case 2: return dnnl_ab;
        case 3: return dnnl_abc;
        case 4: return dnnl_abcd;
        case 5: return dnnl_abcde;
      }
      break;
    case fd_order_channels_last:
      if (rank == 2) return dnnl_ab;
      if (rank == 4) return dnnl_acdb;
      break;
    case fd_order_blocked_8:
      if (rank == 4) return dnnl_aBcd8b;
      break;
    case fd_order_blocked_16:
      if (rank == 4) return dnnl_aBcd16b;
      break;
    case fd_order_transposed:
      if (rank == 2) return dnnl_ba;
      break;
  }
  return dnnl_format_tag_undef;
}

#if FD_VERSION_2

static int create(
  fd_layout **layout, int rank, const int64_t *extents, dnnl_data_type_t type,
  dnnl_format_tag_t tag) {
  dnnl_memory_desc_t descriptor;
  int status = dnnl_memory_desc_init_by_tag(&descriptor, rank, extents, type, tag);
  return status == dnnl_success ? fd_layout_copy(layout, &descriptor) : status;
}

int fd_layout_copy(fd_layout **layout, fd_descriptor descriptor) {
  dnnl_memory_desc_t *copy = calloc(1, sizeof *copy);
  if (!copy) return dnnl_out_of_memory;
  if (descriptor) *copy = *descriptor;
  *layout = (fd_layout *)copy;
  return dnnl_success;
}

int fd_layout_region(
  fd_layout **region, const fd_layout *whole, const int64_t *extents, const int64_t *offsets) {
  dnnl_memory_desc_t descriptor;
  int status =
    dnnl_memory_desc_init_submemory(&descriptor, descriptor_of(whole), extents, offsets);
  return status == dnnl_success ? fd_layout_copy(region, &descriptor) : status;
}

int fd_layout_retyped(fd_layout **result, const fd_layout *layout, enum fd_type type) {
  int status = fd_layout_copy(result, descriptor_of(layout));
  if (status == dnnl_success) ((dnnl_memory_desc_t *)*result)->data_type = data_type(type);
  return status;
}

void fd_layout_destroy(fd_layout *layout) { free(layout); }

int fd_layout_rank(const fd_layout *layout) { return descriptor_of(layout)->ndims; }

static const int64_t *extents_of(const fd_layout *layout) { return descriptor_of(layout)->dims; }

static dnnl_data_type_t data_type_of(const fd_layout *layout) {
  return descriptor_of(layout)->data_type;
}

#else

static int create(
  fd_layout **layout, int rank, const int64_t *extents, dnnl_data_type_t type,
  dnnl_format_tag_t tag) {
  return dnnl_memory_desc_create_with_tag((dnnl_memory_desc_t *)layout, rank, extents, type, tag);
}

int fd_layout_copy(fd_layout **layout, fd_descriptor descriptor) {
  dnnl_memory_desc_t *copy = (dnnl_memory_desc_t *)layout;
  return descriptor
    ? dnnl_memory_desc_clone(copy, descriptor)
    : dnnl_memory_desc_create_with_strides(copy, 0, NULL, dnnl_data_type_undef, NULL);
}

int fd_layout_region(
  fd_layout **region, const fd_layout *whole, const int64_t *extents, const int64_t *offsets) {
  return dnnl_memory_desc_create_submemory(
    (dnnl_memory_desc_t *)region, descriptor_of(whole), extents, offsets);
}

static dnnl_data_type_t data_type_of(const fd_layout *layout);

int fd_layout_retyped(fd_layout **result, const fd_layout *layout, enum fd_type type) {
  // An opaque layout has no type to set: it is found again among those that have a name.
  const int rank = fd_layout_rank(layout);
  int64_t extents[fd_most_axes];
  fd_layout_extents(layout, extents);
  for (int tag = dnnl_a; tag < dnnl_format_tag_last; tag++) {
    fd_layout *named = NULL;
    if (create(&named, rank, extents, data_type_of(layout), tag) != dnnl_success) continue;
    const bool is_it = fd_layout_equal(named, layout);
    fd_layout_destroy(named);
    if (is_it) return create(result, rank, extents, data_type(type), tag);
  }
  return dnnl_unimplemented;
}

void fd_layout_destroy(fd_layout *layout) { dnnl_memory_desc_destroy((dnnl_memory_desc_t)layout); }

int fd_layout_rank(const fd_layout *layout) {
  int rank = 0;
  dnnl_memory_desc_query(descriptor_of(layout), dnnl_query_ndims_s32, &rank);
  return rank;
}

static const int64_t *extents_of(const fd_layout *layout) {
  const dnnl_dims_t *extents = NULL;
  dnnl_memory_desc_query(descriptor_of(layout), dnnl_query_dims, &extents);
  return *extents;
}

static dnnl_data_type_t data_type_of(const fd_layout *layout) {
  dnnl_data_type_t type = dnnl_data_type_undef;
  dnnl_memory_desc_query(descriptor_of(layout), dnnl_query_data_type, &type);
  return type;
}

#endif

int fd_layout_create(
  fd_layout **layout, int rank, const int64_t *extents, enum fd_type type, enum fd_order order) {
  const dnnl_format_tag_t wanted = tag(order, rank);
  if (wanted == dnnl_format_tag_undef) return dnnl_invalid_arguments;
  return create(layout, rank, extents, data_type(type), wanted);
}

void fd_layout_extents(const fd_layout *layout, int64_t extents[fd_most_axes]) {
  const int rank = fd_layout_rank(layout);
  if (rank > 0) memcpy(extents, extents_of(layout), sizeof *extents * (size_t)rank);
}

enum fd_type fd_layout_type(const fd_layout *layout) {
  const dnnl_data_type_t theirs = data_type_of(layout);
  for (int i = 0; i < type_count; i++) {
    if (types[i].theirs == theirs) return types[i].ours;
  }
  return fd_type_other;
}

size_t fd_layout_size(const fd_layout *layout) {
  return dnnl_memory_desc_get_size(descriptor_of(layout));
}

bool fd_layout_equal(const fd_layout *left, const fd_layout *right) {
  return dnnl_memory_desc_equal(descriptor_of(left), descriptor_of(right)) != 0;
}
