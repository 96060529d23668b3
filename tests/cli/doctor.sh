# SPDX-License-Identifier: Apache-2.0
# chanas doctor: findings of plugins, plugins that cannot be loaded, drivers
# that crash, a run that names what is not there.
. "${abs_top_srcdir:-.}/tests/cli/functions.sh"
hostile=${abs_top_builddir:-.}/tests/hostile/.libs
test -e "$hostile/chanas-hostile.so" || skip "the unit tests are not built"
built=$CHANAS_PLUGIN_PATH
export CHANAS_PLUGIN_PATH=$hostile

run 0 "$CHANAS" doctor
says "$out" '^ok +hostile +plugin: backend, candidates that do everything'
says "$out" '^ok +hostile +driver: it is there$'
says "$out" '^note +hostile +tool: no such-tool \(Debian: apt install'
says "$out" '^missing +hostile +library: no libsuch'
says "$out" '^ok +hostile +device: test, fingerprint [0-9a-f]{16}'
says "$out" '^ok +hostile +kernels: [a-z]+ [0-9.]+.* builds its kernels'
! grep -q '^missing *backends' "$out" || fail "a usable backend is not counted"

# Whatever goes wrong in a backend is a finding of it, and others go on.
HOSTILE_DIAGNOSE=nonsense run 0 "$CHANAS" doctor
says "$out" 'diagnose: the plugin says something that is no finding'
HOSTILE_DIAGNOSE=crash run 4 "$CHANAS" doctor
says "$out" '^missing +hostile +device: asking for it ended with SIGABRT'
says "$out" '^missing +backends +none can measure'
CHANAS_RUNNER=/no/such/runner run 4 "$CHANAS" doctor
says "$out" '^missing +hostile +device: the runner /no/such/runner does not'
CHANAS_CC=/no/such/compiler run 4 "$CHANAS" doctor
says "$out" '^missing +compiler +/no/such/compiler does not run; install gcc'
says "$out" '^missing +hostile +kernels: none can be built'

# A file that is no plugin, and one of them that needs what is not there.
mkdir "$test_folder/broken"
echo nonsense >"$test_folder/broken/chanas-nonsense.so"
chmod 644 "$test_folder/broken/chanas-nonsense.so"
run 0 "$CHANAS" doctor --plugin-path "$test_folder/broken"
says "$out" '^missing +chanas-nonsense.so plugin: .*/chanas-nonsense.so: '

run 0 "$CHANAS" doctor --json
"${PYTHON:-python3}" - "$out" <<'END' || test $? = 127
import json, sys
found = json.load(open(sys.argv[1]))
assert all(set(f) == {"plugin", "state", "topic", "text"} for f in found)
own = [(f["state"], f["topic"]) for f in found if f["plugin"] == "hostile"]
assert ("missing", "library") in own and ("ok", "device") in own, own
assert any(f["plugin"] is None and f["topic"] == "machine" for f in found)
END

# What a run names.
export CHANAS_PLUGIN_PATH=$hostile:$built
need_ini() {
  printf '[search]\nobjectives = latency:min\n[space]\nfile = %s\n' \
    "$abs_top_srcdir/etc/spaces/nas-bench-macro.ini"
  printf '[backend]\nplugin = hostile\n[strategy]\nplugin = %s\n' "$1"
  printf '[tuner]\nplugin = %s\n' "$2"
}
test -e "$built/chanas-random.so" || skip "the strategy random was not built"
need_ini random random >"$test_folder/run.ini"
run 0 "$CHANAS" doctor --table "$test_folder/t.db" "$test_folder/run.ini"
says "$out" '^ok +strategy +random$'
says "$out" '^ok +tuner +random$'
need_ini random quantum >"$test_folder/run.ini"
run 4 "$CHANAS" doctor --table "$test_folder/t.db" "$test_folder/run.ini"
says "$out" '^missing +tuner +it cannot be used'
says "$err" "no strategy plugin 'quantum'"
