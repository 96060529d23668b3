# SPDX-License-Identifier: Apache-2.0
# Accuracy, latency and rounding at once: a supernet answers for the float
# network, whatever the precisions, and a trained mixture is exported.
. "${abs_top_srcdir:-.}/tests/cli/training.sh"
test -e "${CHANAS_PLUGIN_PATH%%:*}/chanas-x86.so" ||
  skip "plugin x86 was not built"
"$CHANAS" doctor >/dev/null 2>&1 || true
sed -i -e 's/^code = .*/&-p{p*}/' \
  -e 's/^out = 8$/&\ndtype = f32 bf16 i8/' -e 's/^conv = 16$/&\ndtype = i8/' \
  "$test_folder/space.ini"
ini mixed spos
sed -i -e '/^tame\|^steady/d' -e 's/^plugin = hostile/plugin = x86/' \
  -e 's/^\[search\]$/&\nobjectives = accuracy:max latency:min rounding:min/' \
  -e 's/^finalists = 2/finalists = 0/' -e 's/^\(first\|trials\) = 2/\1 = 1/' \
  "$test_folder/mixed.ini"
"$CHANAS" search "$test_folder/mixed.ini" --table "$test_folder/mixed.db" \
  -o "$test_folder/mixed" >"$out" 2>"$err" || {
  code=$?
  test $code = 4 && skip "this CPU is not for the x86 backend"
  cat "$err" >&2
  fail "search ended with $code"
}
says "$out" 'rounding_%'
awk -F, 'NR == 2 { exit !($2 > 60) }' "$test_folder/mixed/front.csv" ||
  fail "a guesser: $(sed -n 2p "$test_folder/mixed/front.csv")"

# codes of two mixtures of one network, and that network: one accuracy
for p in f32f32 bf16i8 i8f32; do
  run 0 "$CHANAS" estimate "$test_folder/mixed.ini" --code d2-k35-e21-p$p -q \
    --set estimator.predictor=0
  sed -n '2s/^[^,]*,\([^,]*\),.*/\1/p' "$out"
done >"$test_folder/accuracies"
test "$(sort -u "$test_folder/accuracies" | wc -l)" = 1 ||
  fail "precision changes the accuracy: $(cat "$test_folder/accuracies")"

# Kernels of 8 bits need ranges, blocks in float none.
for ranges in "" --ranges; do
  run 0 "$CHANAS" train "$test_folder/mixed" --rank 1 $ranges \
    -o "$test_folder/weights$ranges"
done
export=("$CHANAS" export "$test_folder/mixed" --rank 1
  -o "$test_folder/net" --onnx "$test_folder/net.onnx" --weights)
run 5 "${export[@]}" "$test_folder/weights"
says "$err" 'have no ranges'
run 0 "${export[@]}" "$test_folder/weights--ranges"
run 0 make -C "$test_folder/net" test
says "$out" '^passed$'
