/* SPDX-License-Identifier: Apache-2.0 */
/* The key of a workload, between the builder and its text. */
#ifndef CORE_WORKLOAD_KEY_H
#define CORE_WORKLOAD_KEY_H
#include "workload.h"

void workload_print_key(const struct workload_builder *, struct chanas_text *);
#endif
