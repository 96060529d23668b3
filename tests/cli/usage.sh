# SPDX-License-Identifier: Apache-2.0
# Help, version, exit codes and refusals of the command itself.
. "${abs_top_srcdir:-.}/tests/cli/functions.sh"

run 0 "$CHANAS" --help
says "$out" '^Usage: chanas COMMAND'
says "$out" 'Exit codes: 0 done, 1 failure, 2 usage'
run 0 "$CHANAS" --version
says "$out" '^chanas [0-9.]+ \(plugin interface [0-9]+\)$'
for command in search tune blocks measure table plugins export doctor \
  train estimate; do
  run 0 "$CHANAS" $command --help
  says "$out" "^Usage: chanas $command "
done

run 2 "$CHANAS"
run 2 "$CHANAS" serach x.ini
says "$err" "did you mean 'search'"
run 2 "$CHANAS" search
run 2 "$CHANAS" search a.ini b.ini
run 2 "$CHANAS" search --rank 3 a.ini
says "$err" 'takes no --rank'
run 2 "$CHANAS" export --rank 0 somewhere
run 2 "$CHANAS" search "$test_folder/absent.ini"
says "$err" 'absent.ini'
run 2 "$CHANAS" --log-level loud plugins

printf '[search]\nevaluatoins = 3\n' >"$test_folder/typo.ini"
run 2 "$CHANAS" search "$test_folder/typo.ini"
says "$err" 'typo.ini:2:.*evaluatoins.*evaluations'
printf '[search]\nevaluations = many\n' >"$test_folder/value.ini"
run 2 "$CHANAS" search "$test_folder/value.ini"
says "$err" 'value.ini:2:'

printf '[backend]\nplugin = quantum\n[space]\nfile = %s\n' \
  spaces/mobilenet-v2.ini >"$test_folder/backend.ini"
run 4 "$CHANAS" search "$test_folder/backend.ini"
says "$err" 'quantum'

echo 'this is no database, but a long enough text to look at' \
  >"$test_folder/foreign.db"
sum=$(cksum <"$test_folder/foreign.db")
run 5 "$CHANAS" table list --table "$test_folder/foreign.db"
test "$sum" = "$(cksum <"$test_folder/foreign.db")" ||
  fail "a foreign file was changed"
run 5 "$CHANAS" search --resume "$test_folder"
run 0 "$CHANAS" plugins
run 0 "$CHANAS" plugins --dump random
says "$out" '^name=random$'

# An element type that the backend lacks ends at once, before any trial.
if test -e "${CHANAS_PLUGIN_PATH:-}/chanas-x86.so"; then
  run 4 "$CHANAS" tune "$CHANAS_ETC/mobilenet-v2-x86.ini" \
    --set backend.dtype=tf32 --table "$test_folder/tf32.db"
  says "$err" 'x86 .*: tf32/n1/'
  test "$(wc -l <"$err")" = 2 || fail "said more than twice"
fi
