/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What NASWOT says of a network before anything is trained, as a second
 * opinion: its errors are not those of shared parameters.  (Scores that need
 * no training, together with others: Abdelfattah et al., ICLR 2021, section
 * 4.)  Its score becomes an accuracy by the mean and deviation of both over
 * REFERENCES random networks of the space.
 */
#include <math.h>
#include <stdlib.h>
#include "naswot.h"
#include "rank.h"
#include "supernet.h"

#define REFERENCES 32
#define IMAGES 32     /* of noise; what the proxy has by default */
#define FARTHEST 3.0  /* deviations */

struct spread { double mean, deviation; };

struct prior {
  struct measure measure;
  struct spread naswot, accuracy;
};

static struct spread
spread_of(const double *x, size_t n)
{
  double sum = 0, square = 0;

  for (size_t i = 0; i < n; i++)
    sum += x[i];
  sum /= (double)n;
  for (size_t i = 0; i < n; i++)
    square += (x[i] - sum) * (x[i] - sum);
  return (struct spread){ sum, sqrt(square / (double)n) };
}

double
prior_score(struct supernet *net, const struct chanas_network *network)
{
  return measure_naswot(&net->prior->measure, network);
}

double
prior_accuracy(const struct prior *p, double score)
{
  double z = -FARTHEST;

  if (isfinite(score) && p->naswot.deviation > 0)
    z = (score - p->naswot.mean) / p->naswot.deviation;
  return p->accuracy.mean +
         fmax(-FARTHEST, fmin(FARTHEST, z)) * p->accuracy.deviation;
}

/* Both scores of the networks that have them; how many those are. */
static size_t
take_references(struct supernet *net, double *naswot, double *accuracy,
                int *status)
{
  const struct chanas_host *host = net->host;
  size_t n = 0;

  for (uint64_t i = 0; i < REFERENCES && *status == 0; i++) {
    struct chanas_network *network;
    struct score score;
    host->progress(host->ctx, "scoring networks to compare with", (double)i,
                   REFERENCES, NULL);
    *status = score_drawn(net, i, &network, &score);
    if (*status)
      break;
    host->discard(network);
    if (!isfinite(score.prior))
      continue;
    naswot[n] = score.prior;
    accuracy[n++] = score_inherited(net, &score);
  }
  host->progress(host->ctx, NULL, 0, 0, NULL);
  return n;
}

int
prior_open(struct supernet *net)
{
  const struct chanas_host *host = net->host;
  double naswot[REFERENCES], accuracy[REFERENCES];
  struct prior *p = calloc(1, sizeof *p);
  int status = 0;
  size_t n;

  if (p == NULL)
    return FAIL(host, "out of memory");
  net->prior = p;
  p->measure = (struct measure){ .host = host, .seed = net->seed,
                                 .batch = IMAGES };
  if (measure_open(&p->measure, net->threads) < 0)
    return -1;
  n = take_references(net, naswot, accuracy, &status);
  if (status)
    return status;
  if (n < REFERENCES / 2)
    return FAIL(host, "only %zu of %d networks have a score by NASWOT, which "
                "counts rectifiers; leave naswot out", n, REFERENCES);
  p->naswot = spread_of(naswot, n);
  p->accuracy = spread_of(accuracy, n);
  host->log(host->ctx, CHANAS_INFO, "NASWOT and the supernet agree on %zu "
            "networks with Spearman %.3f, Kendall %.3f", n,
            rank_spearman(naswot, accuracy, n),
            rank_kendall(naswot, accuracy, n));
  return 0;
}

void
prior_close(struct prior *p)
{
  if (p == NULL)
    return;
  measure_close(&p->measure);
  free(p);
}
