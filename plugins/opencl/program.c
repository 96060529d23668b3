/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiled texts.  A text may hold many candidates.  The first one is
 * compiled alone, since mostly it stays the only one that this process runs;
 * whoever comes for a second one has all of them compiled at once, which costs
 * little more than one of them: it is the headers that take the time.
 */
#include "opencl.h"
#include <stdlib.h>
#include <string.h>
#include "gpu_select.h"

/* The last text and what was compiled of it. */
static struct kept {
  cl_context context;
  char *text, *part; /* part: what the program is made of, NULL: of all */
  cl_program program;
  int apart; /* together they do not compile */
} kept;

static void
forget(struct device *d)
{
  if (kept.program)
    d->cl->clReleaseProgram(kept.program);
  free(kept.text);
  free(kept.part);
  kept = (struct kept){ 0 };
}

static int
same(const struct device *d, const char *text)
{
  return kept.context == d->context && kept.text && !strcmp(kept.text, text);
}

/* Takes over part, and the program with it. */
static cl_program
keep(struct device *d, const char *text, char *part, cl_program program)
{
  int apart = same(d, text) && kept.apart;

  forget(d);
  kept = (struct kept){ d->context, strdup(text), part, program, apart };
  return program;
}

cl_program
program_open(struct device *d, const char *text,
             const struct chanas_program *p)
{
  char *part = gpu_select(text, p);
  cl_program program = NULL;

  if (part == NULL)
    return NULL;
  if (!same(d, text))
    program = keep(d, text, part, device_build(d, part, CHANAS_ERROR));
  else if (kept.part == NULL || !strcmp(kept.part, part)) {
    free(part);
    program = kept.program;
  } else if (!kept.apart
             && (program = device_build(d, text, CHANAS_DEBUG))) {
    free(part);
    program = keep(d, text, NULL, program);
  } else {
    kept.apart = 1;
    program = keep(d, text, part, device_build(d, part, CHANAS_ERROR));
  }
  if (program)
    d->cl->clRetainProgram(program);
  return program;
}
