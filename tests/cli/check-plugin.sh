# SPDX-License-Identifier: Apache-2.0
# chanas-check-plugin's help, page and refusals.
. "${abs_top_srcdir:-.}/tests/cli/functions.sh"
check=${abs_top_builddir:-.}/chanas-check-plugin
man=$abs_top_srcdir/docs/chanas-check-plugin.pod

run 0 "$check" --help
says "$out" '^Usage: chanas-check-plugin'
mapfile -t options < <(grep -oE -- '--[a-z][a-z-]*' "$out" | sort -u)
test ${#options[@]} -ge 18 || fail "only ${#options[@]} options in --help"
for option in "${options[@]}"; do
  says "$man" "^=item .*B<$option>"
done
sed -n 's/^=item .*\(B<--[a-z-]*>\).*/\1/p' "$man" | tr -d 'B<>' |
  while read -r option; do
    printf '%s\n' "${options[@]}" | grep -qx -- "$option" ||
      fail "the page tells of $option, --help does not"
  done
run 0 "$check" --version
says "$out" '^chanas-check-plugin [0-9.]+ \(plugin interface [0-9]+\)$'

run 2 "$check"
run 2 "$check" x86 replay
run 2 "$check" --no-such-option x86
run 2 "$check" --policies -1 x86
says "$err" '--policies -1: a whole number from 0'
run 2 "$check" --dtype f32,f8 x86
says "$err" "'f8' is not f32"
run 2 "$check" --set tame x86
run 2 "$check" --seed soon x86
run 2 "$check" --deadline 0 x86
run 2 "$check" --policy tile=1 x86
says "$err" '--key'
run 4 "$check" quantum
says "$err" "no backend plugin 'quantum'"
need_plugin replay
run 4 "$check" replay
says "$err" 'emits no kernels'
need_plugin x86
run 2 "$check" x86 --set no-such-key=1
says "$err" 'no-such-key'
run 2 "$check" x86 --device "$test_folder/absent"
says "$err" 'absent'
run 4 "$check" x86 --runner /no/such/runner
says "$err" '/no/such/runner'
device=(x86 --device "$abs_top_srcdir/tests/conformance/x86-avx512.device")
run 2 "$check" "${device[@]}" --compile-only --key f32/n1
run 1 "$check" "${device[@]}" --compile-only --threads 1 \
  --key f32/n1/i4x4x8/act:relu,x0 --policy nonsense=1
says "$out" '^FAIL f32/n1/i4x4x8/act:relu,x0 nonsense=1: this is no policy'
run 4 "$check" "${device[@]}" --compile-only --compiler /no/such/compiler
says "$err" '/no/such/compiler'
