/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stand-alone C library around emitted kernels (see deploy.c for the files
 * and what is in them).
 */
#ifndef COMMON_DEPLOY_H
#define COMMON_DEPLOY_H
#include <chanas/plugin.h>

/* options: compiler flags of the Makefile; threads: what the kernels are made
 * for. */
int deploy_files(const struct chanas_host *, const struct chanas_program *,
                 int threads, const char *options, struct chanas_files *);
#endif
