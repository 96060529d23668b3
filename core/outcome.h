/* SPDX-License-Identifier: Apache-2.0 */
/* The words for enum chanas_outcome, in messages, tables and files. */
#ifndef CORE_OUTCOME_H
#define CORE_OUTCOME_H
#include <chanas/plugin.h>

#define OUTCOMES (CHANAS_INVALID + 1)

const char *outcome_name(enum chanas_outcome); /* "timed out" */
#endif
