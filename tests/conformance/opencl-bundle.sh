# SPDX-License-Identifier: Apache-2.0
# Of many candidates in one text each costs only itself.
. "${abs_top_srcdir:-.}/tests/cli/functions.sh"
need_plugin opencl
program=${abs_top_builddir:-.}/tests/conformance/check-bundle
test -x "$program" || skip "check-bundle was not built"
"$program" opencl
