/* SPDX-License-Identifier: Apache-2.0 */
/* One array of parameters in the order and the type of a kernel. */
#ifndef COMMON_GPU_PACK_H
#define COMMON_GPU_PACK_H
#include "gpu_manifest.h"

enum gpu_word gpu_pack_type(const char *name); /* GPU_COLUMNS: none such */
size_t gpu_pack_words(const struct gpu_pack *); /* scales included */
void gpu_pack(const struct gpu_pack *, const float *weights,
              uint32_t *packed);
#endif
