# SPDX-License-Identifier: Apache-2.0
# kill -9 at any moment: the run carries on to the result of an unbroken one,
# and the table is sound.  The backend is one whose kernels say themselves
# how long they take, so that the results can be equal to the byte.
. "${abs_top_srcdir:-.}/tests/cli/functions.sh"
need_plugin evolution table
need_hostile

small_space "$test_folder/space.ini" "8 12" "1 2 3" 2 '{k*}-{e*}-{resolution}'
cat >"$test_folder/run.ini" <<'END'
[search]
evaluations = 40
batch = 8
finalists = 2
rounds = 2
[space]
file = space.ini
[backend]
plugin = hostile
tame = yes
steady = yes
[tuner]
plugin = evolution
first = 3
trials = 5
rounds = 3
round = 0.0001
finalists = 1
[strategy]
plugin = evolution
[estimator]
plugin = table
file = accuracy.csv
END
# Accuracies that have nothing to do with latency, so that the front is not
# a single network.
{
  echo arch,accuracy
  for k in 3 5; do for l in 3 5; do for e in 1 2 3; do for f in 1 2 3; do
    for r in 8 12; do
      echo "$k$l-$e$f-$r,$((20 + k * 3 + l * 2 + e * 4 + f * 3 + r))"
    done
  done; done; done; done
} >"$test_folder/accuracy.csv"

run 0 "$CHANAS" search "$test_folder/run.ini" -q -o "$test_folder/whole" \
  --table "$test_folder/whole.db"
test "$(wc -l <"$test_folder/whole/front.csv")" -gt 3 ||
  fail "a front that says nothing"

kills=${CHANAS_TEST_KILLS:-10}
"$CHANAS" search "$test_folder/run.ini" -q -o "$test_folder/broken" \
  --table "$test_folder/broken.db" >/dev/null 2>&1 &
for i in $(seq "$kills"); do
  pid=$!
  sleep "0.$((RANDOM % 9))$((RANDOM % 9))"
  kill -9 "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
  test -e "$test_folder/broken/run.state" || {
    "$CHANAS" search "$test_folder/run.ini" -q -o "$test_folder/broken" \
      --table "$test_folder/broken.db" >/dev/null 2>&1 &
    continue
  }
  run 0 "$CHANAS" table verify --table "$test_folder/broken.db"
  "$CHANAS" search -q --resume "$test_folder/broken" >/dev/null 2>&1 &
done
wait $! || true
run 0 "$CHANAS" search -q --resume "$test_folder/broken"
cmp "$test_folder/whole/front.csv" "$test_folder/broken/front.csv" || {
  diff "$test_folder/whole/front.csv" "$test_folder/broken/front.csv" >&2
  fail "after $kills kills the front is another one"
}
run 0 "$CHANAS" table verify --table "$test_folder/broken.db"
# What was stored was not measured again.
trials() {
  "$CHANAS" table export --table "$1" | cut -d, -f "$2" | sort | uniq -c
}
column=$("$CHANAS" table export --table "$test_folder/whole.db" | sed -n 1p |
  tr , '\n' | grep -n '^workload$' | cut -d: -f1)
diff <(trials "$test_folder/whole.db" "$column") \
  <(trials "$test_folder/broken.db" "$column") >&2 ||
  fail "trials were lost or redone"

# SIGINT: a clean stop that says how to go on.
"$CHANAS" search "$test_folder/run.ini" -o "$test_folder/stopped" \
  --table "$test_folder/stopped.db" >"$out" 2>"$err" &
pid=$!
for _ in $(seq 100); do
  test -e "$test_folder/stopped/run.state" && break
  sleep 0.05
done
sleep 0.2
kill -INT $pid
code=0
wait $pid || code=$?
test $code = 130 || test $code = 0 || fail "SIGINT ended it with $code"
test $code = 0 || says "$err" "go on with: chanas search --resume"
run 0 "$CHANAS" search -q --resume "$test_folder/stopped"
cmp "$test_folder/whole/front.csv" "$test_folder/stopped/front.csv" ||
  fail "after SIGINT the front is another one"
