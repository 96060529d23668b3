# SPDX-License-Identifier: Apache-2.0
# The x86 backend on this machine, warnings of the compiler as errors.
. "${abs_top_srcdir:-.}/tests/conformance/part.sh"
need_plugin x86
policies 2000 x86 --every 1 --compiler 'cc -Wall -Wextra -Werror'
