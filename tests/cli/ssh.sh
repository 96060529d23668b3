# SPDX-License-Identifier: Apache-2.0
# A runner behind ssh: an sshd of our own on loopback, with keys made for this
# test, as the user who runs it.  Measured, with a search whose connection is
# cut in the middle: the figures are there all the same.
. "${abs_top_srcdir:-.}/tests/cli/functions.sh"
need_plugin evolution table
sshd=$(PATH=$PATH:/usr/sbin command -v sshd) ||
  skip "no sshd (Debian package openssh-server)"
command -v ssh >/dev/null || skip "no ssh (Debian package openssh-client)"
need_hostile

keys=$test_folder/keys
mkdir -m 700 "$keys"
ssh-keygen -q -t ed25519 -N '' -f "$keys/host"
ssh-keygen -q -t ed25519 -N '' -f "$keys/user"
cp "$keys/user.pub" "$keys/authorized"
test "$(id -u)" != 0 || mkdir -p /run/sshd

# A port that is free: the first on which sshd stays.
sshd_pid=
start_sshd() {
  local try
  for try in $(seq 20); do
    port=$((20000 + RANDOM % 20000))
    "$sshd" -D -e -f /dev/null -p $port -h "$keys/host" \
      -o ListenAddress=127.0.0.1 -o AuthorizedKeysFile="$keys/authorized" \
      -o StrictModes=no -o UsePAM=no -o PidFile=none \
      -o PasswordAuthentication=no -o PermitRootLogin=yes \
      2>"$test_folder/sshd.log" &
    sshd_pid=$!
    for _ in $(seq 50); do
      grep -q 'Server listening' "$test_folder/sshd.log" && return
      kill -0 $sshd_pid 2>/dev/null || break
      sleep 0.1
    done
  done
  sed 's/^/  /' "$test_folder/sshd.log" >&2
  skip "sshd does not start here"
}
trap 'kill $sshd_pid 2>/dev/null; rm -rf "$test_folder"' EXIT
start_sshd
ssh="ssh -F none -i $keys/user -p $port -o IdentitiesOnly=yes -o BatchMode=yes
  -o StrictHostKeyChecking=no -o UserKnownHostsFile=$keys/known
  -o LogLevel=ERROR $(id -un)@127.0.0.1"
ssh=${ssh//$'\n'/ }
$ssh true || {
  sed 's/^/  /' "$test_folder/sshd.log" >&2
  skip "this user cannot log in by ssh"
}

# (A line of an INI file is too short for all of these options.)
cat >"$test_folder/board" <<END
#!/bin/sh
exec $ssh $CHANAS_RUNNER --plugin-path $hostile "\$@"
END
chmod +x "$test_folder/board"

small_space "$test_folder/space.ini" 8 "1 2" 1 '{k*}-{e*}'
cat >"$test_folder/run.ini" <<END
[space]
file = space.ini
[backend]
plugin = hostile
tame = yes
steady = yes
runner = $test_folder/board
[tuner]
first = 4
trials = 6
rounds = 3
round = 0.02
END

run 0 "$CHANAS" tune "$test_folder/run.ini" --table "$test_folder/whole.db"
run 0 "$CHANAS" table export --table "$test_folder/whole.db"
grep -cw measured "$out" >"$test_folder/whole"

# The connection is cut as soon as there is one: the sessions' processes go,
# the listening one stays.
{
  for _ in $(seq 400); do
    session=$(pgrep -P $sshd_pid | head -1) || true
    test -n "$session" && test -s "$test_folder/cut.db" && break
    sleep 0.05
  done
  sleep 0.3
  kill -9 "$session" || true
} &
cutter=$!
run 0 "$CHANAS" tune "$test_folder/run.ini" --table "$test_folder/cut.db"
wait $cutter
says "$err" 'has 120 s to come back'
run 0 "$CHANAS" table export --table "$test_folder/cut.db"
grep -cw measured "$out" >"$test_folder/cut"
cmp "$test_folder/whole" "$test_folder/cut" ||
  fail "$(cat "$test_folder/cut") measured, not $(cat "$test_folder/whole")"
