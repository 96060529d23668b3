# SPDX-License-Identifier: Apache-2.0
# Where there is no driver of a GPU, a search on it ends with one whole line
# that says what to install, and exit code 4.
. "${abs_top_srcdir:-.}/tests/cli/functions.sh"
need_plugin cuda
need_plugin evolution

sed "s|^plugin = cuda|&\ndriver = libnosuch.so.1|
/^\[estimator\]/,\$d
s|^objectives = .*|objectives = latency:min|
s|^file = spaces|file = $abs_top_srcdir/etc/spaces|" \
  "$abs_top_srcdir/etc/nas-bench-macro-cuda.ini" >"$test_folder/run.ini"
run 4 "$CHANAS" search "$test_folder/run.ini" -o "$test_folder/run"
says "$err" 'no NVIDIA driver \(Debian: apt install nvidia-driver.*directory$'
test "$(wc -l <"$err")" = 1 || fail "more than one line"
