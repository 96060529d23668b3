# SPDX-License-Identifier: Apache-2.0
# What holds of every source file: the licence tag on top, no line beyond 80
# columns, no tab and no trailing blank, no file over 600 lines, no function
# over 60, nothing left for later, and no target named in the core.
set -uo pipefail
cd "${abs_top_srcdir:-.}" || exit 99
bad=0
complain() { echo "$1: $2"; bad=1; }

sources=(core conformance include plugins tests bench examples)
mapfile -t code < <(find "${sources[@]}" \( -name '*.c' -o -name '*.h' \) \
  -print)
mapfile -t texts < <(
  find "${sources[@]}" etc docs m4 \( -name '*.c' -o -name '*.h' \
    -o -name '*.def' -o -name '*.sh' -o -name '*.inc' -o -name '*.ini' \
    -o -name '*.pod' -o -name '*.py' -o -name 'chanas*.m4' \) -print
  ls Makefile.am configure.ac quickstart autogen.sh .ci/run 2>/dev/null)
test ${#code[@]} -gt 20 || { echo "only ${#code[@]} sources found"; exit 99; }

for file in "${texts[@]}"; do
  head -n 5 "$file" | grep -q 'SPDX-License-Identifier: Apache-2\.0' ||
    complain "$file" "no SPDX line at its top"
done

# report REGEX SAYING FILE...: each line that matches is a fault
report() {
  local regex=$1 saying=$2 hit
  shift 2
  while IFS= read -r hit; do
    complain "$hit" "<- $saying"
  done < <(grep -HnE -- "$regex" "$@")
}
report '[[:blank:]]+$' "trailing blank" "${texts[@]}"
report $'\t' "a tab" "${code[@]}"
report '\b(T[O]DO|F[I]XME|X[X]X)\b|\bst[u]b(bed|s)?\b|not[ ]implemented' \
  "nothing is left for later" "${texts[@]}"

# Widths in characters; the strings of a long table of keys are excepted by
# their suffix, .def.
while IFS= read -r hit; do
  complain "$hit" "<- beyond 80 columns"
done < <(LC_ALL=C.UTF-8 awk 'length($0) > 80 { print FILENAME ":" FNR ": " $0 }' \
  "${code[@]}")

while IFS= read -r hit; do
  complain "$hit" "over 600 lines"
done < <(awk 'FNR == 601 { print FILENAME }' "${code[@]}")

# A function's body lies between braces in the first column.
while IFS= read -r hit; do
  complain "$hit" "a function over 60 lines"
done < <(awk 'FNR == 1 { from = 0 }
  /^{/ || /^[a-z].*\) *{$/ { from = FNR }
  /^}/ { if (from && FNR - from > 61) print FILENAME ":" from; from = 0 }' \
  "${code[@]}")

# The core knows no target: neither an instruction set nor a backend.  (The
# default of [backend] plugin in config.def is a value, not code.)
mapfile -t core < <(find core include conformance \
  \( -name '*.c' -o -name '*.h' \) -print)
while IFS= read -r hit; do
  complain "$hit" "<- the core names no target"
done < <(grep -HniE '(^|[^a-z])(cuda|opencl|neon|sve|avx|amx|sse[0-9]|vnni|'\
'x86|arm64|aarch64|immintrin|cpuid)' "${core[@]}")

# Nor does anything else that lies there, not even inside a word.
while IFS= read -r hit; do
  complain "$hit" "<- core/ names a backend or an instruction set"
done < <(grep -rniE 'cuda|opencl|neon|avx' core conformance)

exit $bad
