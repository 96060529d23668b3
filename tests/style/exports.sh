# SPDX-License-Identifier: Apache-2.0
# Every plugin that was built exports exactly one symbol, and needs none that
# the core has.
set -uo pipefail
cd "${abs_top_builddir:-.}" || exit 99
bad=0 count=0
core=$(nm -g --defined-only core/.libs/libcore.a 2>/dev/null |
  awk 'NF == 3 { print $3 }' | sort -u)
test -n "$core" || { echo "core/.libs/libcore.a names no symbol"; exit 99; }

for plugin in plugins/.libs/chanas-*.so; do
  test -e "$plugin" || continue
  count=$((count + 1))
  # (The sanitizers add symbols of their own, all with reserved names.)
  exported=$(nm -D --defined-only "$plugin" | awk '{ print $NF }' |
    grep -v '^__' | sort | tr '\n' ' ')
  test "$exported" = "chanas_plugin_entry " || {
    echo "$plugin exports: $exported"
    bad=1
  }
  needed=$(nm -D --undefined-only "$plugin" | awk '{ print $NF }' |
    sed 's/@.*//' | sort -u | comm -12 - <(echo "$core"))
  test -z "$needed" || { echo "$plugin needs of the core: $needed"; bad=1; }
done
test $count -gt 0 || { echo "no plugin was built"; exit 77; }
exit $bad
