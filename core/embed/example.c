/* SPDX-License-Identifier: Apache-2.0 */
/* example [weights.bin]: the three calls that a program needs. */
#include <stdio.h>
#include "net.h"

static float in[NET_INPUT], out[NET_OUTPUT];

int
main(int argc, char **argv)
{
  int i, best = 0;

  if (net_init(argc > 1 ? argv[1] : "weights.bin") != 0) {
    fprintf(stderr, "example: cannot read the weights\n");
    return 1;
  }
  for (i = 0; i < NET_INPUT; i++)
    in[i] = 0; /* your pixels: batch, height, width, channels */
  if (net_run(in, out) != 0)
    return 1;
  for (i = 0; i < NET_OUTPUT; i++)
    if (out[i] > out[best])
      best = i;
  printf("largest output: %d (%g)\n", best, (double)out[best]);
  net_free();
  return 0;
}
