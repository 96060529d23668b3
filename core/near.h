/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "Did you mean": the name in a list that is closest to a mistyped one.
 */
#ifndef CORE_NEAR_H
#define CORE_NEAR_H

/* The nearest of list[] (NULL-terminated, may be NULL) by edit distance, or
 * NULL if none is near enough to be worth naming. */
const char *near_name(const char *name, const char *const list[]);
#endif
