/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Progress with an estimate of the time left: a line rewritten in place on a
 * terminal, a line a minute elsewhere, nothing when quiet.
 */
#ifndef CORE_PROGRESS_H
#define CORE_PROGRESS_H

extern int progress_quiet;

/* Begin a phase of `total` steps (0: unknown). */
void progress_begin(const char *phase, double total);
/* Steps done so far; note is a short text behind the bar, may be NULL. */
void progress_update(double done, const char *note);
void progress_end(void);
/* Erase the line on the terminal; log messages call it. */
void progress_clear(void);
#endif
