# SPDX-License-Identifier: Apache-2.0
# AVX-512 emission on a machine that need not have it: it compiles as it is,
# and its schedules compute the right thing when the same text is compiled
# for AVX2, where the compiler splits each vector in two.
set -u
here=${abs_top_srcdir:-.}/tests/conformance
check=${abs_top_builddir:-.}/tests/conformance/check-plugin
test -e "${abs_top_builddir:-.}/plugins/.libs/chanas-x86.so" || exit 77
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT

export CHANAS_CHECK_POLICIES=1 CHANAS_CHECK_GRAPHS=2 CHANAS_CHECK_EVERY=5
"$check" x86 "$here/x86-avx512.device" || exit 1

cat >"$work/cc" <<'END'
#!/bin/bash
for arg; do
  shift
  case $arg in -mavx512*|-mprefer*) ;; *) set -- "$@" "$arg" ;; esac
done
exec cc -Wno-psabi "$@"
END
chmod +x "$work/cc"
grep -q avx2 /proc/cpuinfo || exit 77
CHANAS_CHECK_EVERY=2 CHANAS_CC=$work/cc CHANAS_CHECK_RUN=1 "$check" x86 \
  "$here/x86-avx512.device"
