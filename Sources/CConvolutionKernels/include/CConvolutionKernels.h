#pragma once

#include "winograd.h"
