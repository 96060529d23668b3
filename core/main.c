/* SPDX-License-Identifier: Apache-2.0 */
/* The command: signals, one command, its exit code. */
#include <locale.h>
#include <stdio.h>
#include "cmd.h"
#include "log.h"
#include "proc.h"

int
main(int argc, char **argv)
{
  struct options options;
  const struct command *command;
  int code;

  setlocale(LC_ALL, "C");
  code = cmd_parse(argc, argv, &options, &command);
  if (code == EXIT_DONE && command) {
    proc_catch_signals();
    code = command->run(&options);
    registry_close();
  }
  if (fflush(stdout) != 0 || ferror(stdout)) {
    log_error("standard output: cannot write");
    code = code ? code : EXIT_FAILED;
  }
  return proc_stop_signal() ? 128 + proc_stop_signal() : code;
}
