/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A network of a front to take home: as a folder of stand-alone source with
 * its tuned kernels, its weights, a self-check and a program that classifies
 * images, which needs nothing of chanas to build or run; as an ONNX model.
 */
#ifndef CORE_EXPORT_H
#define CORE_EXPORT_H
#include "session.h"

struct weights;

struct export_request {
  const char *run;     /* output folder of a search */
  long rank;           /* from 1 */
  const char *dir;     /* where the folder goes, or NULL; its other files
                          stay */
  const char *onnx;    /* where the model goes, or NULL */
  const char *weights; /* weight file; NULL: random parameters */
};

/* An exit code, logged. */
int export_network(const struct export_request *);

/* ---- export_program.c */
/* Parameters of every block, those of the file or random ones.  NULL, logged;
 * free with export_parameters_free. */
float **export_parameters(const struct chanas_network *,
                          const struct weights *);
void export_parameters_free(float **, const struct chanas_network *);
/* The folder; an exit code, logged. */
int export_program(struct session *, const struct chanas_network *,
                   char **policy, float **parameters, const struct weights *,
                   const char *dir);

/* ---- export_model.c */
/* example.c; with weights also model.h and classify.c; and how the Makefile
 * of the backend builds them. */
void export_programs(const struct chanas_program *, const struct weights *,
                     struct chanas_files *);
#endif
