#pragma once

#include <stdint.h>

/// The number of times that memory was asked for since the program began.
uint64_t allocation_count(void);
