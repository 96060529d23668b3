/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and answers: see message.h. */
#include "message.h"
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *
count(double value)
{
  return fabs(value) < 9e15 && value == floor(value) ?
    json_integer((json_int_t)value) : json_real(value);
}

/* A choice that has a name is sent by its name, else by its value. */
static json_t *
chosen(const struct chanas_host *host, struct chanas_point point, size_t k)
{
  size_t choice = (size_t)point.choice[k];
  int64_t value = host->knob_value(point.space, k, choice);
  const char *label = host->knob_label(point.space, k, choice);
  char number[24];

  snprintf(number, sizeof number, "%lld", (long long)value);
  return *label && strcmp(label, number) != 0 ? json_string(label) :
    json_integer(value);
}

static json_t *
knobs(const struct chanas_host *host, struct chanas_point point)
{
  json_t *all = json_object();

  for (size_t k = 0; k < host->knobs(point.space); k++)
    if (host->active(point, k))
      json_object_set_new(all, host->knob_name(point.space, k),
                          chosen(host, point, k));
  return all;
}

char *
message_request(const struct chanas_host *host, int64_t id,
                const struct chanas_network *net)
{
  json_t *request = json_pack(
    "{s:I, s:s, s:o, s:o, s:o}", "id", (json_int_t)id, "code",
    host->code(net), "knobs", knobs(host, host->origin(net)), "macs",
    count(host->macs(net)), "params", count(host->params(net)));
  size_t size = request ? json_dumpb(request, NULL, 0, JSON_COMPACT) : 0;
  char *line = size ? malloc(size + 2) : NULL;

  if (line) {
    json_dumpb(request, line, size, JSON_COMPACT);
    strcpy(line + size, "\n");
  }
  json_decref(request);
  return line;
}

/* JSON has no NaN, yet Python's json.dumps writes it: such a value becomes an
 * empty list, so that the answer is read as one with a wrong number. */
static void
hide_nan(char *line)
{
  int quoted = 0;

  for (char *at = line; *at; at++) {
    if (quoted && *at == '\\' && at[1])
      at++;
    else if (*at == '"')
      quoted = !quoted;
    else if (!quoted && strncmp(at, "NaN", 3) == 0)
      memcpy(at, "[ ]", 3);
    else if (!quoted && strncmp(at, "-Infinity", 9) == 0)
      memcpy(at, "[       ]", 9);
    else if (!quoted && strncmp(at, "Infinity", 8) == 0)
      memcpy(at, "[      ]", 8);
  }
}

static void
read_numbers(const json_t *object, struct answer *answer)
{
  const json_t *mean = json_object_get(object, "accuracy");
  const json_t *stddev = json_object_get(object, "stddev");

  answer->kind = ANSWER_BAD;
  answer->mean = json_number_value(mean);
  answer->stddev = json_number_value(stddev);
  if (mean == NULL)
    strcpy(answer->why, "has neither \"accuracy\" nor \"error\"");
  else if (!json_is_number(mean) || !isfinite(answer->mean))
    strcpy(answer->why, "\"accuracy\" is not a finite number");
  else if (answer->mean < 0 || answer->mean > 100)
    snprintf(answer->why, sizeof answer->why, "\"accuracy\" is %g, not in "
             "percent between 0 and 100", answer->mean);
  else if (stddev && (!json_is_number(stddev) || !(answer->stddev >= 0) ||
                      !isfinite(answer->stddev)))
    strcpy(answer->why, "\"stddev\" is not a number from 0 up");
  else
    answer->kind = ANSWER_GOOD;
}

void
message_answer(char *line, size_t length, struct answer *answer)
{
  json_t *object, *id, *error;

  *answer = (struct answer){ .kind = ANSWER_GARBAGE };
  hide_nan(line);
  object = json_loadb(line, length, JSON_REJECT_DUPLICATES, NULL);
  id = json_object_get(object, "id");
  error = json_object_get(object, "error");
  if (json_is_integer(id)) {
    answer->id = json_integer_value(id);
    if (error) {
      answer->kind = ANSWER_ERROR;
      snprintf(answer->why, sizeof answer->why, "%s", json_is_string(error) ?
               json_string_value(error) : "(no reason given)");
    } else {
      read_numbers(object, answer);
    }
  }
  json_decref(object);
}
