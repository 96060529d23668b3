# SPDX-License-Identifier: Apache-2.0
# A supernet on images that the test makes: it learns, equal seeds give equal
# bytes, kill -9 changes nothing, and a network of the front is trained to a
# weight file.
. "${abs_top_srcdir:-.}/tests/cli/training.sh"
for method in spos sandwich shrinking; do
  ini $method $method
  search $method
  says "$err" 'predictor: fitted to 8 networks; of 2 others it is'
  # 25 % is chance
  best=$(sed -n 2p "$test_folder/$method/front.csv")
  column=$(sed -n 1p "$test_folder/$method/front.csv" | tr , '\n' |
    grep -n '^accuracy' | head -1 | cut -d: -f1)
  echo "$best" | cut -d, -f"$column" | awk '{ exit !($1 > 60) }' ||
    fail "$method: the best network of the front is a guesser: $best"
done

# Equal seeds, equal results, from nothing.
sed 's/checkpoints-sandwich/checkpoints-again/' "$test_folder/sandwich.ini" \
  >"$test_folder/again.ini"
search again
cmp "$test_folder/sandwich/front.csv" "$test_folder/again/front.csv" ||
  fail "equal seeds give another front"
cmp "$test_folder"/checkpoints-sandwich/supernet-*.ckpt \
  "$test_folder"/checkpoints-again/supernet-*.ckpt ||
  fail "equal seeds give other parameters"

# kill -9 while it trains, however often.
sed 's/checkpoints-sandwich/checkpoints-killed/' "$test_folder/sandwich.ini" \
  >"$test_folder/killed.ini"
kills=${CHANAS_TEST_KILLS:-10}
for _ in $(seq "$kills"); do
  "$CHANAS" search "$test_folder/killed.ini" -q -o "$test_folder/killed" \
    --table "$test_folder/killed.db" >/dev/null 2>&1 &
  sleep "0.$((RANDOM % 6))$((RANDOM % 9))"
  kill -9 $! 2>/dev/null || true
  wait $! 2>/dev/null || true
  rm -rf "$test_folder/killed" "$test_folder/killed.db"*
done
search killed
cmp "$test_folder"/checkpoints-sandwich/supernet-*.ckpt \
  "$test_folder"/checkpoints-killed/supernet-*.ckpt ||
  fail "after kills the parameters are others"
cmp "$test_folder/sandwich/front.csv" "$test_folder/killed/front.csv" ||
  fail "after kills the front is another one"

# One network: fine-tuned twice to the same bytes, and from scratch.
run 0 "$CHANAS" train "$test_folder/sandwich" -o "$test_folder/one.weights"
says "$out" '^test +[0-9.]+ %'
awk '$1 == "test" { exit !($2 > 70) }' "$out" ||
  fail "fine-tuning made a guesser: $(cat "$out")"
run 0 "$CHANAS" train "$test_folder/again" --rank 1 \
  -o "$test_folder/two.weights"
cmp "$test_folder/one.weights" "$test_folder/two.weights" ||
  fail "equal seeds give other weights"

# The same where fine-tuning is killed: each time it goes on, and the file is
# whole or not there.
for _ in $(seq "$kills"); do
  "$CHANAS" train "$test_folder/killed" -q -o "$test_folder/three.weights" \
    >/dev/null 2>&1 &
  sleep "0.$((RANDOM % 4))$((RANDOM % 9))"
  kill -9 $! 2>/dev/null || true
  wait $! 2>/dev/null || true
  test ! -e "$test_folder/three.weights" ||
    cmp "$test_folder/one.weights" "$test_folder/three.weights" ||
    fail "a kill left other weights"
  rm -f "$test_folder/three.weights"
done
run 0 "$CHANAS" train "$test_folder/killed" -o "$test_folder/three.weights"
cmp "$test_folder/one.weights" "$test_folder/three.weights" ||
  fail "after kills the weights are others"

run 0 "$CHANAS" train "$test_folder/sandwich.ini" --scratch --ranges \
  --code d2-k53-e21 -o "$test_folder/scratch.weights"
awk '$1 == "test" { exit !($2 > 60) }' "$out" ||
  fail "training from scratch made a guesser: $(cat "$out")"

# A damaged checkpoint is named, with what to do.
for file in "$test_folder"/checkpoints-again/supernet-*.ckpt; do
  printf 'x' | dd of="$file" bs=1 seek=100 conv=notrunc 2>/dev/null
done
run 1 "$CHANAS" search "$test_folder/again.ini" -o "$test_folder/again2" \
  --table "$test_folder/again.db"
says "$err" 'checkpoint is damaged or of other settings; remove it'

# What cannot be done.
run 2 "$CHANAS" train "$test_folder/sandwich"
says "$err" 'say with -o'
run 2 "$CHANAS" train "$test_folder/sandwich.ini" -o "$test_folder/x"
says "$err" 'which network'
run 2 "$CHANAS" train "$test_folder/sandwich.ini" --code d9 \
  -o "$test_folder/x"
sed -i 's/classes = 4/classes = 5/' "$test_folder/space.ini"
run 1 "$CHANAS" search "$test_folder/spos.ini" -o "$test_folder/x" \
  --table "$test_folder/spos.db"
says "$err" 'the images have 4 classes, the space 5'
