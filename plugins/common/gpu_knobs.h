/* SPDX-License-Identifier: Apache-2.0 */
/* What the default policy wishes of the knobs whose names begin so. */
#ifndef COMMON_GPU_KNOBS_H
#define COMMON_GPU_KNOBS_H
#include <stddef.h>
#include <stdint.h>

struct gpu_wish { const char *name; size_t length; int64_t value; };
#define WISH(n, v) { n, sizeof n - 1, v }
#endif
