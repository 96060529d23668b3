# SPDX-License-Identifier: Apache-2.0
# An exported OpenCL program builds with make alone and passes its own check.
. "${abs_top_srcdir:-.}/tests/cli/functions.sh"
need_plugin opencl
program=${abs_top_builddir:-.}/tests/conformance/check-deploy
test -x "$program" || skip "check-deploy was not built"
echo '#include <CL/cl.h>' | cc -E -x c - >/dev/null 2>&1 ||
  skip "no CL/cl.h (Debian: apt install opencl-c-headers)"
echo 'int main(void) { return 0; }' |
  cc -x c - -lOpenCL -o "$test_folder/a.out" 2>/dev/null ||
  skip "no libOpenCL.so (Debian: apt install ocl-icd-opencl-dev)"
"$program" opencl
