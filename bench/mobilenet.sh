#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Where whole reference networks stand on this machine: MobileNetV2 1.0,
# MobileNetV3-Large and -Small (224, fp32, batch 1), with 1 thread and with
# all; default and tuned schedules, against the measured FMA ceiling.
#
#   bench/mobilenet.sh [TRIALS-PER-BLOCK]
#
# Needs chanas in PATH or in $CHANAS; a fresh latency table is used.
set -euo pipefail
chanas=${CHANAS:-chanas}
trials=${1:-48}
etc=${CHANAS_ETC:-$(dirname "$(readlink -f "$0")")/../etc}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

field() { sed -n "s/.*\"$1\": *\([0-9.e+-]*\),*/\1/p" | sed -n 1p; }

"$chanas" doctor | sed -n 's/^ok *device *//p'
echo
echo '| network | threads | default ms | tuned ms | sum of blocks ms |' \
  'GFLOP/s | seconds to tune |'
echo '|---|---|---|---|---|---|---|'
for network in ${NETWORKS:-mobilenet-v2 mobilenet-v3-large mobilenet-v3-small}; do
  for threads in 1 $(test "$(nproc)" -gt 1 && nproc); do
    cat >"$folder/run.ini" <<END
[search]
objectives = latency:min
[space]
file = $etc/spaces/$network.ini
[backend]
plugin = x86
threads = $threads
[tuner]
trials = $trials
END
    begun=$SECONDS
    "$chanas" tune "$folder/run.ini" --table "$folder/table.db" -q >/dev/null
    tuning=$((SECONDS - begun))
    # In turn, since the machine drifts; the median of five.
    for _ in 1 2 3 4 5; do
      for how in --default ''; do
        # shellcheck disable=SC2086
        "$chanas" measure "$folder/run.ini" --table "$folder/table.db" -q \
          --json $how >"$folder/one$how.json"
        field latency_measured_ms <"$folder/one$how.json" \
          >>"$folder/$network-$threads$how"
      done
    done
    median() { sort -g "$1" | sed -n 3p; }
    tuned=$(median "$folder/$network-$threads")
    fixed=$(median "$folder/$network-$threads--default")
    macs=$(field macs <"$folder/one.json")
    awk -v n=$network -v t="$threads" -v d="$fixed" -v b="$tuned" \
      -v s="$(field latency_sum_ms <"$folder/one.json")" -v m="$macs" \
      -v w=$tuning 'BEGIN {
        printf "| %s | %d | %.2f | %.2f | %.2f | %.1f | %d |\n",
          n, t, d, b, s, 2e-6 * m / b, w }'
  done
done
