# SPDX-License-Identifier: Apache-2.0
# "make installcheck": what a third party does with an installed chanas, from
# installed files only.  The folders come from make, without DESTDIR; every
# file is looked for below it.
set -euo pipefail
: "${bindir:?}" "${includedir:?}" "${pkgconfigdir:?}" "${pluginsdir:?}"
: "${pkgdatadir:?}" "${pkglibexecdir:?}" "${exampledir:?}" "${aclocaldir:?}"
: "${backenddir:?}"
root=${DESTDIR:-}
work=$(mktemp -d "${TMPDIR:-/tmp}/chanas-installcheck.XXXXXX")
trap 'rm -rf "$work"' EXIT
say() { echo "installcheck: $*"; }
die() { echo "installcheck: $*" >&2; exit 1; }

# The header, alone and twice, in the languages that plugins are written in.
cat >"$work/header.c" <<'END'
#include <chanas/plugin.h>
#include <chanas/plugin.h>
int carries(const struct chanas_host *);
int carries(const struct chanas_host *h) { return CHANAS_HAS(h, log) != 0; }
END
cp "$work/header.c" "$work/header.cc"
for std in c99 c11 gnu17; do
  say "header as $std"
  ${CC:-cc} -std=$std -Wall -Wextra -Werror -I"$root$includedir" \
    -fsyntax-only "$work/header.c"
done
cxx=${CXX:-c++}
if command -v "${cxx%% *}" >/dev/null; then
  say "header as c++17"
  $cxx -std=c++17 -Wall -Wextra -Werror -I"$root$includedir" \
    -fsyntax-only "$work/header.cc"
else
  say "no C++ compiler: the header was not tried as C++"
fi

# The examples, copied from where they were installed.
say "examples/plugin"
cp -r "$root$exampledir/." "$work/plugin"
chmod -R u+w "$work/plugin"
cd "$work/plugin"
export PKG_CONFIG_PATH=$root$pkgconfigdir PKG_CONFIG_SYSROOT_DIR=$root
test "$(pkg-config --variable=apiversion chanas)" -ge 1
make -s CC="${CC:-cc}" WARNINGS="-Wall -Wextra -Werror"
for name in climb saturate plain; do
  test "$(nm -D --defined-only chanas-$name.so | awk '{ print $NF }')" = \
    chanas_plugin_entry || die "chanas-$name.so exports something else"
done

# chanas.m4 in somebody's configure.ac.
if command -v autoconf >/dev/null && command -v aclocal >/dev/null; then
  say "chanas.m4"
  mkdir "$work/m4" && cd "$work/m4"
  cat >configure.ac <<'END'
AC_INIT([third-party], [1])
CHANAS_PLUGIN
AC_CONFIG_FILES([result])
AC_OUTPUT
END
  echo '@CHANAS_PLUGINDIR@ @CHANAS_PLUGIN_LDFLAGS@' >result.in
  aclocal -I "$root$aclocaldir" && autoconf
  ./configure -q >configure.log 2>&1 || { cat configure.log; exit 1; }
  grep -q -- "plugins -module" result || die "chanas.m4 gave: $(cat result)"
  sed -i 's/^CHANAS_PLUGIN$/CHANAS_PLUGIN([999])/' configure.ac
  autoconf -f
  ! ./configure -q >configure.log 2>&1 ||
    die "chanas.m4 accepts plugin interface 999"
  grep -q 'the installed one is' configure.log || { cat configure.log; exit 1; }
fi

# Each is used by naming it in an INI; nothing was recompiled.
chanas=$root$bindir/chanas
cd "$work/plugin"
export CHANAS_PLUGIN_PATH=$work/plugin:$root$pluginsdir
export CHANAS_RUNNER=$root$pkglibexecdir/chanas-runner
export CHANAS_ETC=$root$pkgdatadir/etc
export XDG_DATA_HOME=$work/data XDG_CACHE_HOME=$work/cache
"$chanas" plugins >plugins.txt || die "chanas plugins: status $?"
for name in climb saturate plain; do
  grep -qw "$name" plugins.txt || { cat plugins.txt; die "$name is not listed"; }
done
say "search with climb, saturate and plain"
"$chanas" search third-party.ini --table table.db -o result \
  >search.txt 2>&1 || { cat search.txt; die "chanas search: status $?"; }
test "$(wc -l <result/front.csv)" -ge 2 || die "no front in front.csv"
head -n 1 result/front.csv | grep -q '^rank,accuracy,latency_ms,' ||
  die "front.csv begins with $(head -n 1 result/front.csv)"
grep -q climb result/run.json || die "run.json does not name climb"

# docs/backend-howto.md, command by command.
say "examples/backend: make, make check"
check=$root$bindir/chanas-check-plugin
cp -r "$root$backenddir" "$work/backend"
chmod -R u+w "$work/backend"
cd "$work/backend"
make -s CC="${CC:-cc}" WARNINGS="-Wall -Wextra -Werror"
"$chanas" doctor --plugin-path . >doctor.txt ||
  { cat doctor.txt; die "chanas doctor: status $?"; }
grep -Eq '^ok +lanes +kernels: ' doctor.txt ||
  { cat doctor.txt; die "chanas doctor does not try kernels of lanes"; }
howto() { "$@" >howto.txt 2>&1 || { cat howto.txt; die "$*: status $?"; }; }
howto make -s check CHECK="$check"
grep -Eq '^lanes: .*, 0 failures' howto.txt || die "$(tail -n 1 howto.txt)"
key=f32/n1/i9x9x8/conv:k3,s1,p1,o8,relu,b,x0
howto "$check" lanes --plugin-path . --key $key
howto "$check" lanes --plugin-path . --key $key --threads 1 \
  --policy lanes=8,parallel=0
printf 'machine=x86_64\ncores=2\n' >some.device
howto "$check" lanes --plugin-path . --device some.device --compile-only \
  --every 8
say "search with lanes"
howto "$chanas" search lanes.ini --plugin-path . --table lanes.db -o result
say "examples/plugin: chanas-check-plugin plain"
howto "$check" plain --plugin-path "$work/plugin" --every 4
say "done"
