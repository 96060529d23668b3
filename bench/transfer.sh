#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Does the device move the architecture?  The same space is searched for
# several devices, each under the latency that a share of random networks keeps
# there; how many networks their fronts have in common; then the best network
# of each is run on all the others.
#
#   bench/transfer.sh [-p PERCENT] [-e EVALUATIONS] [-s SPACE.ini] [-t TABLE]
#       [-x SECTION.KEY=VALUE]... INI...
#
# INI: a run's configuration, one a device; they must agree in space and
# estimator.  PERCENT: of random networks that keep the limit (25).  -s: search
# this space instead of theirs.  -t: a latency table to begin with (else a fresh
# one); -x: a setting for all of them.  Needs chanas in PATH or in $CHANAS.
set -euo pipefail
chanas=${CHANAS:-chanas}
percent=25 evaluations=20000 common=() table=
while getopts p:e:s:t:x: option; do
  case $option in
    p) percent=$OPTARG ;;
    e) evaluations=$OPTARG ;;
    s) common+=(--set "space.file=$(readlink -f "$OPTARG")") ;;
    t) table=$OPTARG ;;
    x) common+=(--set "$OPTARG") ;;
    *) sed -n 's/^# \{0,1\}//p' "$0" | sed -n 2,17p >&2; exit 2 ;;
  esac
done
shift $((OPTIND - 1))
test $# -ge 2 || { echo "$0: name at least two INI files" >&2; exit 2; }

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
common+=(--table "${table:-$folder/table.db}")

# search INI OUT SETTING...
search() {
  local ini=$1 out=$2
  shift 2
  "$chanas" search "$ini" -o "$out" -q "${common[@]}" "$@" \
    >"$folder/log" 2>&1 || { cat "$folder/log" >&2; exit 1; }
}

# json FIELD FILE: the first number or text of that name
json() {
  sed -n "s/^ *\"$1\": *\"\{0,1\}\([^\",]*\)\"\{0,1\},*$/\1/p" "$2" | sed -n 1p
}

# The latency in ms that PERCENT % of 1,000 random networks keep.
limit() {
  search "$1" "$folder/random" --set search.all-networks=yes \
    --set strategy.plugin=random --set search.evaluations=1000 \
    --set search.finalists=0 --set search.rounds=1 --set search.constraint=
  tail -n +2 "$folder/random/networks.csv" | cut -d, -f3 | sort -g |
    awk -v p="$percent" '{ v[NR] = $1 } END { i = int(NR * p / 100)
      print v[i < 1 ? 1 : i] }'
}

# latency INI CODE: ms of a network there, measured whole or replayed
latency() {
  "$chanas" measure "$1" --code "$2" --json -q "${common[@]}" >"$folder/one"
  local ms
  ms=$(json latency_measured_ms "$folder/one")
  echo "${ms:-$(json latency_sum_ms "$folder/one")}"
}

# The codes of a front, in order.
members() {
  sed -n 's/^ *"code": "\(.*\)",$/\1/p' "$folder/$1/front.json" | sort
}

names=() codes=()
echo "| device | limit ms ($percent % of random networks) | best accuracy |" \
  "MACs (M) | network |"
echo '|---|---|---|---|---|'
for ini; do
  name=$(basename "$ini" .ini)
  most=$(limit "$ini")
  search "$ini" "$folder/$name" --set search.evaluations="$evaluations" \
    --set "search.constraint=latency<${most}ms" --set search.finalists=1
  front=$folder/$name/front.json
  code=$(json code "$front")
  printf '| %s | %.3f | %.2f | %.0f | %s |\n' "$name" "$most" \
    "$(json accuracy "$front")" "$(awk -v m="$(json macs "$front")" \
      'BEGIN { print m / 1e6 }')" "$code"
  names+=("$name") codes+=("$code")
done

echo
printf '| front of (networks) / %% of them in the front of |'
printf ' %s |' "${names[@]}"
printf '\n|---|'
printf -- '---|%.0s' "${names[@]}"
echo
for name in "${names[@]}"; do
  count=$(members "$name" | wc -l)
  printf '| %s (%d) |' "$name" "$count"
  for other in "${names[@]}"; do
    both=$(comm -12 <(members "$name") <(members "$other") | wc -l)
    printf ' %d |' $((100 * both / count))
  done
  echo
done

echo
printf '| best for / run on, ms (over the best there) |'
printf ' %s |' "${names[@]}"
printf '\n|---|'
printf -- '---|%.0s' "${names[@]}"
echo
for ini; do latency "$ini" "${codes[0]}" >/dev/null; done # all are tuned
declare -A ms
for i in "${!codes[@]}"; do
  for j in "${!names[@]}"; do
    ms[$i,$j]=$(latency "${@:$((j + 1)):1}" "${codes[$i]}")
  done
done
for i in "${!codes[@]}"; do
  printf '| %s |' "${names[$i]}"
  for j in "${!names[@]}"; do
    awk -v a="${ms[$i,$j]}" -v b="${ms[$j,$j]}" \
      'BEGIN { printf " %.3f (%.2f) |", a, a / b }'
  done
  echo
done
