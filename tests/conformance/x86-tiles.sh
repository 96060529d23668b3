# SPDX-License-Identifier: Apache-2.0
# bf16 and i8: on AMX tiles the text compiles on any machine; without them and
# without other instructions for it (x86-dot.sh) the kernels are those of
# float, which may round nothing.
. "${abs_top_srcdir:-.}/tests/cli/functions.sh"
need_plugin x86
check=${abs_top_builddir:-.}/chanas-check-plugin
here=${abs_top_srcdir:-.}/tests/conformance
tried=(x86 --dtype bf16,i8 --policies 1 --random-workloads 2)

cat "$here/x86-avx512.device" - >"$test_folder/tiles" <<'END'
isa.avx512_bf16=1
isa.avx512_fp16=1
isa.amx_tile=1
isa.amx_bf16=1
isa.amx_int8=1
END
"$check" "${tried[@]}" --device "$test_folder/tiles" --every 5 \
  --compile-only --compiler 'cc -Wall -Wextra -Werror'

grep -q avx2 /proc/cpuinfo || skip "no AVX2 here"
grep -v avx512 "$here/x86-avx512.device" >"$test_folder/plain"
"$check" "${tried[@]}" --device "$test_folder/plain" --every 4
