/* SPDX-License-Identifier: Apache-2.0 */
/* One member of a front.json: the knobs of its network, and its schedules. */
#ifndef CORE_MEMBER_H
#define CORE_MEMBER_H
#include <jansson.h>
#include "space.h"

/* run: the output folder of a search; rank from 1.  NULL, logged. */
json_t *member_load(const char *run, long rank);
/* choice has an entry per knob; one that is not active is 0.  -1, logged. */
int member_choice(const struct chanas_space *, const json_t *member,
                  int32_t *choice);
#endif
