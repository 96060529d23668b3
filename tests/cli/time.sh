# SPDX-License-Identifier: Apache-2.0
# [tuner] time limits the search for schedules, not whether there is one:
# where it is up at once, every block has its default schedule all the same,
# and nothing but that.
. "${abs_top_srcdir:-.}/tests/cli/functions.sh"
need_plugin evolution random
need_hostile

small_space "$test_folder/space.ini" "8 12" "1 2" 2 '{k*}-{e*}-{resolution}'
cat >"$test_folder/run.ini" <<'END'
[search]
objectives = latency:min macs:max
evaluations = 20
finalists = 1
[space]
file = space.ini
[backend]
plugin = hostile
tame = yes
steady = yes
[tuner]
plugin = random
first = 3
trials = 3
rounds = 3
round = 0.0001
END

# tune TABLE SETTING...: tunes all blocks and says how many trials each has
tune() {
  local table=$1
  shift
  run 0 "$CHANAS" tune "$test_folder/run.ini" --json \
    --table "$test_folder/$table.db" "$@"
  if grep -q null "$out"; then
    fail "a block without a schedule"
  fi
  sed -n 's/.*"trials": *//p' "$out" | sort | uniq -c | xargs
}
# rows TABLE: blocks in the table, and rows of those that have most
rows() {
  run 0 "$CHANAS" table export --table "$test_folder/$1.db"
  grep -o '"f32/[^"]*"' "$out" | sort | uniq -c |
    awk '$1 > most { most = $1 } END { print NR, most }'
}
now=(--set tuner.time=1e-9)

run 0 "$CHANAS" measure "$test_folder/run.ini" \
  --table "$test_folder/network.db" "${now[@]}"
says "$out" 'measured +[0-9]'
test "$(rows network)" = "4 1" || fail "measure: $(rows network)"

each=$(tune all "${now[@]}")
blocks=${each% 1}
test "$blocks" -gt 8 || fail "tune: '$each' blocks and trials"
test "$(rows all)" = "$blocks 1" || fail "tune: $(rows all)"
# What is known is not tried again.
test "$(tune all "${now[@]}")" = "$each" || fail "tried again"
test "$(rows all)" = "$blocks 1" || fail "tried again: $(rows all)"

run 0 "$CHANAS" search "$test_folder/run.ini" -o "$test_folder/run" \
  --table "$test_folder/search.db" "${now[@]}"
if grep -q 'no schedule' "$err"; then
  fail "search: $(cat "$err")"
fi
test "$(rows search)" = "$blocks 1" || fail "search: $(rows search)"

# Without the limit each gets as many as were asked for.
test "$(tune all)" = "$blocks 3" || fail "not three each: $(cat "$out")"
run 0 "$CHANAS" measure "$test_folder/run.ini" \
  --table "$test_folder/one.db" --set tuner.trials=1
test "$(rows one)" = "4 1" || fail "trials = 1: $(rows one)"

# Only the user stops that: a compiler that interrupts when the first
# candidate comes.  The same command goes on.
cat >"$test_folder/cc" <<END
#!/bin/sh
if grep -qse 'void k0(' -- "\$@" && mv "$test_folder/pid" "$test_folder/done"
then
  kill -INT "\$(cat "$test_folder/done")"
fi 2>/dev/null
exec cc "\$@"
END
chmod +x "$test_folder/cc"
stopped=("$CHANAS" measure "$test_folder/run.ini" --set
  "backend.compiler=$test_folder/cc" --table "$test_folder/stopped.db")
# The shell's number stays that of the command.
run 130 sh -c 'echo $$ >"$0"; exec "$@"' "$test_folder/pid" "${stopped[@]}"
says "$err" 'stopped; the same command goes on'
if grep -q 'error' "$err"; then
  fail "errors after an interrupt: $(cat "$err")"
fi
run 0 "${stopped[@]}"
