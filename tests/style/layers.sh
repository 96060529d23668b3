# SPDX-License-Identifier: Apache-2.0
# Includes go down only.  Core: base < model < services < loops < main; a
# module that is not listed here belongs to the loops.  A plugin includes the
# public header, plugins/common, its own folder and the system's headers.
set -uo pipefail
cd "${abs_top_srcdir:-.}" || exit 99
bad=0

base=" log progress mem text near rng pool file proc outcome "
model=" ini space workload network family "
services=" config device registry loader param host store table frame build
 measure reference pareto weights "
services=${services//$'\n'/ }

layer() {
  case $base in *" $1 "*) echo 1; return;; esac
  case $model in *" $1 "*) echo 2; return;; esac
  case $services in *" $1 "*) echo 3; return;; esac
  case $1 in
    # parts of a module: space_parse.c belongs to space
    main|cmd_*|cmd|runner|runner_*) echo 5 ;;
    *_*) layer "${1%_*}" ;;
    *) echo 4 ;;
  esac
}

# includes FILE: names in quotes, then names in angle brackets
quoted() { sed -n 's/^ *# *include *"\([^"]*\)".*/\1/p' "$1"; }
angled() { sed -n 's/^ *# *include *<\([^>]*\)>.*/\1/p' "$1"; }

count=0
for file in core/*.c core/*.h; do
  name=${file##*/} name=${name%.*}
  own=$(layer "$name")
  while IFS= read -r include; do
    count=$((count + 1))
    case $include in
      */*) echo "$file includes \"$include\": core headers have no folder"
           bad=1 ;;
    esac
    its=$(layer "${include%.*}")
    if test "$its" -gt "$own"; then
      echo "$file (layer $own) includes \"$include\" (layer $its)"
      bad=1
    fi
  done < <(quoted "$file")
done
test $count -gt 20 || { echo "only $count includes found"; exit 99; }

for file in plugins/*/*.c plugins/*/*.h; do
  test -e "$file" || continue
  folder=${file%/*}
  while IFS= read -r include; do
    test -e "$folder/$include" || test -e "plugins/common/$include" || {
      echo "$file includes \"$include\": not its own and not of" \
        "plugins/common"
      bad=1
    }
  done < <(quoted "$file")
  while IFS= read -r include; do
    test ! -e "core/$include" || test -e "/usr/include/$include" || {
      echo "$file includes <$include> of the core"
      bad=1
    }
  done < <(angled "$file")
done

# The public header stands alone.
while IFS= read -r include; do
  case $include in
    stddef.h|stdint.h) ;;
    *) echo "include/chanas/plugin.h includes $include"; bad=1 ;;
  esac
done < <(quoted include/chanas/plugin.h; angled include/chanas/plugin.h)

exit $bad
