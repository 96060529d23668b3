/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Short names of networks, after a template: text with groups {PATTERN} that
 * stand for the choices of all knobs that the pattern (fnmatch) names, one
 * after another; 0 for an inactive knob.  A family without a template has
 * the names that space_print gives, and its own name if it has no knobs.
 *
 * A code is read in two steps, for a knob may stand before its parent: cut
 * into the words of the knobs, then words into choices, parents first.  The
 * words of one knob are free of prefixes, so there is one way to cut.
 */
#include "family.h"
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "log.h"
#include "mem.h"

struct part { /* a text, or knobs */
  char *text;
  size_t knobs, *knob;
};

struct code {
  size_t parts;
  struct part *part;
  size_t knobs;
  char ***word; /* of each knob and choice */
};

/* Operators print their position: their labels are long. */
static char *
choice_word(const struct knob *knob, size_t i)
{
  int operator = !strncmp(knob->name, "op", 2) || strstr(knob->name, "edge");

  if (knob->label && !operator)
    return mem_string(knob->label[i]);
  return mem_print("%lld", (long long)knob->value[i]);
}

static void
make_words(struct code *code, const struct chanas_space *space)
{
  code->knobs = space->knobs;
  code->word = mem_array(char **, space->knobs + 1);
  for (size_t k = 0; k < space->knobs; k++) {
    const struct knob *knob = &space->knob[k];
    code->word[k] = mem_array(char *, knob->choices + 1);
    for (size_t i = 0; i < knob->choices; i++)
      code->word[k][i] = choice_word(knob, i);
  }
}

static struct part *
add_part(struct code *code)
{
  code->part = mem_grow(code->part, code->parts + 1, sizeof *code->part);
  code->part[code->parts] = (struct part){ 0 };
  return &code->part[code->parts++];
}

static int
add_group(struct code *code, const struct chanas_space *space,
          const char *pattern)
{
  struct part *part = add_part(code);

  for (size_t k = 0; k < space->knobs; k++)
    if (fnmatch(pattern, space->knob[k].name, 0) == 0) {
      part->knob = mem_grow(part->knob, part->knobs + 1, sizeof *part->knob);
      part->knob[part->knobs++] = k;
    }
  return part->knobs ? 0 : -1;
}

static int
cut_template(struct code *code, const struct family *family,
             const struct source *in, const char *text, int line)
{
  while (*text) {
    size_t size = strcspn(text, "{}");
    const char *end;
    char *pattern;
    int status;
    if (size > 0) {
      add_part(code)->text = mem_print("%.*s", (int)size, text);
      text += size;
      continue;
    }
    end = *text == '{' ? strchr(text, '}') : NULL;
    if (end == NULL)
      return source_error(in, line, "code: a brace without its partner; "
                          "write {PATTERN}");
    pattern = mem_print("%.*s", (int)(end - text - 1), text + 1);
    status = add_group(code, family->space, pattern);
    if (status < 0)
      source_error(in, line, "code: no knob is named {%s}", pattern);
    free(pattern);
    if (status < 0)
      return -1;
    text = end + 1;
  }
  return 0;
}

/* Each knob exactly once: else two networks would share a code. */
static int
check_cover(const struct code *code, const struct family *family,
            const struct source *in, int line)
{
  for (size_t k = 0; k < family->space->knobs; k++) {
    size_t uses = 0;
    for (size_t p = 0; p < code->parts; p++)
      for (size_t i = 0; i < code->part[p].knobs; i++)
        uses += code->part[p].knob[i] == k;
    if (uses != 1)
      return source_error(in, line, "code: knob %s is printed %zu times; each "
                          "must be printed once", family->space->knob[k].name,
                          uses);
  }
  return 0;
}

/* Is a, which stands for a choice, the beginning of b? */
static int
begins(const char *a, const char *b)
{
  return strncmp(a, b, strlen(a)) == 0;
}

static int
knob_ambiguous(const struct code *code, const struct chanas_space *space,
               size_t k)
{
  char **word = code->word[k];

  for (size_t i = 0; word[i]; i++) {
    if (space->knob[k].parent >= 0 && strcmp(word[i], "0") != 0 &&
        begins("0", word[i]))
      return 1;
    for (size_t j = 0; word[j]; j++)
      if (i != j && begins(word[i], word[j]))
        return 1;
  }
  return 0;
}

/* Words may be prefixes of each other only where a text, or the end, that
 * cannot go on a number follows. */
static int
check_words(const struct code *code, const struct family *family,
            const struct source *in, int line)
{
  for (size_t p = 0; p < code->parts; p++) {
    const struct part *part = &code->part[p];
    int closed = p + 1 == code->parts ||
                 (code->part[p + 1].text &&
                  !strchr("0123456789.", *code->part[p + 1].text));
    for (size_t i = 0; i < part->knobs; i++)
      if (!(closed && i + 1 == part->knobs) &&
          knob_ambiguous(code, family->space, part->knob[i]))
        return source_error(in, line, "code: choices of knob %s begin alike; "
                            "put text behind it",
                            family->space->knob[part->knob[i]].name);
  }
  return 0;
}

int
code_read(struct family *family, struct source *in, const char *text, int line)
{
  struct code *code = family->code = mem_new(struct code);

  make_words(code, family->space);
  if (text == NULL)
    return 0;
  if (*text == '\0')
    return source_error(in, line, "code is empty; remove the line");
  if (cut_template(code, family, in, text, line) < 0 ||
      check_cover(code, family, in, line) < 0)
    return -1;
  return check_words(code, family, in, line);
}

void
code_free(struct code *code)
{
  if (code == NULL)
    return;
  for (size_t p = 0; p < code->parts; p++) {
    free(code->part[p].text);
    free(code->part[p].knob);
  }
  for (size_t k = 0; k < code->knobs; k++) {
    for (size_t i = 0; code->word[k][i]; i++)
      free(code->word[k][i]);
    free(code->word[k]);
  }
  free(code->word);
  free(code->part);
  free(code);
}

void
code_print(const struct family *family, const int32_t *choice,
           struct chanas_text *out)
{
  const struct code *code = family->code;

  if (code->parts == 0 && family->space->knobs == 0)
    text_print(out, "%s", family->name);
  else if (code->parts == 0)
    space_print(family->space, choice, out);
  for (size_t p = 0; p < code->parts; p++) {
    const struct part *part = &code->part[p];
    if (part->text)
      text_append(out, part->text, strlen(part->text));
    for (size_t i = 0; i < part->knobs; i++) {
      size_t k = part->knob[i];
      const char *word = space_active(family->space, choice, k) ?
                         code->word[k][choice[k]] : "0";
      text_append(out, word, strlen(word));
    }
  }
}

/* ---- and back ----------------------------------------------------------- */

struct word { const char *start; size_t size; };

/* The longest word of knob k that the text begins with. */
static size_t
match(const struct family *family, size_t k, const char *text)
{
  char **word = family->code->word[k];
  size_t best = family->space->knob[k].parent >= 0 && *text == '0';

  for (size_t i = 0; word[i]; i++)
    if (begins(word[i], text) && strlen(word[i]) > best)
      best = strlen(word[i]);
  return best;
}

static int
cut_code(const struct family *family, const char *text, struct word *words)
{
  const struct code *code = family->code;

  for (size_t p = 0; p < code->parts; p++) {
    const struct part *part = &code->part[p];
    if (part->text) {
      if (!begins(part->text, text))
        return -1;
      text += strlen(part->text);
    }
    for (size_t i = 0; i < part->knobs; i++) {
      struct word *word = &words[part->knob[i]];
      word->start = text;
      word->size = match(family, part->knob[i], text);
      if (word->size == 0)
        return -1;
      text += word->size;
    }
  }
  return *text ? -1 : 0;
}

static int
read_word(const struct family *family, const struct word *word, size_t k,
          int32_t *choice)
{
  char **words = family->code->word[k];

  choice[k] = 0;
  if (!space_active(family->space, choice, k))
    return word->size == 1 && *word->start == '0' ? 0 : -1;
  for (size_t i = 0; words[i]; i++)
    if (strlen(words[i]) == word->size &&
        memcmp(words[i], word->start, word->size) == 0) {
      choice[k] = (int32_t)i;
      return 0;
    }
  return -1;
}

static int
parse_template(const struct family *family, const char *text, int32_t *choice)
{
  size_t knobs = family->space->knobs;
  struct word *words = mem_array(struct word, knobs + 1);
  int status = cut_code(family, text, words);

  for (size_t k = 0; k < knobs && status == 0; k++)
    status = read_word(family, &words[k], k, choice);
  free(words);
  return status;
}

int
network_parse_code(const struct family *family, const char *text,
                   int32_t *choice)
{
  int status;

  if (family->code->parts)
    status = parse_template(family, text, choice);
  else if (family->space->knobs)
    status = space_parse(family->space, text, choice);
  else
    status = strcmp(text, family->name) ? -1 : 0;
  if (status < 0)
    log_error("'%s' is no code of %s", text, family->name);
  return status;
}
