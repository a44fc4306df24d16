#pragma once

#include "boxes.h"
#include "roi_pooling.h"
