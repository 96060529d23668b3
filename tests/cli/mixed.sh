# SPDX-License-Identifier: Apache-2.0
# Precision per block: a search over mixtures by latency and rounding, and a
# mixture measured and exported, which passes its self-test.
. "${abs_top_srcdir:-.}/tests/cli/functions.sh"
need_plugin x86 exhaustive
"$CHANAS" doctor >/dev/null 2>&1 || true

cat >"$test_folder/space.ini" <<'END'
[space]
name = small-mixed
input-channels = 3
resolution = 16
classes = 4
code = {p*}
[stage stem]
block = conv
kernel = 3
out = 16
stride = 2
act = relu
dtype = f32 bf16 i8
[stage 1]
block = mbconv
kernel = 3
expand = 4
act = relu
out = 16
depth = 2
dtype = f32 bf16 i8
[head]
conv = 32
act = relu
dtype = f32 i8
END
cat >"$test_folder/run.ini" <<'END'
[search]
objectives = rounding:min latency:min
constraint = rounding<50%
evaluations = 54
finalists = 1
rounds = 1
[space]
file = space.ini
[backend]
plugin = x86
[tuner]
first = 1
trials = 1
round = 0.0005
rounds = 3
[strategy]
plugin = exhaustive
END
table=$test_folder/latency.db

"$CHANAS" search "$test_folder/run.ini" --table "$table" \
  --set search.all-networks=yes -o "$test_folder/run" >"$out" 2>"$err" || {
  code=$?
  test $code = 4 && skip "this CPU is not for the x86 backend"
  cat "$err" >&2
  fail "search ended with $code"
}
says "$out" 'rounding_%'
says "$test_folder/run/front.csv" '^rank,.*,params,rounding,pstem\.1,p1\.1,'
says "$test_folder/run/front.json" '"rounding": 0\.0'

# column NAME FILE: one column of a CSV file with a header
column() {
  awk -F, -v name="$1" 'NR == 1 { for (i = 1; i <= NF; i++)
      if ($i == name) at = i
    if (!at) exit 1 }
    NR > 1 { print $at }' "$2" || fail "no column $1 in $2"
}
all=$test_folder/run/networks.csv
test "$(column rounding "$all" | wc -l)" = 54 || fail "not all mixtures"

# of CODE: its rounding
of() { awk -F, -v code="$1" '$1 == code { print $NF }' "$all"; }
test "$(of f32f32f32f32)" = 0 || fail "f32 rounds: $(of f32f32f32f32)"
# In bf16 an operand is off by some 2^-9, in i8 by some 1/127; and blocks add
# like independent errors.
awk -v s="$(of i8f32f32f32)" -v b="$(of bf16f32f32f32)" \
  -v h="$(of f32f32f32i8)" -v both="$(of i8f32f32i8)" 'BEGIN {
    near = sqrt(s * s + h * h)
    exit !(b > 0.0005 && b < 0.004 && s > 2 * b && s < 0.05 && h > 0 &&
      both > 0.999 * near && both < 1.001 * near) }' ||
  fail "not a sum of squares: $(grep -n . "$all")"

# The front begins with the exact network and gets faster at a price.
column rounding "$test_folder/run/front.csv" >"$test_folder/rounding"
test "$(head -n 1 "$test_folder/rounding")" = 0 || fail "f32 is not first"
sort -c -g "$test_folder/rounding" || fail "the front is not in order"

# A limit holds.
run 0 "$CHANAS" search "$test_folder/run.ini" --table "$table" \
  --set 'search.constraint=rounding<0.3%' -o "$test_folder/tight"
column rounding "$test_folder/tight/front.csv" |
  awk '$1 > 0.003 { exit 1 }' || fail "above the limit"

# Each dtype beside the others, whole: the runner compares with the reference,
# and so does what is exported.
for code in i8bf16f32i8 bf16i8bf16f32 f32f32i8f32; do
  run 0 "$CHANAS" measure "$test_folder/run.ini" --code $code --default \
    --table "$table" -o "$test_folder/$code"
  run 0 make -C "$test_folder/$code" test
  says "$out" '^passed$'
done
run 0 "$CHANAS" export "$test_folder/run" \
  --rank "$(wc -l <"$test_folder/rounding")" -o "$test_folder/last"
run 0 make -C "$test_folder/last" test
says "$out" '^passed$'

# Only where it is asked for.
run 0 "$CHANAS" search "$test_folder/run.ini" --table "$table" \
  --set search.objectives=latency:min --set search.constraint= \
  -o "$test_folder/plain"
! grep -q rounding "$test_folder/plain"/front.* || fail "rounding unasked"
