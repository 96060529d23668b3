# SPDX-License-Identifier: Apache-2.0
# Random NEON policies, compiled for AArch64 and run by qemu-user in the
# static runner for boards.
. "${abs_top_srcdir:-.}/tests/conformance/part.sh"
need_plugin arm
need_tool aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu
need_tool qemu-aarch64 qemu-user
runner=${abs_top_builddir:-.}/aarch64-linux-gnu/chanas-runner
test -x "$runner" || skip "no runner for AArch64: configured without"

# Halves, and 8-bit integers, on a processor that only converts the former and
# has no dot products.
grep -vE '^isa\.(fp16|dotprod)|^tune' "$devices/qemu-aarch64.ini" \
  >"$test_folder/plain.device"
for key in n1/i9x7x21/conv:k3,s2,p1,o19,relu6,b,x0 \
  n2/i8x8x12/conv:k1,s1,p0,o36,hswish,b,x0/dw:k3,s1,p1,relu,b,x1/\
conv:k1,s1,p0,o12,none,b,x2/add:none,x3,0; do
  for dtype in f16 i8; do
    run 0 "$check" arm -q --key $dtype/$key --policies 1 --threads 1 \
      --device "$test_folder/plain.device" \
      --runner "qemu-aarch64 -cpu cortex-a57 $runner" \
      --compiler 'aarch64-linux-gnu-gcc -Wall -Wextra -Werror'
  done
done

policies 1200 6 arm --device "$devices/qemu-aarch64.ini" \
  --runner "qemu-aarch64 $runner" \
  --compiler 'aarch64-linux-gnu-gcc -Wall -Wextra -Werror'
