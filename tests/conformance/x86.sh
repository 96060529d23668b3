# SPDX-License-Identifier: Apache-2.0
# The x86 backend on this machine, warnings of the compiler as errors.
. "${abs_top_srcdir:-.}/tests/cli/functions.sh"
need_plugin x86
check=${abs_top_builddir:-.}/chanas-check-plugin

status=0
"$check" x86 --compiler 'cc -Wall -Wextra -Werror' || status=$?
test $status != 4 || skip "no AVX2 here"
exit $status
