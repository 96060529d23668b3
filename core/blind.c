/* SPDX-License-Identifier: Apache-2.0 */
/* For each member of the front, the blind pick is the network that looks
 * cheapest to the blind eye among those of at least that accuracy. */
#include "blind.h"
#include <math.h>

static double
seen_cost(const struct entry *e, enum blind_eye eye)
{
  return eye == BLIND_MACS ? e->macs : e->fixed;
}

static long
cheapest(const struct archive *a, double accuracy, enum blind_eye eye)
{
  long at = -1;

  for (size_t i = 0; i < a->count; i++) {
    const struct entry *e = &a->entry[i];
    if (e->outcome != CHANAS_MEASURED || e->accuracy < accuracy ||
        !isfinite(seen_cost(e, eye)))
      continue;
    if (at < 0 || seen_cost(e, eye) < seen_cost(&a->entry[at], eye) ||
        (seen_cost(e, eye) == seen_cost(&a->entry[at], eye) &&
         e->accuracy > a->entry[at].accuracy))
      at = (long)i;
  }
  return at;
}

struct blind
blind_compare(const struct archive *a, const size_t front[], size_t fronts,
              enum blind_eye eye)
{
  struct blind b = { .most = 0, .ours = -1, .theirs = -1 };
  double logs = 0;

  for (size_t i = 0; i < fronts; i++) {
    const struct entry *e = &a->entry[front[i]];
    long pick = cheapest(a, e->accuracy, eye);
    double ratio;
    if (pick < 0 || !(e->latency > 0))
      continue;
    ratio = a->entry[pick].latency / e->latency;
    logs += log(ratio);
    b.picks++;
    b.worse += ratio > 1.01;
    if (ratio > b.most) {
      b.most = ratio;
      b.ours = (long)front[i];
      b.theirs = pick;
    }
  }
  b.mean = b.picks ? exp(logs / (double)b.picks) : NAN;
  return b;
}
