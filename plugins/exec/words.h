/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command line as words, without a shell: blanks separate; '...' and "..."
 * hold a word together; a backslash takes the next character as it is (not
 * inside '...').  Nothing is expanded but a leading @, which names a data
 * file: @NAME becomes its full path.
 */
#ifndef PLUGINS_EXEC_WORDS_H
#define PLUGINS_EXEC_WORDS_H
#include <chanas/plugin.h>

/* NULL-terminated, in the host's memory; NULL, logged. */
char **words_split(const struct chanas_host *, const char *command);
#endif
