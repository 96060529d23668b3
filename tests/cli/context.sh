# SPDX-License-Identifier: Apache-2.0
# The schedule that is best in a network need not be the one that is best
# alone.  The backend's kernels say how long they take, alone and among others:
# alone tile 8 takes 1.0 units and in a network 1.4, tile 4 the other way, and
# tile 1, the default, 1.5 and 1.1.
. "${abs_top_srcdir:-.}/tests/cli/functions.sh"
need_plugin evolution
need_hostile

cat >"$test_folder/space.ini" <<'END'
[space]
name = tiny
input-channels = 3
resolution = 8
classes = 4
[stage stem]
block = conv
kernel = 3 5
out = 4
stride = 2
act = relu
[head]
act = relu
END
cat >"$test_folder/run.ini" <<'END'
[search]
objectives = latency:min
evaluations = 2
finalists = 1
[space]
file = space.ini
[backend]
plugin = hostile
tame = yes
steady = yes
[tuner]
plugin = evolution
first = 8
trials = 8
rounds = 3
round = 0.0001
finalists = 0
END

measured() {
  run 0 "$CHANAS" measure "$test_folder/run.ini" --json \
    --table "$test_folder/$1.db" --set "search.context=$2"
  sed -n 's/.*"latency_measured_ms": *\([0-9.e+-]*\),*/\1/p' "$out"
}
# ratio A B WANT: A / B is WANT
ratio() {
  awk -v a="$1" -v b="$2" -v w="$3" \
    'BEGIN { d = a / b / w - 1; exit !(d < 1e-4 && d > -1e-4) }' ||
    fail "$1 over $2 is not $3"
}

alone=$(measured one 1)
ratio "$alone" "$(measured one 8)" 1.4
ratio "$alone" "$(measured two 2)" "$(awk 'BEGIN { print 1.4 / 1.1 }')"
# A choice among more is made again, one among fewer is not.
ratio "$alone" "$(measured two 8)" 1.4
ratio "$alone" "$(measured two 2)" 1.4

run 0 "$CHANAS" search "$test_folder/run.ini" -o "$test_folder/run" \
  --table "$test_folder/three.db" --set search.context=8
test "$(grep -c '"policy": "misdeed=0,tile=4"' "$test_folder/run/front.json")" \
  = 2 || fail "the front's schedules are not those of its context"

# A member with schedules of its context stands for its neighbours in the
# front: later runs choose none for them.
two_goals() {
  run 0 "$CHANAS" search "$test_folder/run.ini" -o "$test_folder/run" \
    --table "$test_folder/four.db" --set 'search.objectives=macs:max latency:min' \
    --set search.finalists=1 --set search.context=8 "$@"
  grep -c '"policy": "misdeed=0,tile=4"' "$test_folder/run/front.json"
}
test "$(two_goals --set 'search.constraint=macs<3000')" = 2 ||
  fail "no schedules of the context"
test "$(two_goals)" = 2 || fail "schedules were chosen for a neighbour"
