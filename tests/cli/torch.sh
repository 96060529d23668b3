# SPDX-License-Identifier: Apache-2.0
# One step of training by the engine and by PyTorch in double precision, on
# the same parameters: answers, gradients, updated parameters.
. "${abs_top_srcdir:-.}/tests/cli/functions.sh"
engine=${abs_top_builddir:-.}/bench/training/engine
python=${CHANAS_PYTHON:-python3}
test -x "$engine" || skip "bench/training/engine was not built"
"$python" -c 'import torch, numpy' 2>/dev/null ||
  skip "no torch for $python; name another in CHANAS_PYTHON"

cat >"$test_folder/space.ini" <<'END'
[space]
name = many
input-channels = 3
resolution = 12
classes = 5
code = k{k*}-e{e*}
[stage stem]
block = conv
kernel = 3
out = 8
stride = 2
act = hswish
[stage 1]
block = mbconv
kernel = 3 5 7
expand = 1 3
se = 4
out = 8
depth = 2
act = swish
[stage 2]
block = mbconv
kernel = 5
expand = 2
out = 21
stride = 2
act = relu6
[head]
conv = 24
act = relu
features = 17
features-act = hswish
END
# step SPACE CODE
step() {
  rm -rf "$test_folder/step"
  mkdir "$test_folder/step"
  run 0 "$engine" "$1" "$2" 6 0 2 "$test_folder/step"
  run 0 "$python" "${abs_top_srcdir:-.}/bench/training/torch_step.py" \
    "$test_folder/step"
  says "$out" '^values'
}
step "$test_folder/space.ini" k57-e31
step "$test_folder/space.ini" k33-e13
step "${abs_top_srcdir:-.}/etc/spaces/nas-bench-macro.ini" 01210120
step "${abs_top_srcdir:-.}/etc/spaces/nas-bench-201.ini" 324123
