/* SPDX-License-Identifier: Apache-2.0 */
/* The words for enum chanas_outcome. */
#include "outcome.h"

const char *
outcome_name(enum chanas_outcome outcome)
{
  static const char *const name[OUTCOMES] = {
    "measured", "illegal", "not built", "crashed", "timed out", "wrong",
    "out of memory", "lost", "invalid",
  };

  return (unsigned)outcome < OUTCOMES ? name[outcome] : "unknown";
}
