# SPDX-License-Identifier: Apache-2.0
# Random GPU policies through OpenCL on the CPU: PoCL runs the work-items of a
# group as they are written, so tiles, staging and barriers are tried.
. "${abs_top_srcdir:-.}/tests/conformance/part.sh"
need_plugin opencl
compgen -G '/etc/OpenCL/vendors/*.icd' >/dev/null ||
  skip "no OpenCL driver (Debian: apt install pocl-opencl-icd)"
compgen -G '/usr/lib/*/libOpenCL.so.1' >/dev/null ||
  skip "no libOpenCL.so.1 (Debian: apt install ocl-icd-libopencl1)"

# Loops stay rolled, so that it compiles faster; other types are float here.
policies 2100 36 opencl --threads 1 --dtype f32 --deadline 600 \
  --set options='-cl-std=CL1.2 -cl-opt-disable -DNO_UNROLL'
