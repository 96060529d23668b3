# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sourced by the tests that try random policies of one backend: a tenth of
# them in "make check", all with CHANAS_POLICIES=all ("make check-policies"),
# one in N with CHANAS_POLICIES=N, nothing with CHANAS_POLICIES=none.
. "${abs_top_srcdir:-.}/tests/cli/functions.sh"
test "${CHANAS_POLICIES:-}" != none || skip "CHANAS_POLICIES=none"
check=${abs_top_builddir:-.}/chanas-check-plugin
devices=${abs_top_srcdir:-.}/etc/devices

# need_tool TOOL PACKAGE: skip, and say which Debian package brings it
need_tool() {
  command -v "$1" >/dev/null ||
    skip "no $1 (Debian: apt install $2)"
}

# policies ALL EACH BACKEND OPTION...: as many candidates, with EACH random
# policies for each of some 58 workloads of each type, or a tenth of that
policies() {
  local share=${CHANAS_POLICIES:-10} each=$2 status=0 tried more
  test "$share" != all || share=1
  local count=$(($1 / share))
  shift 2
  more=(--policies "$each" --random-workloads 10)
  test "$share" -le 5 || more=(--policies $((each < 3 ? each : 3))
    --random-workloads 2 --every 4)
  "$check" --quiet "${more[@]}" --candidates "$count" "$@" >"$out" 2>"$err" ||
    status=$?
  cat "$err" "$out"
  test $status != 4 || skip "backend $1 has no device here: $(tail -n 1 "$err")"
  test $status = 0 || fail "chanas-check-plugin $*: status $status"
  tried=$(sed -n 's/^.* workloads, \([0-9]*\) candidates, .*/\1/p' "$out")
  test "$tried" -ge "$count" || fail "$tried candidates of $count"
}
