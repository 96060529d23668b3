/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The report of a search, for people: the front as a table, how far the
 * prediction can be trusted, what a schedule-blind search would have picked,
 * and what was spent.
 */
#ifndef CORE_REPORT_H
#define CORE_REPORT_H
#include "search.h"

void report_search(const struct search *, struct chanas_text *out);
/* Number with K, M, G: "23.4 M". */
void report_count(struct chanas_text *out, double value);
#endif
