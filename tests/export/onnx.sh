# SPDX-License-Identifier: Apache-2.0
# Networks of every space as ONNX: onnx finds them sound, and onnxruntime gets
# the reference's outputs.
. "${abs_top_srcdir:-.}/tests/cli/functions.sh"
python=${CHANAS_PYTHON:-python3}
"$python" -c 'import numpy, onnx, onnxruntime' 2>/dev/null ||
  skip "$python lacks numpy, onnx or onnxruntime (pip install onnx" \
    "onnxruntime; CHANAS_PYTHON names another python3)"

folders=()
for space in "$CHANAS_ETC"/spaces/*.ini; do
  name=$(basename "$space" .ini) seeds=(0 1)
  # Cells with edges that are left out: more of them.
  test "$name" != nas-bench-201 || seeds=(0 1 2 3 4 5)
  run 0 "${abs_top_builddir:-.}/tests/export/make-onnx" \
    "$test_folder/$name" "$space" "${seeds[@]}"
  for seed in "${seeds[@]}"; do
    folders+=("$test_folder/$name/$seed")
  done
done
test ${#folders[@]} -gt 10 || fail "only ${#folders[@]} networks"
run 0 "$python" "${abs_top_srcdir:-.}/tests/export/onnx-run.py" "${folders[@]}"
cat "$out"
