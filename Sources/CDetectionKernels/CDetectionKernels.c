#include "CDetectionKernels.h"
