/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The messages, one JSON object a line:
 *   to the program:  {"id":7,"code":"22212220","knobs":{"l1":2,...},
 *                     "macs":85160000,"params":1986000}
 *   from it:         {"id":7,"accuracy":93.1,"stddev":0.2}   stddev optional
 *                or  {"id":7,"error":"why not"}
 */
#ifndef PLUGINS_EXEC_MESSAGE_H
#define PLUGINS_EXEC_MESSAGE_H
#include <chanas/plugin.h>

/* The line with its newline, or NULL when out of memory; free() it. */
char *message_request(const struct chanas_host *, int64_t id,
                      const struct chanas_network *);

enum answer_kind {
  ANSWER_GARBAGE, /* no JSON object with a whole number as "id" */
  ANSWER_GOOD,    /* mean and stddev are set */
  ANSWER_ERROR,   /* the program says that it cannot: why is set */
  ANSWER_BAD,     /* the id is good, the numbers are not: why is set */
};

struct answer {
  enum answer_kind kind;
  int64_t id;
  double mean, stddev;
  char why[200];
};

/* The line is overwritten. */
void message_answer(char *line, size_t length, struct answer *);
#endif
