# SPDX-License-Identifier: Apache-2.0
# Where a plugin has a page of its own, the page tells of every key that the
# plugin has, with its default, and of no other.
. "${abs_top_srcdir:-.}/tests/cli/functions.sh"

pages=0
for page in "$abs_top_srcdir"/plugins/*/*.pod; do
  plugin=$(basename "$page" .pod)
  test -e "$CHANAS_PLUGIN_PATH/chanas-$plugin.so" || continue
  pages=$((pages + 1))
  run 0 "$CHANAS" plugins --dump "$plugin"
  sed -n 's/^param=//p' "$out" >"$test_folder/params"
  while read -r key type default rest; do
    default=${default#default=}
    grep -Eq "^=item .*B<$key>" "$page" ||
      fail "$plugin.pod lacks the key $key ($type $rest)"
    case $default in
    '(mandatory)' | '' | *[!A-Za-z0-9.]*) continue ;;
    esac
    grep -E "^=item .*B<$key>" "$page" |
      grep -Eq "default (C<)?${default//./\\.}([,>)]|\$)" ||
      fail "$plugin.pod does not say that $key defaults to $default"
  done <"$test_folder/params"
  sed -n '/^=head1 PARAMETERS/,/^=head1 SEE/s/^=item //p' "$page" | sed 's/ = .*//' |
    { grep -oE 'B<[^>]*>' || true; } | tr -d 'B<>' |
    while read -r key; do
      grep -q "^$key " "$test_folder/params" ||
        fail "$plugin.pod tells of $key, which the plugin does not have"
    done
done
test $pages -gt 0 || skip "no plugin that has a page was built"
