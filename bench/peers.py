# SPDX-License-Identifier: Apache-2.0
"""chanas and its peers in turn on the same networks: see bench/peers.

Steps, all in this order where none is named; each goes on where an earlier
call stopped:

  tune     schedules for chanas, network by network
  prepare  conversions for the peers (TVM tunes for as many seconds as chanas
           did); whose output differs, or who fails, is left out and named
  time     rounds: every program once, in turn, each in its own process
  table    Markdown from the CSV
"""
import argparse
import csv
import datetime
import itertools
import json
import os
import sys
import time
from peers_case import Case, Failed
from peers_list import PEERS
from peers_table import FIELDS, print_table, read

STEPS = ["tune", "prepare", "time", "table"]
OFA = "ofa-mbv3-w1.2:d={d} r={r} ks={ks} e={e}"
NETWORKS = [
    "mobilenet-v2", "mobilenet-v3-large", "mobilenet-v3-small",
    # The largest of w1.2, and one with all depths, kernels, expansions.
    OFA.format(d="44444", r=224, ks="7" * 20, e="6" * 20),
    OFA.format(d="23432", r=192, ks="35003570375735703500",
               e="34003460346434603400"),
    "nas-bench-macro:22212220",
    # |nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|
    # nor_conv_3x3~1|nor_conv_3x3~2|, among the best of its table
    "nas-bench-201:333133"]


def options():
    p = argparse.ArgumentParser(
        prog="peers", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    several = {"nargs": "+", "type": int}
    p.add_argument("--steps", nargs="+", choices=STEPS, default=STEPS)
    p.add_argument("--networks", nargs="+", metavar="NAME", default=NETWORKS,
                   help="a space by the name of its file in etc/spaces or "
                   "by its path; NAME:CODE for one of its networks "
                   "(default: seven networks)")
    p.add_argument("--threads", **several,
                   default=sorted({1, min(2, os.cpu_count())}))
    p.add_argument("--batch", **several, default=[1, 16])
    p.add_argument("--dtypes", nargs="+", choices=["f32", "bf16", "i8"],
                   default=["f32", "bf16", "i8"])
    p.add_argument("--peers", nargs="+", choices=list(PEERS),
                   default=list(PEERS))
    p.add_argument("--trials", type=int, default=32, metavar="N",
                   help="candidates a block that chanas may try; 1: default "
                   "schedules only")
    p.add_argument("--tuning", type=float, default=0, metavar="S",
                   help="seconds of tuning a case at most")
    p.add_argument("--rounds", type=int, default=7)
    p.add_argument("--seconds", type=float, default=0.5,
                   help="of each program in each round")
    p.add_argument("--budget", type=float, default=float("inf"),
                   metavar="S", help="begin nothing that is likely to end "
                   "after so many seconds; call again to go on")
    p.add_argument("--limit", type=float, default=1800, metavar="S",
                   help="of one conversion")
    p.add_argument("--retry", action="store_true",
                   help="peers that failed earlier, too")
    p.add_argument("--csv", default="peers.csv", metavar="FILE",
                   help="every single figure; default peers.csv")
    p.add_argument("--folder", default="peers.bench", metavar="DIR",
                   help="networks, conversions and the latency table; "
                   "default peers.bench")
    return p.parse_args()


class Progress:
    """Lines with the time that is left, and the end of the budget."""

    def __init__(self, budget):
        self.begun, self.budget = time.monotonic(), budget
        self.cost = {}

    def left(self):
        return self.budget - (time.monotonic() - self.begun)

    def say(self, text, to_come=None):
        more = "" if to_come is None else \
            f"; about {max(1, round(to_come / 60))} min to go"
        print(f"peers: [{time.monotonic() - self.begun:.0f} s] {text}{more}",
              file=sys.stderr, flush=True)

    def expected(self, what, guess):
        return self.cost.get(what, guess)

    def spend(self, what, guess, act):
        """Does it unless the budget is too small for it; then None."""
        if self.expected(what, guess) > self.left():
            raise TimeoutError
        begun = time.monotonic()
        result = act()
        self.cost[what] = time.monotonic() - begun
        return result


def notes(case):
    """Of each peer: version and difference, or why not."""
    path = case.own / "peers.json"
    return json.loads(path.read_text()) if path.exists() else {}


def note(case, peer, value):
    known = notes(case)
    known[peer] = value
    (case.own / "peers.json").write_text(json.dumps(known, indent=1))


def wanted(case, o):
    return [p for p in o.peers if case.dtype in PEERS[p].DTYPES]


def tune(cases, o, progress):
    todo = [c for c in cases if not c.tuned()]
    for at, case in enumerate(todo):
        guess = o.tuning or 60
        progress.say(f"tune: {case}", (len(todo) - at)
                     * progress.expected("tune", guess))
        progress.spend("tune", guess, lambda c=case: c.tune(
            o.trials, o.tuning))


def prepare_one(case, peer, o):
    try:
        version, off = case.prepare(peer, o.limit)
        note(case, peer, {"version": version, "difference": off})
    except Failed as error:
        note(case, peer, {"error": str(error)})


def prepare(cases, o, progress):
    todo = []
    for case in cases:
        if not case.tuned():
            sys.exit(f"peers: {case} is not tuned yet")
        case.convert()
        note(case, "chanas", {"version": "", "difference": case.check()})
        known = notes(case)
        todo += [(case, p) for p in wanted(case, o) if p not in known
                 or o.retry and "error" in known[p]]
    for at, (case, peer) in enumerate(todo):
        rest = sum(progress.expected(p, 20) for _, p in todo[at:])
        progress.say(f"prepare: {peer} for {case}", rest)
        progress.spend(peer, 20, lambda c=case, p=peer: prepare_one(c, p, o))
        error = notes(case)[peer].get("error")
        if error:
            progress.say(f"{peer} is left out: {error}")


def append(path, rows):
    fresh = not os.path.exists(path)
    with open(path, "a", newline="", encoding="utf-8") as f:
        out = csv.DictWriter(f, FIELDS)
        if fresh:
            out.writeheader()
        out.writerows(rows)


def row(case, program, **fields):
    return {"date": datetime.date.today().isoformat(),
            "network": case.network, "dtype": case.dtype,
            "batch": case.batch, "threads": case.threads,
            "program": program, **fields}


def turn(pairs, number, o):
    """One round of (case, program); its order goes on by one each time."""
    rows = []
    by = number % len(pairs)
    for case, program in pairs[by:] + pairs[:by]:
        found = case.time(program, o.seconds)
        off = notes(case)[program]["difference"]
        rows.append(row(case, program, version=found["version"],
                        difference=f"{off:.1e}",
                        round=number, ms=f"{found['ms']:.4f}",
                        least=f"{found['least']:.4f}"))
    append(o.csv, rows)


def rounds_left(case, o):
    """The programs, and which rounds the CSV lacks of them."""
    known, had = notes(case), read(o.csv)
    programs = ["chanas"] + [p for p in wanted(case, o)
                             if "difference" in known.get(p, {})]
    seen = [had.get(case.key(), {}).get(p, {}).get("ms", {})
            for p in programs]
    return programs, [r for r in range(o.rounds)
                      if not all(r in of for of in seen)]


def failures(case, o):
    """Into the CSV, once."""
    had = read(o.csv).get(case.key(), {})
    append(o.csv, [row(case, p, note=v["error"]) for p, v in
                   notes(case).items() if "error" in v and p not in had
                   and p in o.peers])


def timing(cases, o, progress):
    todo = [(case, r) for case in cases for r in rounds_left(case, o)[1]]
    for at, (case, r) in enumerate(todo):
        pairs = [(case, p) for p in rounds_left(case, o)[0]]
        guess = (o.seconds + 3) * len(pairs)
        progress.say(f"time: {case}, round {r + 1} of {o.rounds}",
                     (len(todo) - at) * progress.expected("round", guess))
        progress.spend("round", guess, lambda n=r, p=pairs: turn(p, n, o))
        failures(case, o)


def main():
    o = options()
    cases = [Case(o.folder, *of) for of in itertools.product(
        o.networks, o.batch, o.dtypes, sorted(set(o.threads)))]
    progress = Progress(o.budget)
    for name, step in (("tune", tune), ("prepare", prepare),
                       ("time", timing)):
        if name in o.steps:
            try:
                step(cases, o, progress)
            except TimeoutError:
                progress.say(f"{name} is not done; the same command goes on")
                return 3
    if "table" in o.steps:
        print_table(read(o.csv), [c.key() for c in cases])
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failed as failed:
        sys.exit(f"peers: {failed}")
