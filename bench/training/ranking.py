#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What an estimator's order of networks is worth.

    chanas estimate RUN.ini --random 500 >estimated.csv
    bench/training/ranking.py estimated.csv TABLE.csv

Compares the estimates of `chanas estimate` with the accuracies of a table of
networks that were really trained: Spearman's and Kendall's (tau-b) rank
correlation, and under a limit of MACs the true accuracy of the network that
the estimator would pick beside the best one of those estimated and of the
whole table.  MACs and parameters are ranked too, as estimators that need no
training.  With --also, networks are ordered by the mean of their ranks in
both files of estimates.  The columns' default names are those of the table of
NAS-Bench-Macro.
"""
import argparse
import csv
import sys

LIMITS = (30e6, 40e6, 50e6, 60e6, 80e6)


def ranks(values):
    """Ranks from 0; equal values share the mean of theirs."""
    order = sorted(range(len(values)), key=lambda i: values[i])
    rank = [0.0] * len(values)
    at = 0
    while at < len(order):
        end = at
        while end + 1 < len(order) and \
                values[order[end + 1]] == values[order[at]]:
            end += 1
        for i in range(at, end + 1):
            rank[order[i]] = (at + end) / 2
        at = end + 1
    return rank


def pearson(a, b):
    n, ma, mb = len(a), sum(a) / len(a), sum(b) / len(b)
    cov = sum((x - ma) * (y - mb) for x, y in zip(a, b))
    va = sum((x - ma) ** 2 for x in a)
    vb = sum((y - mb) ** 2 for y in b)
    return cov / (va * vb) ** 0.5 if n > 1 and va > 0 and vb > 0 else 0.0


def spearman(a, b):
    return pearson(ranks(a), ranks(b))


def kendall(a, b):
    """tau-b"""
    agree = disagree = tied_a = tied_b = 0
    for i in range(len(a)):
        for j in range(i):
            x, y = a[i] - a[j], b[i] - b[j]
            tied_a += x == 0
            tied_b += y == 0
            agree += x * y > 0
            disagree += x * y < 0
    pairs = len(a) * (len(a) - 1) // 2
    under = ((pairs - tied_a) * (pairs - tied_b)) ** 0.5
    return (agree - disagree) / under if under else 0.0


def arguments():
    p = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("estimated")
    p.add_argument("table")
    p.add_argument("--also", metavar="FILE", help="estimates of the same "
                   "networks by something else")
    p.add_argument("--code", default="arch", help="column of the table")
    p.add_argument("--accuracy", default="mean_acc", help="another")
    return p.parse_args()


def read(path):
    with open(path, newline="") as f:
        return list(csv.DictReader(f))


def both(rows, path):
    """The mean of two ranks, in place of the estimates."""
    other = {r["code"]: float(r["accuracy"]) for r in read(path)}
    if any(r["code"] not in other for r in rows):
        sys.exit(f"{path}: estimates of other networks")
    ours = ranks([float(r["accuracy"]) for r in rows])
    theirs = ranks([other[r["code"]] for r in rows])
    for row, a, b in zip(rows, ours, theirs):
        row["accuracy"] = (a + b) / 2


def main():
    args = arguments()
    table = {row[args.code]: row for row in read(args.table)}
    rows, accuracy = read(args.estimated), args.accuracy
    if args.also:
        both(rows, args.also)
    missing = [r["code"] for r in rows if r["code"] not in table]
    if missing or not rows:
        sys.exit(f"{len(missing)} of {len(rows)} codes are not in the table"
                 f" (the first: {missing[:1]})")
    true = [float(table[r["code"]][accuracy]) for r in rows]
    print(f"{len(rows)} networks; true accuracy {min(true):.2f} to "
          f"{max(true):.2f}")
    print("order by     Spearman  Kendall")
    for name in ("accuracy", "macs", "params"):
        value = [float(r[name]) for r in rows]
        label = "estimate" if name == "accuracy" else name
        print(f"{label:12s} {spearman(value, true):8.3f} "
              f"{kendall(value, true):8.3f}")
    macs = {r["code"]: float(r["macs"]) for r in rows}
    print("\nMACs under   pick      true   best of these")
    for limit in LIMITS:
        fit = [r for r in rows if macs[r["code"]] < limit]
        if not fit:
            continue
        pick = max(fit, key=lambda r: float(r["accuracy"]))["code"]
        best = max(float(table[r["code"]][accuracy]) for r in fit)
        print(f"{limit / 1e6:7.0f} M   {pick}  "
              f"{float(table[pick][accuracy]):6.2f}  {best:6.2f}")


if __name__ == "__main__":
    main()
