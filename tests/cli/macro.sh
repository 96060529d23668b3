# SPDX-License-Identifier: Apache-2.0
# The whole path on the real CPU with a small budget: blocks, kernels, table,
# search, front, warm second run, export, table verbs.
. "${abs_top_srcdir:-.}/tests/cli/functions.sh"
need_data nasbench_macro_cifar10.csv
need_plugin x86 table evolution
"$CHANAS" doctor >/dev/null 2>&1 || true
ini=$CHANAS_ETC/nas-bench-macro-x86.ini
table=$test_folder/latency.db
small=(--table "$table" --set tuner.trials=3 --set tuner.first=2
  --set tuner.finalists=1 --set tuner.rounds=3 --set tuner.round=0.0005
  --set search.evaluations=120 --set search.finalists=3
  --set search.rounds=2)

"$CHANAS" search "$ini" "${small[@]}" -o "$test_folder/run" \
  >"$out" 2>"$err" || {
  code=$?
  test $code = 4 && skip "this CPU is not for the x86 backend"
  cat "$err" >&2
  fail "search ended with $code"
}
for file in front.csv front.json run.json report.txt run.state; do
  test -s "$test_folder/run/$file" || fail "no $file"
done
says "$out" 'schedule-blind'
# Three were measured; on a loaded machine some of them may leave the front.
awk -F, 'NR > 1 && $4 != "" { n++ } END { exit n < 1 }' \
  "$test_folder/run/front.csv" || fail "no measured network on the front"

# Warm: nothing is measured again.
run 0 "$CHANAS" search "$ini" "${small[@]}" -o "$test_folder/warm"
says "$out" 'candidates measured now 0;'

run 0 "$CHANAS" table verify --table "$table"
run 0 "$CHANAS" table list --table "$table"
run 0 "$CHANAS" table export --table "$table" -o "$test_folder/trials.csv"
test "$(wc -l <"$test_folder/trials.csv")" -gt 30 || fail "few trials in CSV"
run 0 "$CHANAS" table merge "$table" --table "$test_folder/other.db"
run 0 "$CHANAS" table verify --table "$test_folder/other.db"

# Stand-alone C that needs nothing of chanas.
run 0 "$CHANAS" export "$test_folder/run" --rank 1 -o "$test_folder/net"
run 0 make -C "$test_folder/net" test
says "$out" '^passed$'
run 2 "$CHANAS" export "$test_folder/run" --rank 0
run 5 "$CHANAS" export "$test_folder/run" --rank 999

# The same of a network that is named, as it was measured.
run 0 "$CHANAS" measure "$ini" --code 00120210 --default --table "$table" \
  -o "$test_folder/named"
run 0 make -C "$test_folder/named" test
says "$out" '^passed$'
