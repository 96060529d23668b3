/* SPDX-License-Identifier: Apache-2.0 */
/* Splitting a command: see words.h. */
#include "words.h"
#include <string.h>

#define MAX_WORDS 256

static void *
complain(const struct chanas_host *host, const char *what, const char *command)
{
  host->log(host->ctx, CHANAS_ERROR, "command: %s: %s", what, command);
  return NULL;
}

/* The word at *from into to, terminated; 0 if a quote is not closed. */
static int
take_word(const char **from, char **to)
{
  char quote = 0;
  const char *at = *from;

  for (; *at && (quote || !strchr(" \t\n", *at)); at++) {
    if (*at == '\\' && quote != '\'' && at[1])
      *(*to)++ = *++at;
    else if (quote ? *at == quote : *at == '\'' || *at == '"')
      quote = quote ? 0 : *at;
    else
      *(*to)++ = *at;
  }
  *(*to)++ = '\0';
  *from = at;
  return quote == 0;
}

char **
words_split(const struct chanas_host *host, const char *command)
{
  char **word = host->alloc(host->ctx, (MAX_WORDS + 1) * sizeof *word);
  char *text = host->alloc(host->ctx, strlen(command) + MAX_WORDS + 1);
  const char *at = command;
  size_t n = 0;

  if (word == NULL || text == NULL)
    return complain(host, "out of memory", command);
  for (at += strspn(at, " \t\n"); *at; at += strspn(at, " \t\n")) {
    int file = *at == '@';
    at += file;
    if (n == MAX_WORDS)
      return complain(host, "too many words", command);
    word[n] = text;
    if (!take_word(&at, &text))
      return complain(host, "a quote is not closed", command);
    if (file && !(word[n] = (char *)host->data(host->ctx, word[n])))
      return NULL;
    n++;
  }
  return n ? word : complain(host, "empty; give a program and its arguments",
                             command);
}
