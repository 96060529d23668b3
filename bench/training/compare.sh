#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Images per second of training, forward + backward + update, by chanas and
# by PyTorch on the same network, batch and threads:
#
#   bench/training/compare.sh ENGINE PYTHON [SPACE CODE BATCH STEPS THREADS]
#
# ENGINE is the built bench/training/engine, PYTHON one that has torch.
set -eu
here=$(dirname "$0")
engine=$1 python=$2
space=${3:-$here/../../etc/spaces/nas-bench-macro.ini}
code=${4:-22222200} batch=${5:-64} steps=${6:-10} threads=${7:-2}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
echo "$code, batch $batch, $threads threads, OPENBLAS_CORETYPE" \
  "${OPENBLAS_CORETYPE:-not set}"
"$engine" "$space" "$code" "$batch" 0 "$threads" "$folder"
"$engine" "$space" "$code" "$batch" "$steps" "$threads"
THREADS=$threads "$python" "$here/torch_step.py" "$folder" "$steps"
"$engine" "$space" "$code" "$batch" "$steps" "$threads"
