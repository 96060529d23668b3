/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What plugins read and write through struct chanas_host.  An index out of
 * range gives the neutral value that plugin.h names, never a crash: these
 * calls come from code the core does not control.
 */
#include "host_access.h"
#include <inttypes.h>
#include <stdio.h>
#include "device.h"
#include "network.h"
#include "space.h"
#include "text.h"

static int
add_knob(struct chanas_space *space, const char *name, size_t n,
         const int64_t *values)
{
  return space_add(space, name, n, values, NULL) < 0 ? -1 : 0;
}

static size_t
knobs(const struct chanas_space *space)
{
  return space->knobs;
}

static size_t
choices(const struct chanas_space *space, size_t knob)
{
  return knob < space->knobs ? space->knob[knob].choices : 0;
}

static const char *
knob_name(const struct chanas_space *space, size_t knob)
{
  return knob < space->knobs ? space->knob[knob].name : "";
}

static int64_t
knob_value(const struct chanas_space *space, size_t knob, size_t i)
{
  return i < choices(space, knob) ? space->knob[knob].value[i] : 0;
}

/* A choice without a label prints its value, in a buffer of the thread. */
static const char *
knob_label(const struct chanas_space *space, size_t knob, size_t i)
{
  static _Thread_local char number[24];

  if (i >= choices(space, knob))
    return "";
  if (space->knob[knob].label && space->knob[knob].label[i])
    return space->knob[knob].label[i];
  snprintf(number, sizeof number, "%" PRId64, space->knob[knob].value[i]);
  return number;
}

static int64_t
value(struct chanas_point point, const char *name)
{
  return space_value(point.space, point.choice, name, 0);
}

static int
active(struct chanas_point point, size_t knob)
{
  return knob < point.space->knobs &&
    space_active(point.space, point.choice, knob);
}

static struct chanas_point
origin(const struct chanas_network *network)
{
  return (struct chanas_point){ family_space(network->family),
                                network->choice };
}

static const char *
code(const struct chanas_network *network)
{
  return network->code;
}

static double
macs(const struct chanas_network *network)
{
  return network->macs;
}

static double
params(const struct chanas_network *network)
{
  return network->params;
}

static size_t
blocks(const struct chanas_network *network)
{
  return network->blocks;
}

/* The set is read only here; family_workloads wants a writable family
 * because its other callers intern. */
static const struct chanas_workload *
block(const struct chanas_network *network, size_t i)
{
  struct workload_set *set;

  if (i >= network->blocks)
    return NULL;
  set = family_workloads((struct family *)network->family);
  return set->item[network->block[i].workload];
}

static const char *
block_name(const struct chanas_network *network, size_t i)
{
  return i < network->blocks ? network->block[i].name : "";
}

static const char *
block_choice(const struct chanas_network *network, size_t i)
{
  return i < network->blocks ? network->block[i].choice : "";
}

static int32_t
block_source(const struct chanas_network *network, size_t i)
{
  return i < network->blocks ? network->block[i].src : -1;
}

static int32_t
block_target(const struct chanas_network *network, size_t i)
{
  return i < network->blocks ? network->block[i].dst : -1;
}

void
host_access(struct chanas_host *host)
{
  host->knob = add_knob;
  host->knobs = knobs;
  host->choices = choices;
  host->knob_name = knob_name;
  host->knob_value = knob_value;
  host->knob_label = knob_label;
  host->find_knob = space_find;
  host->value = value;
  host->active = active;
  host->origin = origin;
  host->code = code;
  host->macs = macs;
  host->params = params;
  host->blocks = blocks;
  host->block = block;
  host->limit = device_limit;
  host->trait = device_trait;
  host->print = text_print;
  host->arg = args_add;
  host->file = files_get;
  host->block_name = block_name;
  host->block_choice = block_choice;
  host->block_source = block_source;
  host->block_target = block_target;
}
