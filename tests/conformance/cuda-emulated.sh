# SPDX-License-Identifier: Apache-2.0
# The CUDA backend on a driver and a GPU that are emulated (tests/cuda):
# emission, tensor cores' fragments, staging, barriers, graphs.
. "${abs_top_srcdir:-.}/tests/conformance/part.sh"
need_plugin cuda
need_tool g++ g++
driver=${abs_top_builddir:-.}/tests/cuda/.libs/libfake-cuda.so
test -e "$driver" || skip "the emulated driver is not built"
emulated=(cuda --set driver="$driver"
  --compiler "bash $abs_top_srcdir/tests/cuda/compile.sh" --threads 1)

# Tensor cores for certain: every shape of warps, staged once and twice.
key=n2/i9x7x24/conv:k3,s2,p1,o40,relu,b,x0
tiles=thread0=44,slice=8
for dtype in bf16 f16 tf32 i8; do
  for warps in 11 12 21 22 24 42; do
    test $warps = 11 && policy=block0=32064 || policy=block0=64064
    policy+=,$tiles,stage=$((1 + warps % 2)),copy=1,vthread=1,unroll=1,bind=1
    policy+=,split=$((1 + warps / 40)),warps=$warps,vec=4,threads=64
    run 0 "$check" "${emulated[@]}" -q --key $dtype/$key --policy "$policy"
  done
done

# Copies in bulk by themselves and by clusters, with and without tensor cores,
# in so many stages, and more local memory than a kernel may declare: the
# emulated driver refuses what was not asked for.
{
  sed 's/^local_most=.*/local_most=166912/' "$devices/h100.ini"
  printf 'bulk=1\ncluster=4\n'
} >"$test_folder/bulk.device"
bulk=("${emulated[@]}" --device "$test_folder/bulk.device")
key=n2/i9x7x24/conv:k3,s1,p1,o40,relu,b,x0
for dtype in f32 bf16 i8; do
  test $dtype = f32 && warps= || warps=,warps=12
  for stage in 1 2 3 4; do
    cluster=$((1 << stage % 3))
    policy=block0=16064,thread0=24,slice=8,stage=$stage,copy=2
    policy+=,cluster=$cluster,vthread=1,unroll=1,bind=$((stage % 2)),split=2
    run 0 "$check" "${bulk[@]}" -q --key $dtype/$key \
      --policy "$policy$warps,vec=4,threads=64"
  done
done
policy=block0=64064,thread0=88,slice=32,stage=4,copy=1,cluster=1,vthread=1
policy+=,unroll=1,bind=0,split=1,vec=4,threads=64
run 0 "$check" "${bulk[@]}" -q --key f32/$key --policy "$policy"
policy=fuse=20808,chunk=64,fold=1,block0=16016,thread0=22,block1=16016
policy+=,thread1=22,slice=4,stage=1,copy=0,cluster=1,vthread=1,unroll=1,bind=0
policy+=,split=1,wrows=1,wcols=1,weach=1,wvec=1,wstage=0,wlanes=32,vec=1
key=f32/n1/i14x13x24/conv:k1,s1,p0,o72,relu6,b,x0/dw:k5,s1,p2,relu6,b,x1
run 0 "$check" "${bulk[@]}" -q --policy "$policy,threads=128" \
  --key $key/conv:k1,s1,p0,o24,none,b,x2/add:none,x3,0

# A fault costs its own candidate; in the next process all is well.
key=f32/n1/i6x6x7/conv:k1,s1,p0,o9,relu6,b,x0
for fault in 1 2; do
  run 1 env FAKE_CUDA_FAULT=$fault "$check" "${emulated[@]}" --key $key \
    --policies 0
  says "$out" 'crashed: the backend could not run it'
done
run 0 "$check" "${emulated[@]}" --key $key --policies 0

policies 2000 6 "${emulated[@]}"
policies 500 6 "${bulk[@]}"
