# SPDX-License-Identifier: Apache-2.0
# AVX-512 emission on a machine that need not have it: it compiles as it is,
# and its schedules compute the right thing when the same text is compiled
# for AVX2, where the compiler splits each vector in two.
. "${abs_top_srcdir:-.}/tests/cli/functions.sh"
need_plugin x86
check=${abs_top_builddir:-.}/chanas-check-plugin
device=${abs_top_srcdir:-.}/tests/conformance/x86-avx512.device
tried=(x86 --device "$device" --policies 1 --random-workloads 2)

"$check" "${tried[@]}" --every 5 --compile-only \
  --compiler 'cc -Wall -Wextra -Werror'

cat >"$test_folder/cc" <<'END'
#!/bin/bash
for arg; do
  shift
  case $arg in -mavx512*|-mprefer*) ;; *) set -- "$@" "$arg" ;; esac
done
exec cc -Wno-psabi "$@"
END
chmod +x "$test_folder/cc"
grep -q avx2 /proc/cpuinfo || skip "no AVX2 here"
"$check" "${tried[@]}" --every 2 --compiler "$test_folder/cc"
