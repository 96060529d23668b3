/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of an emitted text. */
#ifndef COMMON_GPU_SELECT_H
#define COMMON_GPU_SELECT_H
#include <chanas/plugin.h>

/* The text without the steps that no step of the program names.  Free it;
 * NULL: no memory. */
char *gpu_select(const char *text, const struct chanas_program *);
#endif
