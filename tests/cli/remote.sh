# SPDX-License-Identifier: Apache-2.0
# A whole search over links: to one runner, to two of which one is killed on
# the way, and through an sshd on loopback that is killed on the way, ends with
# the front that a search here ends with.  The backend is one whose kernels
# say themselves how long they take, so that the fronts are equal to the byte.
. "${abs_top_srcdir:-.}/tests/cli/functions.sh"
need_plugin evolution table
need_hostile

small_space "$test_folder/space.ini" "8 12" "1 2" 2 '{k*}-{e*}-{resolution}'
cat >"$test_folder/run.ini" <<'END'
[search]
evaluations = 24
batch = 8
finalists = 2
rounds = 2
[space]
file = space.ini
[backend]
plugin = hostile
tame = yes
steady = yes
[tuner]
plugin = evolution
first = 6
trials = 12
rounds = 3
round = 0.0001
finalists = 1
[strategy]
plugin = evolution
[estimator]
plugin = table
file = accuracy.csv
END
{
  echo arch,accuracy
  for k in 3 5; do for l in 3 5; do for e in 1 2; do for f in 1 2; do
    for r in 8 12; do
      echo "$k$l-$e$f-$r,$((20 + k * 3 + l * 2 + e * 4 + f * 3 + r))"
    done
  done; done; done; done
} >"$test_folder/accuracy.csv"

# search NAME [OPTION]...
search() {
  local name=$1
  shift
  run 0 "$CHANAS" search "$test_folder/run.ini" -o "$test_folder/$name" \
    --table "$test_folder/$name.db" "$@"
  cp "$err" "$test_folder/$name.err"
}

# same NAME: the front of the search here, and a table without losses
same() {
  cmp "$test_folder/here/front.csv" "$test_folder/$1/front.csv" || {
    diff "$test_folder/here/front.csv" "$test_folder/$1/front.csv" >&2
    fail "$1: the front is another one"
  }
  run 0 "$CHANAS" table verify --table "$test_folder/$1.db"
  run 0 "$CHANAS" table export --table "$test_folder/$1.db"
  grep -qw lost "$out" && fail "$1: a loss is in the table" || true
}

search here -q
test "$(wc -l <"$test_folder/here/front.csv")" -gt 2 ||
  fail "a front that says nothing"

# A board: its own device, and the number of the transport in a file.
cat >"$test_folder/board" <<END
#!/bin/sh
mkdir -p "$test_folder/\$1"
test ! -e "$test_folder/\$1/off" || exit 1
echo \$\$ >"$test_folder/\$1/pid"
echo >>"$test_folder/\$1/starts"
export TMPDIR="$test_folder/\$1" XDG_RUNTIME_DIR=
shift
exec "$CHANAS_RUNNER" --plugin-path "$hostile" "\$@"
END
chmod +x "$test_folder/board"

search one -q --set "backend.runner=$test_folder/board a"
same one
test "$(wc -l <"$test_folder/a/starts")" = 1 || fail "more than one link"

# Two boards; the second is killed as soon as it has worked for a while (the
# table is made when all have told what they are), and comes back later.
{
  for _ in $(seq 1000); do
    test -s "$test_folder/two.db" && break
    sleep 0.05
  done
  sleep 0.2
  touch "$test_folder/c/off"
  kill -9 "$(cat "$test_folder/c/pid")" || true
  sleep 2
  rm "$test_folder/c/off"
} &
search two --set "backend.runner=$test_folder/board b, $test_folder/board c"
wait
same two
says "$test_folder/two.err" 'board c.*to come back'

# Every board gone for good: exit code 4, one line that says so, and what was
# measured is kept.
{
  for _ in $(seq 1000); do
    test -s "$test_folder/gone.db" && break
    sleep 0.05
  done
  sleep 0.5
  touch "$test_folder/d/off"
  kill -9 "$(cat "$test_folder/d/pid")" || true
} &
run 4 "$CHANAS" search "$test_folder/run.ini" -o "$test_folder/gone" \
  --table "$test_folder/gone.db" --set backend.reconnect=0.5 \
  --set "backend.runner=$test_folder/board d" --set tuner.trials=64 \
  --set search.evaluations=32 --set tuner.round=0.01
wait
says "$err" 'no runner of \[backend\] is left'
run 0 "$CHANAS" table verify --table "$test_folder/gone.db"
rm "$test_folder/d/off"

# None to begin with.
run 4 "$CHANAS" search "$test_folder/run.ini" -o "$test_folder/none" \
  --table "$test_folder/none.db" --set "backend.runner=false"
says "$err" 'runner false .*ended with exit code 1'
