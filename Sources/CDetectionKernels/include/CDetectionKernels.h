#pragma once

#include "roi_pooling.h"
