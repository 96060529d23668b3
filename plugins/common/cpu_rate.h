/* SPDX-License-Identifier: Apache-2.0 */
/* Ceilings of the machine at hand: the best of a few short runs of what a
 * backend brings for its instruction set. */
#ifndef COMMON_CPU_RATE_H
#define COMMON_CPU_RATE_H
#include <stddef.h>

/* Thousands of millions of operations per second in all of the threads;
 * work() does so many operations in each of its rounds. */
double rate_work(int threads, void (*work)(long rounds), double operations);
/* GB/s with which one thread reads so many bytes again and again. */
double rate_read(size_t bytes, void (*read)(const float *, size_t floats));
#endif
