/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A link: one stream of frames to a serving runner, one stream back.
 *
 *   runner: hello PROTOCOL, version TEXT       at once
 *   chanas: a job (measure_job.h), which names its object by hash
 *   runner: need HASH                          unless it has that object
 *   chanas: put HASH, and the object as the body
 *   runner: beat STATE                         once a second while it
 *                receives a frame, waits for the device, or works on a job
 *   runner: answers N, and N answers, frames themselves, as the body
 *
 * There is one job at a time.  The end of either stream ends the link.
 */
#ifndef CORE_MEASURE_WIRE_H
#define CORE_MEASURE_WIRE_H
#include "measure_job.h"

#define WIRE_BEAT 1.0 /* seconds */
#define WIRE_HASH 40  /* room for a hash */

enum wire_kind { WIRE_HELLO, WIRE_NEED, WIRE_PUT, WIRE_BEATS, WIRE_ANSWERS,
                 WIRE_OTHER };

/* Of a payload; value is what follows the key. */
enum wire_kind wire_kind(const struct chanas_text *payload,
                         struct chanas_text *value);
void wire_hash(const struct chanas_text *object, char out[WIRE_HASH]);

/* Each appends one frame. */
void wire_hello(struct chanas_text *frame);
void wire_word(struct chanas_text *frame, enum wire_kind, const char *value);
void wire_put(struct chanas_text *frame, const char *hash,
              const struct chanas_text *object);
void wire_answers(struct chanas_text *frame, size_t n,
                  const struct answer a[]);
/* The answers in a payload to this job, how many; 0: they are not sound. */
size_t wire_read_answers(const struct chanas_text *payload,
                         const struct job *, struct answer a[]);
#endif
