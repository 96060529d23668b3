/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PLUGINS_NASWOT_H
#define PLUGINS_NASWOT_H
#include "untrained.h"

/* log |det K|, K the number of units of rectifiers in which two images of
 * the batch agree (Mellor et al., section 3): the larger the better.  NAN
 * where memory is short or there is nothing to score. */
double measure_naswot(struct measure *, const struct chanas_network *);
#endif
