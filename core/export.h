/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A network of a front as stand-alone source with its tuned kernels, its
 * weights and a self-check; needs nothing of chanas to build or run.
 */
#ifndef CORE_EXPORT_H
#define CORE_EXPORT_H
#include "session.h"

/* run: output folder of a search; rank from 1.  The folder dir must not hold
 * other files.  An exit code, logged. */
int export_network(const char *run, long rank, const char *dir);
#endif
