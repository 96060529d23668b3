# SPDX-License-Identifier: Apache-2.0
# From a search to a program that classifies: the exported kernels, with the
# trained weights and the training's normalisation, give the class that the
# reference gives for every image, whatever the layout of the file.
. "${abs_top_srcdir:-.}/tests/cli/functions.sh"
need_plugin x86 table evolution
make_trained=${abs_top_builddir:-.}/tests/export/make-trained

cat >"$test_folder/space.ini" <<'END'
[space]
name = small
input-channels = 3
resolution = 32
classes = 10
code = {k*}-{e*}
[stage stem]
block = stem
conv = 8
conv-act = hswish
stride = 2
kernel = 3
act = relu
out = 8
[stage 1]
block = mbconv
kernel = 3 5
expand = 2 3
se = 4
out = 12
depth = 2
stride = 2
act = relu6
[head]
conv = 32
act = hswish
END
cat >"$test_folder/run.ini" <<'END'
[search]
evaluations = 8
finalists = 1
rounds = 1
[space]
file = space.ini
[backend]
plugin = x86
[tuner]
first = 2
trials = 2
finalists = 1
[strategy]
plugin = evolution
[estimator]
plugin = table
file = accuracy.csv
END
{
  echo arch,accuracy
  for k in 33 35 53 55; do for e in 22 23 32 33; do
    echo "$k-$e,$((10 + k + e - 20))"
  done; done
} >"$test_folder/accuracy.csv"
"$CHANAS" search "$test_folder/run.ini" -q -o "$test_folder/run" \
  --table "$test_folder/table.db" >"$out" 2>"$err" || {
  code=$?
  test $code = 4 && skip "this CPU is not for the x86 backend"
  cat "$err" >&2
  fail "search ended with $code"
}
network=$(grep -o '"code": *"[^"]*"' "$test_folder/run/front.json" |
  sed -n '1s/.*"\([^"]*\)"$/\1/p')
test -n "$network" || fail "no network in front.json"

# Colour images of the network's own size, in CIFAR's layout.
mkdir "$test_folder/cifar" "$test_folder/grey"
run 0 "$make_trained" "$test_folder/space.ini" "$network" \
  "$test_folder/cifar" 300 32
says "$out" '^([5-9]|10) classes'
run 0 "$CHANAS" export "$test_folder/run" --weights "$test_folder/cifar/weights" \
  -o "$test_folder/net" --onnx "$test_folder/net.onnx"
says "$out" 'classifies images'
test -s "$test_folder/net.onnx" || fail "no ONNX model"
run 0 make -C "$test_folder/net" all test
says "$out" '^passed$'
classify=$test_folder/net/classify weights=$test_folder/net/weights.bin
run 0 "$classify" -s -w "$weights" "$test_folder/cifar/test_batch.bin"
says "$out" '^accuracy 100\.00 % \(300 of 300\)$'
run 0 "$test_folder/net/example" "$weights"

# Grey ones of another size, in IDX files: resampled as in training.
run 0 "$make_trained" "$test_folder/space.ini" "$network" \
  "$test_folder/grey" 200 28
run 0 "$CHANAS" export "$test_folder/run" --weights "$test_folder/grey/weights" \
  -o "$test_folder/net"
run 0 make -C "$test_folder/net" all
run 0 "$classify" -w "$weights" -l "$test_folder/grey/t10k-labels-idx1-ubyte" \
  "$test_folder/grey/t10k-images-idx3-ubyte"
says "$out" '^accuracy 100\.00 % \(200 of 200\)$'
says "$out" 'ubyte 0 thing "[0-9]"\? [01]\.[0-9]+ true thing "[0-9]"\?$'
class=$(sed -n 's/.*ubyte 0 thing "\(.\)".*/\1/p' "$out")

# The first image alone, as PGM and as nothing but bytes.
{
  printf 'P5\n# a comment\n28 28\n255\n'
  head -c 800 "$test_folder/grey/t10k-images-idx3-ubyte" | tail -c 784
} >"$test_folder/one.pgm"
run 0 "$classify" -w "$weights" "$test_folder/one.pgm"
says "$out" "one.pgm 0 thing \"$class\""
head -c 3072 /dev/zero >"$test_folder/one.raw"
run 0 "$classify" -w "$weights" "$test_folder/one.raw"
says "$out" 'one.raw 0 thing'

# What is wrong is said.
run 1 "$classify" -w "$weights" "$test_folder/space.ini"
says "$err" 'space.ini: neither IDX'
run 1 "$classify" -w "$weights" "$test_folder/nothing"
says "$err" 'nothing: cannot be read'
run 1 "$classify" -w "$test_folder/one.pgm" "$test_folder/one.raw"
says "$err" 'one.pgm: cannot be read as'
head -c 800 "$test_folder/grey/t10k-images-idx3-ubyte" >"$test_folder/cut.idx"
run 1 "$classify" -w "$weights" "$test_folder/cut.idx"
says "$err" 'cut.idx: its size is not'
run 2 "$classify"

# Weights of another network, of no network, damaged ones.
run 5 "$CHANAS" export "$test_folder/run" --weights "$test_folder/one.pgm" \
  -o "$test_folder/other"
says "$err" 'one.pgm: this is no weight file'
head -c 5000 "$test_folder/grey/weights" >"$test_folder/cut"
run 5 "$CHANAS" export "$test_folder/run" --weights "$test_folder/cut" \
  -o "$test_folder/other"
says "$err" 'cut: it was cut off'
other=33-22
test "$network" != 33-22 || other=55-33
run 0 "$make_trained" "$test_folder/space.ini" "$other" "$test_folder/grey" 9 28
run 5 "$CHANAS" export "$test_folder/run" --weights "$test_folder/grey/weights" \
  -o "$test_folder/other"
says "$err" "has the weights of $other in small, not of $network"
test ! -e "$test_folder/other" || fail "a folder in spite of the error"

# kill -9 at any moment of an export: what is there is whole, and the next
# export ends as an unbroken one.
exec_export() { # the process that the shell knows
  exec "$CHANAS" export "$test_folder/run" -q -o "$1" --onnx "$1.onnx" \
    --weights "$test_folder/cifar/weights"
}
same() { # same FILE... of the folder "whole" as in "broken"
  local file
  for file; do
    cmp "$test_folder/whole$file" "$test_folder/broken$file" ||
      fail "$file differs after kill -9"
  done
}
(exec_export "$test_folder/whole")
files=(.onnx)
for file in "$test_folder"/whole/*; do
  files+=("/${file##*/}")
done
test ${#files[@]} -gt 10 || fail "only ${#files[@]} files"
for i in 1 2 3 4 5 6 7 8 9 10; do
  exec_export "$test_folder/broken" >"$out" 2>"$err" &
  pid=$!
  sleep "0.$(printf '%02d' $((RANDOM % 20)))"
  kill -9 $pid 2>/dev/null || true
  wait $pid || true
  for file in "${files[@]}"; do
    test ! -e "$test_folder/broken$file" || same "$file"
  done
done
(exec_export "$test_folder/broken")
same "${files[@]}"
