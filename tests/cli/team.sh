# SPDX-License-Identifier: Apache-2.0
# A network for several threads as stand-alone C: all of them go through all
# blocks in one parallel region.  Cells have tensors that are added to and one
# that nothing writes; a block with squeeze and excite has its channels in
# slices.
. "${abs_top_srcdir:-.}/tests/cli/functions.sh"
need_plugin x86
cat >"$test_folder/space.ini" <<'END'
[space]
name = team
input-channels = 3
resolution = 12
classes = 10
[op none]
block = none
[op conv]
block = conv
kernel = 3
order = pre
act = relu
[cell cell]
nodes = 4
edge = conv
edge2.0 = none
[stage stem]
block = stem
conv = 16
kernel = 3
out = 16
act = relu6
[stage cells]
cell = cell
out = 16
depth = 2
[stage slices]
block = mbconv
kernel = 5
expand = 6
se = 4
act = hswish
out = 16
[head]
END
printf '[space]\nfile = space.ini\n' >"$test_folder/run.ini"
for threads in 1 2 3; do
  "$CHANAS" measure "$test_folder/run.ini" --default -q \
    --set backend.threads=$threads --table "$test_folder/table.db" \
    -o "$test_folder/net$threads" >"$out" 2>"$err" || {
    test $? = 4 && skip "this CPU is not for the x86 backend"
    fail "$(cat "$err")"
  }
  # In full threads, and in a region that got fewer.
  run 0 make -C "$test_folder/net$threads" test
  says "$out" '^passed$'
  OMP_THREAD_LIMIT=1 run 0 make -C "$test_folder/net$threads" test
done
grep -q 'omp parallel num_threads(3)' "$test_folder/net3/net.c" ||
  fail "no parallel region"
! grep -q omp "$test_folder/net1/net.c" || fail "threads for one"
