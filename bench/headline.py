# SPDX-License-Identifier: Apache-2.0
"""The co-search headline: see bench/headline.

The accuracy.  Once-for-all's predictor says what a network of width 1.2
reaches on images held out from training, which is some points more than on
ImageNet's validation set.  For width 1.0 there are networks measured on that
set; a line fitted to the predictions for the same codes turns predictions
into top-1.  Networks of width 1.2 have a fifth more channels than the ones
measured, so the line is rather low for them.  The search is bound to
predictions that the line puts at --top1, MobileNetV3-Large's 75.2 %, or
higher by --margin standard deviations of the fit.

Steps, all in this order where none is named; each goes on where an earlier
call stopped:

  tune     schedules for the blocks of the space, --tuning seconds a call
  search   the fastest network that is accurate enough, for each number of
           threads
  prepare  that network, and MobileNetV3-Large for chanas and the peers
  time     rounds: all of them in turn
  table    the figures, from the CSV
"""
import argparse
import csv
import gzip
import json
import os
import pathlib
import statistics
import sys
import numpy as np
import peers
from peers_case import CHANAS, HERE, Case, Failed, call
from peers_list import PEERS
from peers_table import median, read, timed

STEPS = ["tune", "search", "prepare", "time", "table"]
LAYERS = [128, 400, 400, 400, 1]
LARGE = "mobilenet-v3-large"


def options():
    p = argparse.ArgumentParser(
        prog="headline", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--steps", nargs="+", choices=STEPS, default=STEPS)
    p.add_argument("--space", default="ofa-mbv3-w1.2", help="a name of a file "
                   "in etc/spaces; ofa-mbv3-w1.2-few has a fifth of the "
                   "blocks")
    p.add_argument("--top1", type=float, default=75.2)
    p.add_argument("--margin", type=float, default=0, metavar="SD")
    p.add_argument("--threads", nargs="+", type=int,
                   default=sorted({1, min(2, os.cpu_count())}))
    p.add_argument("--peers", nargs="+", choices=list(PEERS),
                   default=["onnxruntime", "openvino", "onednn-gomp",
                            "litert", "inductor"])
    p.add_argument("--first", type=int, default=4, metavar="N",
                   help="candidates of every block before the search")
    p.add_argument("--trials", type=int, default=32, metavar="N",
                   help="of the blocks that the search finds worth it")
    p.add_argument("--tuning", type=float, default=115, metavar="S",
                   help="seconds of tuning in a call of tune and of search")
    p.add_argument("--evaluations", type=int, default=50000)
    p.add_argument("--rounds", type=int, default=7)
    p.add_argument("--seconds", type=float, default=0.5)
    p.add_argument("--limit", type=float, default=1800)
    p.add_argument("--csv", default="headline.csv")
    p.add_argument("--folder", default="headline.bench")
    o = p.parse_args()
    o.retry, o.folder = False, pathlib.Path(o.folder).resolve()
    return o


# ---- accuracies

def data(name):
    path = pathlib.Path(os.environ.get("CHANAS_DATA", ".")) / name
    if not path.exists():
        sys.exit(f"headline: no {path}; set CHANAS_DATA")
    return path


def one_hot(ks, e, resolution):
    x = np.zeros(LAYERS[0])
    for i, (k, times) in enumerate(zip(ks, e)):
        if k != "0":
            x[3 * i + "357".index(k)] = 1
            x[60 + 3 * i + "346".index(times)] = 1
    x[120 + (resolution - 112) // 16] = 1
    return x


def predict(x):
    """Percent by the predictor, for rows of one_hot."""
    with gzip.open(data("ofa_acc_predictor.f32.gz")) as f:
        w = np.frombuffer(f.read(), "<f4").astype(float)
    for at, (n, m) in enumerate(zip(LAYERS, LAYERS[1:])):
        x = x @ w[:n * m].reshape(m, n).T + w[n * m:n * m + m]
        w = w[n * m + m:]
        if at < len(LAYERS) - 2:
            x = np.maximum(x, 0)
    return 100 * x[:, 0]


class Line:
    """top-1 = slope * predicted + base, with the deviation of the fit."""

    def __init__(self):
        with open(data("ofa_mbv3_w1.0_imagenet_top1.csv"), newline="",
                  encoding="utf-8") as f:
            rows = list(csv.DictReader(f))
        p = predict(np.array([one_hot(r["ks"], r["e"], int(r["resolution"]))
                              for r in rows]))
        y = np.array([float(r["top1"]) for r in rows])
        self.slope, self.base = np.polyfit(p, y, 1)
        self.sd = float((y - self.of(p)).std())
        self.pairs = len(rows)

    def of(self, predicted):
        return self.slope * predicted + self.base

    def least(self, top1, margin):
        """The prediction that is needed."""
        return float((top1 + margin * self.sd - self.base) / self.slope)


# ---- chanas

def settings(o, threads):
    pairs = [f"space.file={HERE.parent}/etc/spaces/{o.space}.ini",
             f"backend.threads={threads}", f"tuner.first={o.first}",
             f"tuner.time={o.tuning:g}"]
    return [word for pair in pairs for word in ("--set", pair)] + \
        ["--table", o.folder / "table.db", "-q"]


INI = HERE.parent / "etc" / "ofa-mbv3-x86.ini"


def tune(o, _):
    for threads in o.threads:
        call([CHANAS, "tune", INI, *settings(o, threads),
              "--set", f"tuner.trials={o.first}"])


def search(o, line):
    for threads in o.threads:
        least = line.least(o.top1, o.margin)
        call([CHANAS, "search", INI, *settings(o, threads),
              "-o", o.folder / f"run-t{threads}",
              "--set", "search.objectives=latency:min",
              "--set", f"search.constraint=accuracy>{least:.3f}",
              "--set", f"search.evaluations={o.evaluations}",
              "--set", f"tuner.trials={o.trials}"])


def found(o, threads):
    """Code and predicted accuracy of what the search found."""
    path = o.folder / f"run-t{threads}" / "front.csv"
    if not path.exists():
        sys.exit(f"headline: no {path}; run the step search")
    member = json.loads((path.parent / "front.json").read_text())["front"][0]
    return member["code"], member["accuracy"]


def cases(o, threads):
    """The network that was found, and MobileNetV3-Large."""
    code, _ = found(o, threads)
    return (Case(o.folder, f"{o.space}:{code}", 1, "f32", threads),
            Case(o.folder, LARGE, 1, "f32", threads))


def prepare(o, _):
    progress = peers.Progress(float("inf"))
    for threads in o.threads:
        both = cases(o, threads)
        o.tuning_of_case, o.tuning = o.tuning, 0
        peers.tune(both, o, progress)
        o.tuning = o.tuning_of_case
        peers.prepare(both[1:], o, progress)
        both[0].convert()
        peers.note(both[0], "chanas", {"version": "", "difference":
                                       both[0].check()})


def timing(o, _):
    for threads in o.threads:
        ours, large = cases(o, threads)
        pairs = [(ours, "chanas")] + [
            (large, p) for p, of in peers.notes(large).items()
            if "difference" in of and p in ["chanas", *o.peers]]
        had = read(o.csv).get(ours.key(), {}).get("chanas", {"ms": {}})["ms"]
        for r in range(o.rounds):
            if r not in had:
                print(f"headline: threads {threads}, round {r + 1} of "
                      f"{o.rounds}", file=sys.stderr)
                peers.turn(pairs, r, o)


def table(o, line):
    known = read(o.csv)
    print(f"Line of {line.pairs} pairs: top-1 = {line.slope:.4f} predicted "
          f"{line.base:+.3f}, deviation {line.sd:.2f}; needed: "
          f"{line.least(o.top1, o.margin):.2f}\n")
    print("| threads | network | predicted | top-1 by the line | chanas ms | "
          "MobileNetV3-Large | ms | ratio (range of rounds) |\n"
          "|---|---|---|---|---|---|---|---|")
    for threads in o.threads:
        code, accuracy = found(o, threads)
        ours, large = cases(o, threads)
        own = known[ours.key()]["chanas"]
        for program, of in timed(known[large.key()]).items():
            ratios = [of["ms"][r] / own["ms"][r] for r in own["ms"]
                      if r in of["ms"]]
            print(f"| {threads} | {code} | {accuracy:.2f} | "
                  f"{line.of(accuracy):.2f} | {median(own):.3f} | {program} "
                  f"{of['version']} | {median(of):.3f} | "
                  f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to "
                  f"{max(ratios):.2f}) |")


def main():
    o = options()
    o.folder.mkdir(parents=True, exist_ok=True)
    line = Line()
    for name, step in zip(STEPS, (tune, search, prepare, timing, table)):
        if name in o.steps:
            print(f"headline: {name}", file=sys.stderr)
            step(o, line)


if __name__ == "__main__":
    try:
        main()
    except Failed as failed:
        sys.exit(f"headline: {failed}")
