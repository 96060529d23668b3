# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sourced by every test script: a private folder that goes away at the end,
# and the few words to say what must hold.  Exit 77 means skipped.
set -euo pipefail

test_name=$(basename "$0" .sh)
test_folder=$(mktemp -d "${TMPDIR:-/tmp}/chanas-$test_name.XXXXXX")
trap 'rm -rf "$test_folder"' EXIT
export XDG_DATA_HOME=$test_folder/data XDG_CACHE_HOME=$test_folder/cache
CHANAS=${CHANAS:-${abs_top_builddir:-.}/chanas}

fail() { echo "FAIL: $*" >&2; exit 1; }
skip() { echo "SKIP: $*" >&2; exit 77; }

# need_data FILE...: skip unless the data tables are there
need_data() {
  test -n "${CHANAS_DATA:-}" || skip "CHANAS_DATA is not set"
  local file
  for file; do
    test -e "$CHANAS_DATA/$file" || skip "no $CHANAS_DATA/$file"
  done
}

# need_plugin NAME...: skip unless it was built
need_plugin() {
  local name
  for name; do
    test -e "$CHANAS_PLUGIN_PATH/chanas-$name.so" ||
      skip "plugin $name was not built"
  done
}

# need_hostile: the backend of tests/hostile, or skip; its folder is $hostile
need_hostile() {
  hostile=$(cd "${abs_top_builddir:-.}/tests/hostile/.libs" && pwd) || true
  test -e "$hostile/chanas-hostile.so" || skip "the test backend was not built"
  CHANAS_PLUGIN_PATH=$CHANAS_PLUGIN_PATH:$hostile
}

# run STATUS COMMAND...: stdout and stderr go to $out and $err, and the exit
# status must be STATUS
out=$test_folder/out err=$test_folder/err
run() {
  local want=$1 got=0
  shift
  "$@" >"$out" 2>"$err" </dev/null || got=$?
  test "$got" = "$want" || {
    sed 's/^/  out: /' "$out" | head -40
    sed 's/^/  err: /' "$err" | head -40
    fail "'$*' ended with $got, not $want"
  } >&2
}

# says FILE REGEX: a line of it matches
says() {
  grep -Eq -- "$2" "$1" || {
    sed 's/^/  /' "$1" | head -40 >&2
    fail "$(basename "$1") says nothing like '$2'"
  }
}

# small_space FILE RESOLUTIONS EXPANSIONS DEPTH CODE: a space of a few dozen
# networks that every backend runs at once
small_space() {
  cat >"$1" <<END
[space]
name = small
input-channels = 3
resolution = $2
classes = 4
code = $5
[stage stem]
block = conv
kernel = 3
out = 4
stride = 2
act = relu
[stage 1]
block = mbconv
kernel = 3 5
expand = $3
out = 8
depth = $4
stride = 2
act = relu
[head]
conv = 16
act = relu
END
}
