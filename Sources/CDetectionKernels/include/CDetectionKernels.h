#pragma once

#include "boxes.h"
