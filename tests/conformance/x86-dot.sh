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
# Channels that are more than a vector and no multiple of it.
if grep -qw avx_vnni /proc/cpuinfo; then
  for key in \
    i7x7x9/conv:k3,s1,p1,o9,relu,b,x0/conv:k1,s1,p0,o16,none,b,x1 \
    i8x8x4/conv:k1,s1,p0,o12,relu,b,x0/dw:k3,s1,p1,relu,b,x1/conv:k1,s1,p0,o16,none,b,x2; do
    "$check" x86 --device "$test_folder/device" --key "i8/n1/$key" --policies 8
  done
fi
