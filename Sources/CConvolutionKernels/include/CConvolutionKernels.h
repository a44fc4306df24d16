#pragma once

#include "maps.h"
#include "winograd.h"
