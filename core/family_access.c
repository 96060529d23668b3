/* SPDX-License-Identifier: Apache-2.0 */
/* What others may see of a family; apart from the rest, because a runner
 * has the services of plugins, but reads no space files. */
#include "family.h"

const char *
family_name(const struct family *family)
{
  return family->name;
}

const struct chanas_space *
family_space(const struct family *family)
{
  return family->space;
}

struct workload_set *
family_workloads(struct family *family)
{
  return &family->workloads;
}
