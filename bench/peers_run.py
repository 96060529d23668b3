# SPDX-License-Identifier: Apache-2.0
"""One peer, one network, one process:

  peers_run.py prepare|time PEER CASE.json [SECONDS]

prepare converts (and tunes) what the peer needs.  time prints JSON: the
version, the median and the least time of a run in ms, and leaves the output
for the case's input in BASE.PEER.npy."""
import argparse
import json
import subprocess
import sys
import time
import numpy as np
from peers_list import PEERS


def measure(run, seconds):
    for _ in range(5):
        run()
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 5:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return 1e3 * float(np.median(times)), 1e3 * min(times)


def timed(name, case, seconds):
    x = np.load(case.x)
    peer = PEERS[name]
    if hasattr(peer, "time"):
        version, ms, least, y = peer.time(case, x, seconds)
    else:
        version, run, result = peer.load(case, x)
        ms, least = measure(run, seconds)
        y = result()
    np.save(f"{case.base}.{name}.npy", np.asarray(y, np.float32))
    return {"version": version, "ms": ms, "least": least}


def main():
    action, name, path = sys.argv[1:4]
    with open(path, encoding="utf-8") as f:
        case = argparse.Namespace(**json.load(f))
    if action == "time":
        print(json.dumps(timed(name, case, float(sys.argv[4]))))
    elif hasattr(PEERS[name], "prepare"):
        PEERS[name].prepare(case)


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as e:
        sys.exit((e.stderr or e.stdout or str(e)).strip())
