# SPDX-License-Identifier: Apache-2.0
# --help, the man page and the completion tell of the same commands and
# options.
. "${abs_top_srcdir:-.}/tests/cli/functions.sh"

man=$abs_top_srcdir/docs/chanas.pod
completion=$abs_top_srcdir/docs/chanas.completion

run 0 "$CHANAS" --help
mapfile -t commands < <(sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' "$out")
test ${#commands[@]} -ge 8 || fail "only ${#commands[@]} commands in --help"

for command in "${commands[@]}"; do
  says "$man" "^=item B<$command>"
  says "$completion" "commands[+]?=.*\b$command\b"
  run 0 "$CHANAS" "$command" --help
  says "$out" "^Usage: chanas $command "
  mapfile -t options < <(grep -oE -- '--[a-z][a-z-]*' "$out" | sort -u)
  for option in "${options[@]}"; do
    says "$man" "B<$option>"
    test "$option" = --help ||
      sed -n "/^    $command)/,/;;/p" "$completion" | grep -q -- "$option" ||
      fail "completion of $command lacks $option"
  done
done
