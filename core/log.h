/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages on stderr, one line each, with a level; progress lines share the
 * terminal with them.  Thread-safe.
 */
#ifndef CORE_LOG_H
#define CORE_LOG_H
#include <stdarg.h>
#include <chanas/plugin.h>

extern enum chanas_level log_level; /* messages above it are dropped */

/* who: NULL for the core itself, else a plugin's name. */
void log_message(const char *who, enum chanas_level, const char *fmt, ...)
  __attribute__((format(printf, 3, 4)));
void log_vmessage(const char *who, enum chanas_level, const char *fmt, va_list)
  __attribute__((format(printf, 3, 0)));
/* -1 if the name is unknown: error, warn, info, debug. */
int log_parse_level(const char *name, enum chanas_level *);

#define log_error(...) log_message(NULL, CHANAS_ERROR, __VA_ARGS__)
#define log_warn(...) log_message(NULL, CHANAS_WARN, __VA_ARGS__)
#define log_info(...) log_message(NULL, CHANAS_INFO, __VA_ARGS__)
#define log_debug(...) log_message(NULL, CHANAS_DEBUG, __VA_ARGS__)
#endif
