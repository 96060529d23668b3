# SPDX-License-Identifier: Apache-2.0
# The x86 backend on this machine, warnings of the compiler as errors: every
# workload of the list, then random policies of all types.
. "${abs_top_srcdir:-.}/tests/conformance/part.sh"
need_plugin x86
warnings=(--compiler 'cc -Wall -Wextra -Werror')
policies 0 1 x86 "${warnings[@]}" --dtype f32 --policies 1 --every 1
policies 2000 11 x86 "${warnings[@]}"
