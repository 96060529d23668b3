# SPDX-License-Identifier: Apache-2.0
"""Single layers, hot, against oneDNN: see bench/layers.

Pointwise and depthwise convolutions of the networks with bias and activation,
each alone, on the same data again and again; and the blocks of 112 x 112 and
56 x 56 without squeeze-excite, which chanas fuses, against the same operators
one after the other.  chanas takes the best of the default schedule and random
ones (bench/layer), oneDNN the best of its layouts, in each round anew; both
take turns, each in its own process.  A CSV that has rounds already is gone on
with.
"""
import argparse
import csv
import datetime
import json
import math
import os
import pathlib
import re
import statistics
import sys
import time
import numpy as np
import peers_onednn
from peers_case import CHANAS, HERE, Failed, call
from peers_net import Net

KINDS = ["pointwise", "depthwise", "fused"]
FIELDS = ["date", "kind", "layer", "threads", "program", "version", "round",
          "us"]
L2 = int(call(["getconf", "LEVEL2_CACHE_SIZE"]))


def options():
    p = argparse.ArgumentParser(
        prog="layers", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--networks", nargs="+", metavar="NAME",
                   default=["mobilenet-v2", "mobilenet-v3-large"])
    p.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    p.add_argument("--threads", nargs="+", type=int,
                   default=sorted({1, min(2, os.cpu_count())}))
    p.add_argument("--candidates", type=int, default=48)
    p.add_argument("--libraries", nargs="+", default=["onednn-gomp"],
                   choices=["onednn-gomp", "onednn"],
                   help="see peers_onednn.py; the better one counts")
    p.add_argument("--rounds", type=int, default=7)
    p.add_argument("--seconds", type=float, default=0.1,
                   help="of chanas and of each layout in each round")
    p.add_argument("--budget", type=float, default=float("inf"),
                   metavar="S", help="begin nothing after so many seconds; "
                   "call again to go on")
    p.add_argument("--only", default="", metavar="REGEX",
                   help="layers whose key it matches")
    p.add_argument("--csv", default="layers.csv")
    p.add_argument("--folder", default="layers.bench")
    return p.parse_args()


def ops_of(key):
    """(kind, fields, height, channels of its input) of each operator."""
    _, _, shape, *ops = key.split("/")
    h, _, c = map(int, shape[1:].split("x"))
    found = []
    for op in ops:
        kind, fields = op.split(":", 1)
        found.append((kind, fields, h, c))
        f = dict(re.findall(r"(?:^|,)([kspo])(\d+)", fields))
        if kind in ("conv", "dw"):
            h = (h + 2 * int(f["p"]) - int(f["k"])) // int(f["s"]) + 1
            c = int(f.get("o", c))
    return found


def alone(kind, fields, h, c):
    fields = re.sub(r"x\d+$", "x0", fields)
    return f"f32/n1/i{h}x{h}x{c}/{kind}:{fields}"


def layers_of(network):
    """(kind, key) of everything that is compared."""
    space = HERE.parent / "etc" / "spaces" / f"{network}.ini"
    for block in json.loads(call([CHANAS, "blocks", "--json", space])):
        key = block["workload"]
        ops = ops_of(key)
        for kind, fields, h, c in ops:
            if kind == "conv" and fields.startswith("k1,") and h > 1:
                yield "pointwise", alone(kind, fields, h, c)
            elif kind == "dw":
                yield "depthwise", alone(kind, fields, h, c)
        kinds = [op[0] for op in ops]
        if "dw" in kinds and ops[0][2] in (112, 56) and "se" not in kinds:
            yield "fused", key


def bytes_of(key):
    """Input, result and parameters of a single operator."""
    ops = ops_of(key + "/act:none,x0")
    kind, fields, h, c = ops[0]
    _, _, h2, c2 = ops[-1]
    k = int(re.match(r"k(\d+)", fields)[1])
    return 4 * (h * h * c + h2 * h2 * c2
                + k * k * (c if kind == "dw" else c * c2))


class Layer:
    def __init__(self, o, kind, key, threads):
        self.kind, self.key, self.threads = kind, key, threads
        name = re.sub(r"[^a-z0-9]+", "-", key.split("/", 2)[2])
        self.folder = pathlib.Path(o.folder).resolve() / \
            f"{name}-t{threads}"
        self.base = str(self.folder / "net")

    def build(self, o):
        """chanas' kernel and oneDNN's graph; both must be right."""
        if (self.folder / "ready").exists():
            return
        plugins = os.environ.get("CHANAS_PLUGIN_PATH", "/usr/lib/chanas")
        call([os.environ.get("CHANAS_LAYER", "bench/layer"), "-t",
              self.threads, "-n", o.candidates,
              f"{plugins.split(':')[0]}/chanas-x86.so", self.key,
              self.folder], self.threads)
        call(["make", "-s", "-C", self.folder, "bench", "test"])
        net = Net(self.folder)
        net.save(self.base + ".onnx")
        peers_onednn.write_graph(self.base + ".onnx", self.base)
        golden = np.fromfile(self.folder / "golden.bin", "<f4")
        n, c, h, w = net.shape
        x = golden[:n * c * h * w].reshape(n, h, w, c)
        x.transpose(0, 3, 1, 2).tofile(self.base + ".x")
        n, c, h, w = net.result
        want = golden[x.size:].reshape(n, h, w, c).transpose(0, 3, 1, 2)
        for library in o.libraries:
            self.time(library, 0.01)
            got = np.fromfile(f"{self.base}.{library}.y", "<f4")
            if np.abs(got - want.ravel()).max() > 1e-4 * np.abs(want).max():
                raise Failed(f"{library} computes something else: {self.key}")
        (self.folder / "ready").touch()

    def time(self, program, seconds):
        """Version and microseconds."""
        if program == "chanas":
            runs = 10
            for _ in range(2):
                words = call(["./bench", "weights.bin", runs], self.threads,
                             cwd=self.folder).split()
                runs = max(10, int(1e3 * seconds / float(words[1])))
            return "", 1e3 * float(words[1])
        out = call([sys.executable, HERE / "layers.py", "--one", program,
                    self.base, seconds], self.threads)
        layout, ms, version = out.split()
        return f"{version} {layout}", 1e3 * float(ms)


def one(program, base, seconds):
    """In the process that is pinned: layout, ms, version."""
    layout, ms, _, version = peers_onednn.run(
        program, base, "f32", 3 * float(seconds), f"{base}.{program}.y")
    print(layout, ms, version)


def read(path):
    """{(kind, key, threads): {program: {round: us}}}"""
    found = {}
    if os.path.exists(path):
        with open(path, newline="", encoding="utf-8") as f:
            for r in csv.DictReader(f):
                found.setdefault(
                    (r["kind"], r["layer"], int(r["threads"])), {}).setdefault(
                    r["program"], {})[int(r["round"])] = float(r["us"])
    return found


def turn(layer, number, o):
    programs = ["chanas", *o.libraries]
    by, rows = number % len(programs), []
    for p in programs[by:] + programs[:by]:
        version, us = layer.time(p, o.seconds)
        rows.append([datetime.date.today().isoformat(), layer.kind,
                     layer.key, layer.threads, p, version, number,
                     f"{us:.3f}"])
    fresh = not os.path.exists(o.csv)
    with open(o.csv, "a", newline="", encoding="utf-8") as f:
        out = csv.writer(f)
        if fresh:
            out.writerow(FIELDS)
        out.writerows(rows)


def ratio(of):
    """oneDNN's best library over chanas: the median of the rounds."""
    own, best = of["chanas"], None
    for program in of:
        if program != "chanas":
            r = statistics.median(of[program][i] / own[i] for i in own
                                  if i in of[program])
            best = r if best is None else min(best, r)
    return best


def table(found, layers, o):
    print("| kind | layer | threads | chanas us | oneDNN us | oneDNN / "
          "chanas | in L2 |\n|---|---|---|---|---|---|---|")
    sums = {}
    for kind, key, threads in layers:
        of = found.get((kind, key, threads), {})
        if len(of) < 2:
            continue
        r = ratio(of)
        inside = kind != "fused" and bytes_of(key) <= L2 * threads
        us = {p: statistics.median(v.values()) for p, v in of.items()}
        print(f"| {kind} | {key.split('/', 2)[2]} | {threads} | "
              f"{us.pop('chanas'):.1f} | {min(us.values()):.1f} | {r:.2f} | "
              f"{'yes' if inside else ''} |")
        sums.setdefault((kind, threads, "all"), []).append(r)
        if inside:
            sums.setdefault((kind, threads, "in L2"), []).append(r)
    print("\n| kind | threads | which | layers | geometric mean | worst |\n"
          "|---|---|---|---|---|---|")
    for (kind, threads, which), of in sums.items():
        mean = math.exp(statistics.mean(map(math.log, of)))
        print(f"| {kind} | {threads} | {which} | {len(of)} | {mean:.2f} | "
              f"{min(of):.2f} |")


def main():
    if sys.argv[1:2] == ["--one"]:
        return one(*sys.argv[2:])
    o = options()
    begun, known = time.monotonic(), read(o.csv)
    keys = dict.fromkeys(x for n in o.networks for x in layers_of(n)
                         if x[0] in o.kinds and re.search(o.only, x[1]))
    layers = [Layer(o, kind, key, t) for t in o.threads for kind, key in keys]
    left = [(layer, r) for r in range(o.rounds) for layer in layers
            if r not in known.get((layer.kind, layer.key, layer.threads),
                                  {}).get("chanas", {})]
    for at, (layer, r) in enumerate(left):
        spent = time.monotonic() - begun
        if spent > o.budget:
            print(f"layers: {len(left) - at} turns are left; the same "
                  "command goes on", file=sys.stderr)
            return 3
        rest = (spent / at if at else 2) * (len(left) - at)
        print(f"layers: {at + 1} of {len(left)}, about {rest / 60:.0f} min "
              f"to go: {layer.key}", file=sys.stderr)
        layer.build(o)
        turn(layer, r, o)
    table(read(o.csv), [(x.kind, x.key, x.threads) for x in layers], o)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failed as failed:
        sys.exit(f"layers: {failed}")
