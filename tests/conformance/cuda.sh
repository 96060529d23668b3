# SPDX-License-Identifier: Apache-2.0
# Random CUDA kernels, compiled to cubins for two architectures by NVRTC (or
# nvcc): no GPU is needed, and none is touched.
. "${abs_top_srcdir:-.}/tests/conformance/part.sh"
need_plugin cuda
helper=${abs_top_builddir:-.}/chanas-nvrtc
test -x "$helper" || skip "chanas-nvrtc was not built"
"$helper" --version >/dev/null 2>&1 ||
  skip "no NVRTC: install NVIDIA's CUDA toolkit (Debian, non-free: apt" \
    "install nvidia-cuda-toolkit)"

# A text that is none is a complaint, not an object.
echo 'KERNEL(32) nonsense' >"$test_folder/bad.cu"
run 1 "$helper" --arch=sm_80 -o "$test_folder/bad.o" "$test_folder/bad.cu"
says "$err" error
test ! -e "$test_folder/bad.o" || fail "an object of nonsense"

# The newer one with what is not tried unless a description has it.
cp "$devices/a100.ini" "$test_folder/sm_80.device"
{
  cat "$devices/h100.ini"
  printf 'bulk=1\ncluster=4\n'
} >"$test_folder/sm_90.device"
for arch in sm_80 sm_90; do
  policies 500 1 cuda --device "$test_folder/$arch.device" --compile-only \
    --threads 1
done
