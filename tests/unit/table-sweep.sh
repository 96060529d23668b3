# SPDX-License-Identifier: Apache-2.0
# On demand, not in make check: the latency table with a fault at every system
# call that writes.  Each call of each kind is hit in turn: the process is
# killed at it, or it fails once or from there on.  What was acknowledged must
# be there afterwards, whole and sound.  From the build tree:
#
#   bash SRCDIR/tests/unit/table-sweep.sh [BATCHES [FAULT]...]
#
# A FAULT is what strace takes after "inject=CALL:".
set -uo pipefail
program=./tests/unit/test-table-faults
test -x $program || { echo "build $program first (make check)"; exit 99; }
command -v strace >/dev/null || { echo "strace is missing"; exit 77; }
batches=${1:-3}
shift || true
test $# -gt 0 || set -- signal=KILL error=EIO error=ENOSPC
calls=(pwrite64 fdatasync fsync ftruncate openat unlink link fcntl mmap write)
folder=$(mktemp -d "${TMPDIR:-/tmp}/chanas-sweep.XXXXXX")
trap 'rm -rf "$folder"' EXIT
points=0 lost=0

# how many times a sound run makes that call
count() {
  rm -rf "$folder"/*
  strace -f -qq -e "trace=$1" -o "$folder/trace" \
    "$program" write "$folder/t.db" "$batches" >/dev/null 2>&1
  grep -c "$1(" "$folder/trace"
}

# hit CALL FAULT WHEN
hit() {
  local acknowledged
  rm -rf "$folder"/*
  # the shell's own word about the kill goes away with its stderr
  { strace -f -qq -e "trace=$1" -e "inject=$1:$2:when=$3" -o /dev/null \
      "$program" write "$folder/t.db" "$batches" >"$folder/out"
  } 2>/dev/null
  acknowledged=$(tail -n 1 "$folder/out")
  points=$((points + 1))
  "$program" check "$folder/t.db" "${acknowledged:-0}" || {
    echo "LOST: $1:$2:when=$3"
    lost=$((lost + 1))
  }
}

for call in "${calls[@]}"; do
  n=$(count "$call")
  for fault; do
    for ((i = 1; i <= n; i++)); do
      hit "$call" "$fault" "$i"
      # locks that fail for ever only make it wait out its 30 s each time
      test "$fault" = signal=KILL || test "$call" = fcntl ||
        hit "$call" "$fault" "$i+"
    done
  done
done
echo "$points points, $lost lost"
test $lost = 0
