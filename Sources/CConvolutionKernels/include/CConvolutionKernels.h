#pragma once

#include "gradients.h"
#include "maps.h"
#include "winograd.h"
