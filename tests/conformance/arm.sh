# SPDX-License-Identifier: Apache-2.0
# Random NEON policies, compiled for AArch64 and run by qemu-user in the
# static runner for boards.
. "${abs_top_srcdir:-.}/tests/conformance/part.sh"
need_plugin arm
need_tool aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu
need_tool qemu-aarch64 qemu-user
runner=${abs_top_builddir:-.}/aarch64-linux-gnu/chanas-runner
test -x "$runner" || skip "no runner for AArch64: configured without"

policies 1000 arm --device "$devices/qemu-aarch64.ini" \
  --runner "qemu-aarch64 $runner" \
  --compiler 'aarch64-linux-gnu-gcc -Wall -Wextra -Werror'
