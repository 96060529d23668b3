# SPDX-License-Identifier: Apache-2.0
# chanas estimate: one network, random ones, and what is refused.
. "${abs_top_srcdir:-.}/tests/cli/functions.sh"
need_plugin proxy x86

small_space "$test_folder/space.ini" 8 '1 2' '1 2' 'd{d*}-k{k*}-e{e*}'
cat >"$test_folder/run.ini" <<END
[space]
file = space.ini
[backend]
plugin = x86
[estimator]
plugin = proxy
score = macs
END
ini=$test_folder/run.ini

# 4 networks of one layer and 16 of two: all of them, once each.
run 0 "$CHANAS" estimate "$ini" --random 1000
says "$err" 'only 20 networks of 1000'
says "$out" '^code,accuracy,std,macs,params$'
test "$(sed 1d "$out" | cut -d, -f1 | sort -u | wc -l)" = 20 ||
  fail "not 20 different networks"
# The score is the number of MACs: the order by one is that by the other.
sed 1d "$out" | sort -t, -k4,4g -k1,1 >"$test_folder/by-macs"
awk -F, '$2 < last { exit 1 } { last = $2 }' "$test_folder/by-macs" ||
  fail "more MACs and a lower score"
test "$(cut -d, -f2 "$test_folder/by-macs" | sort -u | wc -l)" -gt 5 ||
  fail "all scores are equal"

# Of one seed the same, of another other ones.
run 0 "$CHANAS" estimate "$ini" --random 6 --seed 1
cp "$out" "$test_folder/first"
run 0 "$CHANAS" estimate "$ini" --random 6 --seed 1
cmp "$out" "$test_folder/first" || fail "equal seeds, unequal networks"
run 0 "$CHANAS" estimate "$ini" --random 6 --seed 2
! cmp -s "$out" "$test_folder/first" || fail "the seed has no effect"

# One by its code says what it said among others.
line=$(sed -n 3p "$test_folder/first")
run 0 "$CHANAS" estimate "$ini" --code "${line%%,*}"
test "$(sed -n 2p "$out")" = "$line" || fail "$line became $(sed -n 2p "$out")"
run 0 "$CHANAS" estimate "$ini" --code "${line%%,*}" --json
says "$out" "\"code\": \"${line%%,*}\""

run 2 "$CHANAS" estimate "$ini"
says "$err" 'Give --code or --random'
run 2 "$CHANAS" estimate "$ini" --random 0
says "$err" 'whole number from 1'
run 2 "$CHANAS" estimate "$ini" --code nonsense
sed '/estimator/,$d' "$ini" >"$test_folder/none.ini"
run 2 "$CHANAS" estimate "$test_folder/none.ini" --random 2
says "$err" 'names no estimator'
