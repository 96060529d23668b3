/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a search that does not see schedules would have picked: the same
 * networks, chosen by accuracy and MACs alone, or by accuracy and the
 * latency of default schedules; and how much slower those picks run with
 * their best schedules than the co-searched front at no less accuracy.
 */
#ifndef CORE_BLIND_H
#define CORE_BLIND_H
#include "archive.h"

struct blind {
  size_t picks;       /* members of the front that were compared */
  size_t worse;       /* of them: the blind pick is slower by over 1 % */
  double mean, most;  /* ratio of latencies: geometric mean, largest */
  long ours, theirs;  /* entries at the largest ratio */
};

enum blind_eye { BLIND_MACS, BLIND_DEFAULT };

struct blind blind_compare(const struct archive *, const size_t front[],
                           size_t fronts, enum blind_eye);
#endif
