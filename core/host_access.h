/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of struct chanas_host that needs no instance: readers of spaces,
 * points, networks and devices, and the writers.
 */
#ifndef CORE_HOST_ACCESS_H
#define CORE_HOST_ACCESS_H
#include <chanas/plugin.h>

void host_access(struct chanas_host *); /* fills those members in */
#endif
