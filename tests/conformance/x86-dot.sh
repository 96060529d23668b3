# SPDX-License-Identifier: Apache-2.0
# bf16 and i8 without AMX: products of vectors that sum 2 or 4 elements.  The
# text compiles on any machine, and runs where the CPU has them.
. "${abs_top_srcdir:-.}/tests/cli/functions.sh"
need_plugin x86
check=${abs_top_builddir:-.}/chanas-check-plugin
here=${abs_top_srcdir:-.}/tests/conformance

# dot DTYPE FLAG: on the device that was described; FLAG is of /proc/cpuinfo
dot() {
  local dtype=$1 flag=$2 tried
  tried=(x86 --dtype "$dtype" --policies 1 --random-workloads 2
    --device "$test_folder/device")
  "$check" "${tried[@]}" --every 6 --compile-only \
    --compiler 'cc -Wall -Wextra -Werror'
  grep -qw "$flag" /proc/cpuinfo || {
    echo "no $flag here: $dtype was compiled, not run"
    return 0
  }
  "$check" "${tried[@]}" --every 4
}

{ cat "$here/x86-avx512.device"; echo isa.avx512_vnni=1; } \
  >"$test_folder/device"
dot i8 avx512_vnni
{ cat "$here/x86-avx512.device"; echo isa.avx512_bf16=1; } \
  >"$test_folder/device"
dot bf16 avx512_bf16
{ grep -v avx512 "$here/x86-avx512.device"; echo isa.avx_vnni=1; } \
  >"$test_folder/device"
dot i8 avx_vnni
