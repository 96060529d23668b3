# SPDX-License-Identifier: Apache-2.0
# A description of a board, and an emulator that runs in its place: figures
# are marked as such, and what the emulator lacks is noticed.  Estimates need
# neither.
. "${abs_top_srcdir:-.}/tests/cli/functions.sh"
need_plugin arm arm-estimate random evolution
cat >"$test_folder/small.ini" <<'END'
[search]
objectives = latency:min macs:max
evaluations = 10
[space]
file = spaces/nas-bench-macro.ini
[backend]
plugin = arm-estimate
device = devices/cortex-a76.ini
[strategy]
plugin = random
END
ini=$test_folder/small.ini table=$test_folder/latency.db

run 0 "$CHANAS" search "$ini" -o "$test_folder/estimate"
says "$out" 'latencies are estimated'
says "$test_folder/estimate/front.json" '"latencies": "estimated"'
run 4 "$CHANAS" search "$ini" --set backend.device=devices/qemu-aarch64.ini \
  -o "$test_folder/none"
says "$err" 'no mhz='

command -v aarch64-linux-gnu-gcc >/dev/null ||
  skip "no aarch64-linux-gnu-gcc (Debian: apt install gcc-aarch64-linux-gnu)"
command -v qemu-aarch64 >/dev/null ||
  skip "no qemu-aarch64 (Debian: apt install qemu-user)"
runner=${abs_top_builddir:-.}/aarch64-linux-gnu/chanas-runner
test -x "$runner" || skip "no runner for AArch64: configured without"
small_space "$test_folder/space.ini" 8 "1 2" 1 '{k*}-{e*}'
emulated=(--table "$table" --set backend.plugin=arm
  --set "space.file=$test_folder/space.ini" --set tuner.trials=1
  --set tuner.rounds=3 --set tuner.round=0.0001 --set tuner.finalists=0
  --set tuner.cold=0)
qemu='qemu-aarch64 -cpu cortex-a76 {runners}/aarch64-linux-gnu/chanas-runner'

# Without the runner this machine is no such device.
test "$(uname -m)" = aarch64 || {
  run 4 "$CHANAS" tune "$ini" "${emulated[@]}"
  says "$err" 'no AArch64 one'
}
run 4 "$CHANAS" tune "$ini" "${emulated[@]}" \
  --set backend.device=devices/neoverse-v1.ini --set backend.runner="$qemu"
says "$err" 'isa\.sve=1, but what the runner runs on has not'

run 0 "$CHANAS" tune "$ini" "${emulated[@]}" --set backend.runner="$qemu"
says "$err" 'latencies are emulated'
run 0 "$CHANAS" table list --table "$table"
says "$out" 'emulated$'
if grep -q 'measured$' "$out"; then
  fail "an emulated figure counts as measured"
fi
