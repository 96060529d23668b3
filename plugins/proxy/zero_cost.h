/* SPDX-License-Identifier: Apache-2.0 */
/* Zero-cost scores of one network with random parameters. */
#ifndef PLUGINS_PROXY_ZERO_COST_H
#define PLUGINS_PROXY_ZERO_COST_H
#include "naswot.h"

/* Each is NAN where memory is short or there is nothing to score, and the
 * larger the better.
 *
 * synflow: log of sum |w * dR/dw|, R the sum of the outputs for an input of
 *   ones with all parameters replaced by their magnitudes and without
 *   normalisation (Tanaka et al., NeurIPS 2020, section 5; Abdelfattah et
 *   al., ICLR 2021, for networks).
 * zen: log of the mean magnitude by which the last features change with
 *   noise of 0.01 on the input, plus log of the deviation that every
 *   normalisation removed (Lin et al., ICCV 2021, algorithm 1). */
double measure_synflow(struct measure *, const struct chanas_network *);
double measure_zen(struct measure *, const struct chanas_network *);
double measure_params(struct measure *, const struct chanas_network *);
double measure_macs(struct measure *, const struct chanas_network *);
#endif
