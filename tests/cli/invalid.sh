# SPDX-License-Identifier: Apache-2.0
# An estimator that gives no number for some networks: they are left out with
# one warning, and the search ends as it should.  One that gives none at all,
# and one that dies: a clear end, with the documented code.
. "${abs_top_srcdir:-.}/tests/cli/functions.sh"
need_plugin replay exec random

printf 'key,mean\nblock,1\n' >"$test_folder/latency.csv"
cat >"$test_folder/estimator" <<'END'
#!/bin/sh
# accuracy rises with the id; every third network has none
while read -r line; do
  id=$(printf %s "$line" | sed 's/.*"id": *\([0-9]*\).*/\1/')
  if test "$1" = none || { test "$1" = third && test $((id % 3)) = 0; }; then
    echo "{\"id\": $id, \"error\": \"no number\"}"
  else
    echo "{\"id\": $id, \"accuracy\": $((50 + id % 40))}"
  fi
done
END
chmod +x "$test_folder/estimator"

ini() {
  cat >"$test_folder/run.ini" <<END
[search]
objectives = accuracy:max latency:min
evaluations = 60
batch = 20
[space]
file = spaces/nas-bench-macro.ini
[backend]
plugin = replay
file = latency.csv
stem = none
conv = none
mbconv = block
head = none
[strategy]
plugin = random
[estimator]
plugin = exec
command = $1
timeout = 10
restarts = 1
END
}

ini "@estimator third"
run 0 "$CHANAS" search "$test_folder/run.ini" -o "$test_folder/third"
says "$err" 'no finite accuracy for network [0-2]{8}'
test "$(grep -c 'no finite accuracy' "$err")" = 1 || fail "said repeatedly"
says "$out" '^Networks without a valid accuracy: [12][0-9]\.'

ini "@estimator none"
run 3 "$CHANAS" search "$test_folder/run.ini" -o "$test_folder/none"
says "$err" 'no network meets the constraint|accuracy'

ini "false"
run 1 "$CHANAS" search "$test_folder/run.ini" -o "$test_folder/dead"
says "$err" 'estimator exec failed'
test ! -e "$test_folder/dead/front.csv" || fail "half a result"
