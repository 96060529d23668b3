/* SPDX-License-Identifier: Apache-2.0 */
/* The overview of a table that people ask for. */
#ifndef CORE_LISTING_H
#define CORE_LISTING_H
#include <stdio.h>
#include "table.h"

/* A line (json: an object) for each target and workload: how often it was
 * measured, and the best policy as a search would choose it. */
int listing_print(struct table *, FILE *, int json);
#endif
