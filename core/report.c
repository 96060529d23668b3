/* SPDX-License-Identifier: Apache-2.0 */
/* Plain text, 80 columns where the codes allow it. */
#include "report.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "blind.h"
#include "outcome.h"

#define ROWS 40 /* of the front that are printed */

void
report_count(struct chanas_text *out, double value)
{
  if (value >= 1e9)
    text_print(out, "%.2f G", value * 1e-9);
  else if (value >= 1e6)
    text_print(out, "%.2f M", value * 1e-6);
  else if (value >= 1e3)
    text_print(out, "%.1f k", value * 1e-3);
  else
    text_print(out, "%.0f", value);
}

static char *
code_of(const struct search *r, size_t entry)
{
  struct chanas_network *net = network_build(r->session->family,
                                             r->archive.entry[entry].choice);
  struct chanas_text code = { 0 };

  text_print(&code, "%s", net ? net->code : "?");
  network_free(net);
  return code.data;
}

static void
print_row(const struct search *r, size_t rank, struct chanas_text *out)
{
  const struct entry *e = &r->archive.entry[r->front[rank]];
  char *code = code_of(r, r->front[rank]);

  text_print(out, "%4zu  %8.3f  %10.3f  ", rank + 1, e->accuracy,
             1e3 * e->latency);
  if (e->measured > 0)
    text_print(out, "%10.3f +- %-6.3f", 1e3 * e->measured, 1e3 * e->ci);
  else
    text_print(out, "%10s    %-6s", "-", "");
  text_print(out, "  %9.3f  %8.3f  ", 1e-6 * e->macs, 1e-6 * e->params);
  if (r->archive.rounding)
    text_print(out, "%10.3f  ", 100 * e->rounding);
  text_print(out, "%s\n", code);
  free(code);
}

static void
print_front(const struct search *r, struct chanas_text *out)
{
  text_print(out, "The front: %zu of %zu networks evaluated\n\n", r->fronts,
             r->archive.count);
  if (r->session->measures && strcmp(device_kind(r->session->device),
                                     "measured") != 0)
    text_print(out, "Latencies are %s, not those of a device.\n\n",
               device_kind(r->session->device));
  text_print(out, "rank  accuracy  latency_ms  measured_ms (95 %%)"
                  "    MACs (M)  params (M)  %snetwork\n",
             r->archive.rounding ? "rounding_%  " : "");
  for (size_t i = 0; i < r->fronts && i < ROWS; i++)
    print_row(r, i, out);
  if (r->fronts > ROWS)
    text_print(out, "... and %zu more, see front.csv\n", r->fronts - ROWS);
  text_print(out, "\n");
}

static void
print_trust(const struct search *r, struct chanas_text *out)
{
  const struct correction *c = &r->archive.correction;

  if (!r->session->measures) {
    text_print(out, "Nothing was measured: latencies are %s.\n",
               device_kind(r->session->device));
    return;
  }
  text_print(out, "Whole networks measured: %zu.  ", c->count);
  if (c->count < 2) {
    text_print(out, "Too few to correct the sum over blocks.\n");
    return;
  }
  text_print(out, "Median error of the predicted latency: %.1f %% as a plain "
             "sum,\n%.1f %% after correction (each network predicted by the "
             "others; latency = %.3f x sum\n%+.4f ms per block %+.4f ms per "
             "million parameters).\n", 100 * correction_raw_error(c),
             100 * correction_error(c), c->term[0], 1e3 * c->term[1],
             1e9 * c->term[2]);
}

static void
print_blind(const struct search *r, enum blind_eye eye, const char *name,
            struct chanas_text *out)
{
  struct blind b = blind_compare(&r->archive, r->front, r->fronts, eye);
  char *ours, *theirs;

  if (b.picks == 0 || b.ours < 0)
    return;
  ours = code_of(r, (size_t)b.ours);
  theirs = code_of(r, (size_t)b.theirs);
  text_print(out, "A schedule-blind search (%s) at no less accuracy: %.3f "
             "times the latency%s\n(geometric mean over %zu members, %zu of "
             "them over 1 %% slower).  Largest: it picks\n  %s\nwhere the "
             "front has\n  %s: %.2f times.\n", name, b.mean,
             r->session->measures ? ", both with tuned schedules" : "",
             b.picks, b.worse, theirs, ours, b.most);
  free(ours);
  free(theirs);
}

static void
print_gain(const struct search *r, struct chanas_text *out)
{
  double logs = 0;
  size_t n = 0;

  for (size_t i = 0; i < r->fronts; i++) {
    const struct entry *e = &r->archive.entry[r->front[i]];
    if (e->sum > 0 && isfinite(e->fixed)) {
      logs += log(e->fixed / e->sum);
      n++;
    }
  }
  if (n)
    text_print(out, "Tuned over default schedules on the front: %.2f times "
               "as fast (sum over blocks,\ngeometric mean).\n",
               exp(logs / (double)n));
}

static void
print_spent(const struct search *r, struct chanas_text *out)
{
  const struct tuner *t = &r->tuner;

  text_print(out, "\nDistinct blocks %zu; candidates measured now %zu",
             r->blocks, t->measured);
  for (int o = 1; o < OUTCOMES; o++)
    if (t->outcomes[o])
      text_print(out, ", %zu of them %s", t->outcomes[o],
                 outcome_name((enum chanas_outcome)o));
  text_print(out, "; in the table %zu.\n", t->spent);
  text_print(out, "Whole networks measured now %zu, failed %zu.\n",
             r->whole_measured, r->whole_failed);
  text_print(out, "Seconds: tuning %.1f, search %.1f, whole networks %.1f.\n",
             r->seconds_tuning, r->seconds_search, r->seconds_whole);
  if (t->complaint[0])
    text_print(out, "First failed candidate: %s\n", t->complaint);
}

void
report_search(const struct search *r, struct chanas_text *out)
{
  print_front(r, out);
  print_trust(r, out);
  if (r->archive.estimator.plugin && r->fronts) {
    print_blind(r, BLIND_MACS, "by MACs", out);
    if (r->session->measures)
      print_blind(r, BLIND_DEFAULT, "by latency of default schedules", out);
  }
  if (r->session->measures) {
    print_gain(r, out);
    print_spent(r, out);
  }
  if (r->archive.invalid)
    text_print(out, "Networks without a valid accuracy: %zu.\n",
               r->archive.invalid);
  if (r->interrupted)
    text_print(out, "\nInterrupted: this is what was known at that moment."
               "\n");
}
