/* SPDX-License-Identifier: Apache-2.0 */
/* Members of a front, as its JSON file has them. */
#include "member.h"
#include <stdlib.h>
#include <string.h>
#include "file.h"
#include "log.h"

json_t *
member_load(const char *run, long rank)
{
  char *path = file_join(run, "front.json");
  json_error_t error;
  json_t *front = json_load_file(path, JSON_REJECT_DUPLICATES, &error), *m;

  if (front == NULL) {
    log_error("%s: %s; has the search ended?", path, error.text);
    free(path);
    return NULL;
  }
  m = json_incref(json_array_get(json_object_get(front, "front"),
                                 (size_t)rank - 1));
  if (m == NULL)
    log_error("%s: the front has %zu members, no rank %ld", path,
              json_array_size(json_object_get(front, "front")), rank);
  json_decref(front);
  free(path);
  return m;
}

int
member_choice(const struct chanas_space *space, const json_t *member,
              int32_t *choice)
{
  const json_t *knobs = json_object_get(member, "knobs");

  for (size_t k = 0; k < space->knobs; k++) {
    const struct knob *knob = &space->knob[k];
    const json_t *value = json_object_get(knobs, knob->name);
    size_t i = 0;
    if (json_is_null(value)) {
      choice[k] = 0;
      continue;
    }
    for (; i < knob->choices; i++)
      if (knob->label && json_is_string(value)
          ? strcmp(knob->label[i], json_string_value(value)) == 0
          : json_is_integer(value) &&
            json_integer_value(value) == knob->value[i])
        break;
    if (i == knob->choices) {
      log_error("front.json: knob %s has no such choice in this space",
                knob->name);
      return -1;
    }
    choice[k] = (int32_t)i;
  }
  return 0;
}
