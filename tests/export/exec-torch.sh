# SPDX-License-Identifier: Apache-2.0
# examples/estimator/train.py answers as the exec estimator wants it, and what
# it trains learns: classes that differ in colour are told apart.
. "${abs_top_srcdir:-.}/tests/cli/functions.sh"
python=${CHANAS_PYTHON:-python3}
"$python" -c 'import torch' 2>/dev/null ||
  skip "$python has no torch (Debian: python3-torch, or pip install torch;" \
    "CHANAS_PYTHON names another python3)"
"$python" - "$test_folder" <<'END'
import random, sys
random.seed(1)
with open(sys.argv[1] + "/data_batch_1.bin", "wb") as out:
    for i in range(400):
        level = [25 * (i % 10), 250 - 25 * (i % 10), 128]
        out.write(bytes([i % 10]))
        for c in level:
            out.write(bytes(min(255, max(0, c + random.randint(-5, 5)))
                            for _ in range(1024)))
END
{
  echo '{"id": 4, "code": "00000000", "knobs": {}, "macs": 1, "params": 1}'
  echo '{"id": 9, "code": "10000000", "knobs": {}, "macs": 1, "params": 1}'
} >"$test_folder/ask"
"$python" "${abs_top_srcdir:-.}/examples/estimator/train.py" "$test_folder" \
  8 <"$test_folder/ask" >"$out" 2>"$err" || {
  cat "$err" >&2
  fail "train.py ended with $?"
}
says "$out" '^\{"id": 4, "accuracy": [0-9.]+\}$'
says "$out" '^\{"id": 9, "accuracy": [0-9.]+\}$'
awk '{ gsub(/[,}]/, ""); if ($4 > 20 && $4 <= 100) n++ } END { exit n < 1 }' \
  "$out" || fail "nothing was learnt: $(tr '\n' ' ' <"$out")"
