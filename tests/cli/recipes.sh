# SPDX-License-Identifier: Apache-2.0
# What else training can be told: other ways to change images, another
# optimiser, a last layer for each network, NASWOT, the gap, a teacher, the
# ranges of 8-bit kernels.  Each must change what comes out, and none may
# unlearn.
. "${abs_top_srcdir:-.}/tests/cli/training.sh"

# front NAME KEY=VALUE...: search with these in [estimator]
front() {
  local name=$1
  shift
  ini "$name" spos
  printf '%s\n' "$@" >>"$test_folder/$name.ini"
  search "$name"
}
# better NAME PERCENT: the best network of its front
better() {
  awk -F, -v least="$2" 'NR == 1 { for (i = 1; i <= NF; i++)
      if ($i == "accuracy") at = i }
    NR == 2 { good = $at > least } END { exit !good }' \
    "$test_folder/$1/front.csv" ||
    fail "$1: the best network is a guesser: $(sed -n 2p \
      "$test_folder/$1/front.csv")"
}
# differ A B: their supernets
differ() {
  ! cmp -s "$test_folder/checkpoints-$1"/supernet-*.ckpt \
    "$test_folder/checkpoints-$2"/supernet-*.ckpt ||
    fail "$1 and $2 trained the same parameters"
}

front plain
front mixed mixup=0.2
better mixed 60
differ plain mixed
front cut cutout=2
better cut 60
differ plain cut
front smooth smoothing=0.3
better smooth 60
differ plain smooth

ini adam spos
sed -i 's/^rate = .*/rate = 0.01/' "$test_folder/adam.ini"
echo 'optimiser = adamw' >>"$test_folder/adam.ini"
search adam
better adam 60

# scored NAME KEY=VALUE: the estimates of ten networks, in NAME.scores, by the
# same parameters as those of plain
scored() {
  ini "$1" spos
  echo "$2" >>"$test_folder/$1.ini"
  for name in plain "$1"; do
    run 0 "$CHANAS" estimate "$test_folder/$name.ini" --random 10 -q \
      --set estimator.predictor=0
    cut -d, -f1,2 "$out" >"$test_folder/$name.scores"
  done
  cmp "$test_folder"/checkpoints-plain/supernet-*.ckpt \
    "$test_folder/checkpoints-$1"/supernet-*.ckpt ||
    fail "$1 changed what was trained"
}

# A last layer of their own, of 45 images each: other scores, none a guesser's
# (25 %).
scored refit refit=4
! cmp -s "$test_folder/plain.scores" "$test_folder/refit.scores" ||
  fail "refit changed no score"
awk -F, 'NR > 1 && $2 <= 35 { exit 1 }' "$test_folder/refit.scores" ||
  fail "refit made guessers: $(cat "$test_folder/refit.scores")"

# NASWOT's opinion: twice the estimate less the supernet's is a line over the
# score itself, which the proxy tells as the logistic of another.
scored naswot naswot=1
cp "$test_folder/naswot.ini" "$test_folder/proxy.ini"
sed -i '/^\[estimator\]/,$d' "$test_folder/proxy.ini"
printf '[estimator]\nplugin = proxy\nscore = naswot\nthreads = 2\n' \
  >>"$test_folder/proxy.ini"
run 0 "$CHANAS" estimate "$test_folder/proxy.ini" --random 10 -q
cut -d, -f1,2 "$out" >"$test_folder/proxy.scores"
paste -d, "$test_folder"/{plain,naswot,proxy}.scores >"$test_folder/lines"
awk -F, 'NR > 1 {
    if ($1 != $3 || $1 != $5) exit 1
    n++; x[n] = log($6 / (100 - $6)); y[n] = 2 * $4 - $2
    sx += x[n]; sy += y[n] }
  END {
    for (i = 1; i <= n; i++) {
      a = x[i] - sx / n; b = y[i] - sy / n; xx += a * a; xy += a * b
    }
    slope = xy / xx
    for (i = 1; i <= n; i++) {
      far = y[i] - sy / n - slope * (x[i] - sx / n)
      if (far > 0.02 || far < -0.02) exit 1
    }
    exit !(slope > 0.1)
  }' "$test_folder/lines" || {
  cat "$test_folder/lines" >&2
  fail "naswot is no mean of the supernet and NASWOT"
}

# What is known already need not be scored again to ask NASWOT.
scores=("$test_folder"/checkpoints-plain/scores-*.txt)
cp "${scores[0]}" "$test_folder/scores"
run 0 "$CHANAS" estimate "$test_folder/plain.ini" --random 10 -q \
  --set estimator.predictor=0 --set estimator.naswot=1
cut -d, -f1,2 "$out" | cmp - "$test_folder/naswot.scores" ||
  fail "NASWOT, asked later, answers otherwise"
cmp -n "$(wc -c <"$test_folder/scores")" "$test_folder/scores" \
  "${scores[0]}" || fail "scores were lost"

# The gap takes from what is reported.
scored gap gap=1
paste -d, "$test_folder/plain.scores" "$test_folder/gap.scores" |
  awk -F, 'NR > 1 { if ($1 != $3 || $4 > $2) exit 1; less += $4 < $2 }
    END { if (!less) exit 1 }' || {
  paste -d, "$test_folder/plain.scores" "$test_folder/gap.scores" >&2
  fail "the gap took nothing, or gave"
}

# A teacher, and ranges beside the parameters.
train() {
  run 0 "$CHANAS" train "$test_folder/plain.ini" --code d2-k53-e21 "$@"
  awk '$1 == "test" { exit !($2 > 60) }' "$out" ||
    fail "$* made a guesser: $(cat "$out")"
}
train -o "$test_folder/alone"
train -o "$test_folder/taught" --set estimator.finetune-distill=yes
! cmp -s "$test_folder/alone" "$test_folder/taught" ||
  fail "the teacher taught nothing"
train -o "$test_folder/ranged" --ranges
test "$(wc -c <"$test_folder/ranged")" -gt "$(wc -c <"$test_folder/alone")" ||
  fail "no ranges in the file"
