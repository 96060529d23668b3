# SPDX-License-Identifier: Apache-2.0
# A search whose accuracies come from the example program, and from programs
# that are not fit for it.
. "${abs_top_srcdir:-.}/tests/cli/functions.sh"
need_plugin replay exec exhaustive
command -v python3 >/dev/null || skip "no python3"
examples=$abs_top_srcdir/examples/estimator

printf 'key,mean\nnone,0\n' >"$test_folder/blocks.csv"
# Known: digit 1 of a layer is worth one point, digit 2 two.
cat >"$test_folder/trained.csv" <<'END'
code,top1
00000000,70
11111111,78
22222222,86
END
cat >"$test_folder/job.ini" <<END
[search]
objectives = accuracy:max macs:min
evaluations = 6561
batch = 1000
[space]
file = spaces/nas-bench-macro.ini
[backend]
plugin = replay
file = blocks.csv
stem = none
conv = none
mbconv = none
head = none
[strategy]
plugin = exhaustive
[estimator]
plugin = exec
command = python3 @$examples/nearest.py @trained.csv code top1
END
run 0 "$CHANAS" search "$test_folder/job.ini" -o "$test_folder/run"
says "$err" '3 trained networks in'
# The best is the best of the trained ones, as it was trained.
awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i }
  NR == 2 { ok = $at["accuracy"] == 86 } END { exit !ok }' \
  "$test_folder/run/front.csv" || fail "front: $(sed -n 2p \
  "$test_folder/run/front.csv")"

# A program that is broken ends the search with its own words in the log.
run 1 "$CHANAS" search "$test_folder/job.ini" -o "$test_folder/no" \
  --set "estimator.command=python3 @$examples/nearest.py @trained.csv code x"
says "$err" "KeyError: 'x'"
says "$err" 'failed 4 times'
run 1 "$CHANAS" search "$test_folder/job.ini" -o "$test_folder/no" \
  --set "estimator.command=$test_folder/absent"
says "$err" "cannot start .*: No such file"
