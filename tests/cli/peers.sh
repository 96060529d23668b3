# SPDX-License-Identifier: Apache-2.0
# bench/peers on a small network with one peer: both compute the same, a CSV
# that is whole is not measured again, and a peer that computes something else
# is left out and named.
. "${abs_top_srcdir:-.}/tests/cli/functions.sh"
need_plugin x86
python=${CHANAS_PEERS:+$CHANAS_PEERS/bin/python}
python=${python:-${CHANAS_PYTHON:-python3}}
"$python" -c 'import numpy, onnx, onnxruntime' 2>/dev/null ||
  skip "no onnx and onnxruntime for $python; name another Python in" \
    "CHANAS_PYTHON, or bench/peers' folder in CHANAS_PEERS"
small_space "$test_folder/space.ini" 16 '2 3' 1 'k{k*}-e{e*}'
printf '[space]\nfile = space.ini\n' >"$test_folder/run.ini"
"$CHANAS" measure "$test_folder/run.ini" --default -q \
  --table "$test_folder/table.db" >"$out" 2>"$err" || {
  test $? = 4 && skip "this CPU is not for the x86 backend"
  fail "$(cat "$err")"
}
# Exports for several threads read otherwise.
threads=$(($(nproc) > 1 ? 2 : 1))
peers() {
  "$python" "${abs_top_srcdir:-.}/bench/peers.py" --threads "$threads" \
    --batch 1 --networks "$test_folder/space.ini:k5-e3" --trials 1 --rounds 2 \
    --seconds 0.01 --peers onnxruntime --csv "$test_folder/all.csv" \
    --folder "$test_folder/cases" "$@"
}
run 0 peers --dtypes f32
says "$out" "\\| f32 \\| 1 \\| $threads \\| [0-9.]+ \\| [0-9.]+ \\| onnxruntime [0-9.]+ \\("
says "$out" '^- onnxruntime [0-9.]+: 2 rounds, differs by [0-9.]+e-0[67] at most'
test "$(wc -l <"$test_folder/all.csv")" = 5 || fail "not two rounds of two"
run 0 peers --dtypes f32
test "$(wc -l <"$test_folder/all.csv")" = 5 || fail "measured again"

run 3 peers --dtypes i8 --budget 0
says "$err" 'tune is not done; the same command goes on'

"$python" - "$test_folder" <<'END'
import glob, sys
import numpy as np
golden, = glob.glob(sys.argv[1] + "/cases/*/net.golden.npy")
np.save(golden, 2 * np.load(golden))
END
rm "$test_folder"/cases/*/*/peers.json "$test_folder/all.csv"
run 0 peers --dtypes f32
says "$out" 'left out, onnxruntime: its output differs by '
says "$err" 'onnxruntime is left out'
