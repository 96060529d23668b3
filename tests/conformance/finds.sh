# SPDX-License-Identifier: Apache-2.0
# A backend whose candidates misbehave: each kind of misdeed is found, named
# with its policy, and repeated by the command that is printed with it.
. "${abs_top_srcdir:-.}/tests/cli/functions.sh"
hostile=${abs_top_builddir:-.}/tests/hostile/.libs
test -e "$hostile/chanas-hostile.so" || skip "the unit tests are not built"
check=${abs_top_builddir:-.}/chanas-check-plugin
key=f32/n1/i6x6x7/conv:k1,s1,p0,o9,relu6,b,x0
own=(hostile --plugin-path "$hostile" --threads 1 --key "$key")

# With no misdeeds nothing is found.
run 0 "$check" "${own[@]}" --set tame=yes --policies 5
says "$out" '^hostile: 1 workloads, 6 candidates, 6 built, 6 run, 0 failures'

# By its number in misdeeds.h.
misdeed() {
  local list=$abs_top_srcdir/tests/hostile/misdeeds.h
  echo $(($(grep '^MISDEED' "$list" | grep -n "MISDEED($1," | cut -d: -f1) - 1))
}
for row in 'segfault SIGSEGV' 'wrong differs' 'nan differs' 'stale run again' \
  'past_the_end beyond the end' 'input writes to its input' \
  'loops timed out' 'exits exit code 0' 'no_source compile'; do
  policy=misdeed=$(misdeed "${row%% *}"),tile=4
  deadline=60
  test "${row%% *}" != loops || deadline=2
  run 1 "$check" "${own[@]}" --deadline $deadline --policy "$policy"
  says "$out" "^FAIL $key $policy: .*${row#* }"
  again=$(sed -n 's/^  again: //p' "$out")
  run 1 bash -c "$again --deadline $deadline"
  says "$out" "^FAIL $key $policy: .*${row#* }"
done

# One that ends its process costs only itself.
run 1 "$check" "${own[@]}" --policies 60 --deadline 4 --json
python=$(command -v python3) || skip "no python3 to read the JSON"
"$python" - "$out" <<'END'
import json, sys
r = json.load(open(sys.argv[1]))
assert r["run"] == r["built"] > 40, r
assert 30 < len(r["failures"]) < r["candidates"], len(r["failures"])
for f in r["failures"]:
    assert f["workload"] and f["policy"] and f["what"], f
    assert "--policy" in f["command"], f
    assert "behind others" not in f["what"] or "memory" in f["what"], f
END
