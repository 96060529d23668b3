# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sourced by the tests that train: images that the test makes, a space of a
# few small networks, and INI files that train a supernet on them.
. "${abs_top_srcdir:-.}/tests/cli/functions.sh"
need_plugin evolution supernet
need_hostile
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
block = stem
conv = 4
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
