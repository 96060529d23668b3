/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The description of one target: key=value lines, from a backend's
 * describe() or from a file.  The fingerprint is a hash over all lines but
 * the "measured." ones.
 */
#ifndef CORE_DEVICE_H
#define CORE_DEVICE_H
#include <stddef.h>
#include <stdint.h>

struct chanas_device {
  size_t count;
  char **key, **value;
  char fingerprint[17]; /* 16 hex digits */
};

struct chanas_device *device_parse(const char *text); /* NULL, logged */
void device_free(struct chanas_device *);
/* "" if absent */
const char *device_trait(const struct chanas_device *, const char *key);
int64_t device_limit(const struct chanas_device *, const char *key);     /* 0 */
double device_real(const struct chanas_device *, const char *key);       /* 0 */
/* What its figures are: "measured", or what stands in the line kind= instead,
 * such as "emulated"; such figures mean nothing on the device itself, and its
 * fingerprint is another one. */
const char *device_kind(const struct chanas_device *);
/* Add or replace (the fingerprint is recomputed). */
void device_set(struct chanas_device *, const char *key, const char *value);
char *device_text(const struct chanas_device *); /* parses back; free it */
#endif
