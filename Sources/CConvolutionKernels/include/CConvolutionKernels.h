#pragma once

#include "gradients.h"
#include "maps.h"
#include "narrow.h"
#include "winograd.h"
