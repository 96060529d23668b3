#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# One network trained from scratch by chanas and by PyTorch: the same first
# parameters, recipe and images (CIFAR-10), each with its own random numbers.
#
#   bench/training/curve.sh CHANAS ENGINE PYTHON DATA [CODE EPOCHS]
#
# CHANAS is the program, ENGINE the built bench/training/engine, PYTHON one
# that has torch, DATA the folder that holds cifar-10/.  Some 100 minutes on
# two cores, for 22222200 and 10 epochs.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
chanas=$1 engine=$2 python=$3 data=$4 code=${5:-22222200} epochs=${6:-10}
etc=$here/../../etc
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
CHANAS_DATA=$data "$chanas" train "$etc/cifar10-x86.ini" --scratch \
  --code "$code" -o "$folder/weights" --set estimator.folder="$folder" \
  --set estimator.epochs="$epochs"
"$engine" "$etc/spaces/nas-bench-macro.ini" "$code" 64 0 2 "$folder"
"$python" "$here/torch_curve.py" "$folder" "$data/cifar-10" "$epochs"
