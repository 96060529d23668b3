/* SPDX-License-Identifier: Apache-2.0 */
/* A command line into words, as a user expects it of a shell, but with
 * nothing that is expanded or run. */
#include <string.h>

#include "proc.h"

/* One word from *p; 0, or -1 if a quote is left open. */
static int
next_word(const char **p, struct chanas_text *word)
{
  char quote = 0;
  for (; **p && (quote || !strchr(" \t\n", **p)); ++*p) {
    char c = **p;
    if (c == quote)
      quote = 0;
    else if (!quote && (c == '\'' || c == '"'))
      quote = c;
    else {
      if (c == '\\' && quote != '\'' && (*p)[1])
        c = *++*p;
      text_append(word, &c, 1);
    }
  }
  return quote ? -1 : 0;
}

int
proc_words(const char *command, struct chanas_args *args)
{
  int status = 0;
  while (!status) {
    struct chanas_text word = {0};
    command += strspn(command, " \t\n");
    if (!*command)
      break;
    text_append(&word, "", 0);
    status = next_word(&command, &word);
    if (!status)
      args_add(args, word.data);
    text_free(&word);
  }
  return status;
}
