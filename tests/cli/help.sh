# SPDX-License-Identifier: Apache-2.0
# --help, the man page and the completion tell of the same commands and
# options, and wrong usage ends with status 2 and one line that says why.
. "${abs_top_srcdir:-.}/tests/cli/functions.sh"

man=$abs_top_srcdir/docs/chanas.pod
completion=$abs_top_srcdir/docs/chanas.completion

run 0 "$CHANAS" --version
says "$out" '^chanas [0-9.]+ \(plugin interface [0-9]+\)$'
run 0 "$CHANAS" --help
mapfile -t commands < <(sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' "$out")
test ${#commands[@]} -ge 8 || fail "only ${#commands[@]} commands in --help"

for command in "${commands[@]}"; do
  says "$man" "^=item B<$command>"
  says "$completion" "commands=.*\b$command\b"
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

run 2 "$CHANAS"
says "$err" 'a command is missing'
run 2 "$CHANAS" serach
says "$err" "did you mean 'search'"
run 2 "$CHANAS" blocks --no-such-option x.ini
says "$err" 'no-such-option'
run 2 "$CHANAS" plugins --rank 1
says "$err" 'takes no --rank'
run 2 "$CHANAS" search "$test_folder/absent.ini"
says "$err" 'absent\.ini'
