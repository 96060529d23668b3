#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# In place of chanas-nvrtc: CUDA C to an object whose cubin is a shared object
# for this CPU, see emulate.h.
set -eu
here=$(dirname "$0")
if test "${1:-}" = --version; then
  echo "emulated 1.0"
  exit
fi
test "${1:-}" != -dumpmachine || exit 1
object= source=
while test $# -gt 0; do
  case $1 in
    -o) object=$2; shift ;;
    --arch=*) ;;
    *) source=$1 ;;
  esac
  shift
done
# Sizes of clusters, for the driver.
awk -F'[(, )]+' 'next_line { print "extern \"C\" const int " $2 "_cluster[2] = { "\
  x ", " y " };"; next_line = 0 }
  /^KERNEL_WITH\(__cluster_dims__/ { x = $3; y = $4; next_line = 1 }' \
  "$source" >"$object.clusters"
g++ -std=gnu++14 -O1 -w -fno-strict-aliasing -shared -fPIC -x c++ \
  -include "$here/emulate.h" -include "$object.clusters" \
  -o "$object.so" "$source"
{
  echo "chanas CUDA object"
  grep '^//@ ' "$source"
  echo "//@ cubin $(stat -c %s "$object.so")"
  cat "$object.so"
} >"$object"
rm -f "$object.so" "$object.clusters"
