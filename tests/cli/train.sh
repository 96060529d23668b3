# SPDX-License-Identifier: Apache-2.0
# A supernet on images that the test makes: it learns, equal seeds give equal
# bytes, kill -9 changes nothing, and a network of the front is trained to a
# weight file.
. "${abs_top_srcdir:-.}/tests/cli/functions.sh"
need_plugin evolution supernet
CHANAS_PLUGIN_PATH=$CHANAS_PLUGIN_PATH:${abs_top_builddir:-.}/tests/hostile/.libs
test -e "${abs_top_builddir:-.}/tests/hostile/.libs/chanas-hostile.so" ||
  skip "the test backend was not built"
# Threads that wait asleep: tests run on busy machines.
export OMP_WAIT_POLICY=passive
command -v perl >/dev/null || skip "no perl to write images with"

# idx NAME COUNT SEED: 8 x 8 images of four classes, a bright quadrant each,
# in noise that hides it from no network
idx() {
  perl -e 'my ($name, $n, $seed) = @ARGV; srand $seed;
    open my $x, ">:raw", "$name-images-idx3-ubyte" or die;
    open my $y, ">:raw", "$name-labels-idx1-ubyte" or die;
    print $x pack "N4", 2051, $n, 8, 8; print $y pack "N2", 2049, $n;
    for my $i (0 .. $n - 1) {
      my $c = int rand 4;
      print $y chr $c;
      for my $p (0 .. 63) {
        my $q = 2 * (int($p / 8) > 3) + ($p % 8 > 3);
        print $x chr(int(rand 120) + ($q == $c ? 60 : 0));
      }
    }' "$@"
}
mkdir "$test_folder/images"
idx "$test_folder/images/train" 600 1
idx "$test_folder/images/t10k" 200 2

cat >"$test_folder/space.ini" <<'END'
[space]
name = tiny
input-channels = 1
resolution = 8
classes = 4
code = d{d*}-k{k*}-e{e*}
[stage stem]
block = conv
kernel = 3
out = 4
act = relu
[stage 1]
block = mbconv
kernel = 3 5
expand = 1 2
depth = 1 2
out = 8
stride = 2
act = hswish
se = 4
[head]
conv = 16
act = relu
END
# ini NAME METHOD
ini() {
  cat >"$test_folder/$1.ini" <<END
[search]
evaluations = 24
batch = 8
finalists = 2
rounds = 1
[space]
file = space.ini
[backend]
plugin = hostile
tame = yes
steady = yes
[tuner]
plugin = evolution
first = 2
trials = 2
rounds = 3
round = 0.0001
finalists = 1
[strategy]
plugin = evolution
[estimator]
plugin = supernet
folder = checkpoints-$1
data = images
method = $2
epochs = 4
batch = 20
rate = 0.1
checkpoint = 0.1
predictor = 10
calibrate = 200
finetune-epochs = 2
pad = 1
average = 0.9
threads = 2
END
}
# search NAME [FOLDER]
search() {
  run 0 "$CHANAS" search "$test_folder/$1.ini" -v \
    -o "$test_folder/${2:-$1}" --table "$test_folder/${2:-$1}.db"
}
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
for _ in $(seq "${CHANAS_TEST_KILLS:-6}"); do
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
