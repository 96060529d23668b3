#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# All that is to be measured on a machine with an NVIDIA GPU, in one go:
#
#   bench/gpu.sh [FOLDER]        (default: runs/gpu; figures go there)
#
#   1. the search of etc/nas-bench-macro-cuda.ini
#   2. MobileNetV2, MobileNetV3-Large and the network that was found (batch 1
#      and 64, f32, tf32, bf16) through chanas, and through torch and
#      onnxruntime (gpu_peers.py, in a Python environment of its own, from
#      PyPI), as ratios to the best of these
#   3. 200 kernels that fault, after which a good one is still measured
#
# $TRIALS per block (default 64), $SECONDS_TO_TUNE per network (default 1800),
# $CHANAS and $CHANAS_CHECK name the programs.  Ends with exit code 4, having
# measured nothing, where there is no GPU.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
chanas=${CHANAS:-chanas}
check=${CHANAS_CHECK:-chanas-check-plugin}
etc=${CHANAS_ETC:-$here/../etc}
out=${1:-runs/gpu}
mkdir -p "$out"
table=$out/table.db

say() { printf 'gpu.sh: %s\n' "$*" >&2; }
field() { sed -n "s/.*\"$1\": *\([0-9.e+-]*\),*/\1/p" | sed -n 1p; }

# ini SPACE BATCH DTYPE: the settings of one network
ini() {
  cat <<END
[search]
objectives = latency:min
[space]
file = $etc/spaces/$1.ini
[backend]
plugin = cuda
batch = $2
dtype = $3
memory = 0
deadline = 120
[tuner]
trials = ${TRIALS:-64}
time = ${SECONDS_TO_TUNE:-1800}
END
}

# ---- is there a GPU? ----
"$check" cuda --key f32/n1/i4x4x8/conv:k1,s1,p0,o8,none,b,x0 --policies 0 \
  --threads 1 -q >"$out/probe.log" 2>&1 || {
  code=$?
  cat "$out/probe.log" >&2
  test $code = 4 || exit $code
  say "no device: no NVIDIA GPU can be used here, nothing was measured." \
    "Where there is one, with its driver: make install; bench/gpu.sh FOLDER"
  exit 4
}

# ---- 1 ----
say "search"
"$chanas" search "$etc/nas-bench-macro-cuda.ini" --table "$table" \
  -o "$out/nas-bench-macro"
best=$(python3 - "$out/nas-bench-macro/front.csv" <<'END'
import csv, sys
row = next(csv.DictReader(open(sys.argv[1])))
print("".join(v for k, v in row.items() if k not in (
    "rank", "accuracy", "latency_ms", "latency_measured_ms",
    "latency_ci_ms", "macs", "params")))
END
)

# ---- 2 ----
figures=$out/figures.csv
echo network,batch,dtype,runtime,ms >"$figures"
for network in mobilenet-v2 mobilenet-v3-large nas-bench-macro; do
  code=()
  test $network != nas-bench-macro || code=(--code "$best")
  for batch in 1 64; do
    for dtype in f32 tf32 bf16; do
      name=$network-$batch-$dtype
      say "$name"
      ini $network $batch $dtype >"$out/$name.ini"
      "$chanas" measure "$out/$name.ini" --table "$table" --json -q \
        ${code[@]+"${code[@]}"} >"$out/$name.json"
      echo "$network,$batch,$dtype,chanas,$(
        field latency_measured_ms <"$out/$name.json")" >>"$figures"
    done
  done
done
test -x "$out/venv/bin/python" || python3 -m venv "$out/venv"
"$out/venv/bin/pip" install -q torch torchvision onnx onnxruntime-gpu
"$out/venv/bin/python" "$here/gpu_peers.py" "$best" >>"$figures"
python3 - "$figures" <<'END'
import csv, sys
rows = {}
for r in csv.DictReader(open(sys.argv[1])):
    key = (r["network"], r["batch"], r["dtype"])
    rows.setdefault(key, {})[r["runtime"]] = float(r["ms"])
print("| network | batch | type | chanas ms | best other | its ms | ratio |")
print("|---|---|---|---|---|---|---|")
for key, ms in rows.items():
    ours = ms.pop("chanas")
    peer = min(ms, key=ms.get)
    print("| %s | %s | %s | %.4f | %s | %.4f | %.2f |" % (
        *key, ours, peer, ms[peer], ms[peer] / ours))
END

# ---- 3 ----
say "200 kernels that fault"
helper=$(command -v chanas-nvrtc || echo "$(dirname "$check")/chanas-nvrtc")
cat >"$out/faulty" <<END
#!/usr/bin/env bash
# Each kernel writes to an address that nobody has.
set -e
test "\${1:-}" != --version && test "\${1:-}" != -dumpmachine ||
  exec "$helper" "\$@"
source=\${!#}
sed -i '/^KERNEL(/{n;s/{/{ *(volatile float *)64 = 1.0f;/}' "\$source"
exec "$helper" "\$@"
END
chmod +x "$out/faulty"
"$check" cuda --compiler "$out/faulty" --threads 1 --candidates 200 \
  --policies 36 --dtype f32 -q >"$out/faults.log" 2>&1 || true
tail -n 1 "$out/faults.log"
"$check" cuda --threads 1 --candidates 20 --dtype f32 -q
