#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Accuracy of a network from those of its nearest relatives.

A program for the estimator plugin `exec`.  It reads a CSV of networks that
were trained already (as few as you could afford) and predicts the others
from the rows whose codes differ in the fewest characters:

    [estimator]
    plugin = exec
    command = python3 @nearest.py @trained.csv arch mean_acc

One JSON object a line comes in, {"id": 7, "code": "22212220", "knobs": {...},
"macs": 85160000, "params": 1986000}, and one goes out: {"id": 7, "accuracy":
93.1, "stddev": 0.2} or {"id": 7, "error": "why not"}.  The accuracy is in
percent.  The order of answers is free, each must be flushed, and stdout is
for answers only; what is meant for people goes to stderr.
"""
import csv
import json
import statistics
import sys

NEIGHBOURS = 6


def read_table(path, code, accuracy):
    with open(path, newline="", encoding="utf-8") as table:
        rows = [(row[code], float(row[accuracy]))
                for row in csv.DictReader(table)]
    print(f"{len(rows)} trained networks in {path}", file=sys.stderr)
    return rows


def distance(a, b):
    return sum(x != y for x, y in zip(a, b))


def predict(rows, code):
    """Mean and deviation of the nearest rows, nearer ones counting more."""
    near = sorted((distance(code, other), other, accuracy)
                  for other, accuracy in rows if len(other) == len(code))
    if not near:
        raise ValueError(f"no trained network has a code like {code}")
    if near[0][0] == 0:
        return near[0][2], 0.0
    near = near[:NEIGHBOURS]
    weights = [1 / d for d, _, _ in near]
    mean = sum(w * a for w, (_, _, a) in zip(weights, near)) / sum(weights)
    return mean, statistics.pstdev(a for _, _, a in near)


def main():
    if len(sys.argv) != 4:
        sys.exit("usage: nearest.py TABLE.csv CODE-COLUMN ACCURACY-COLUMN")
    rows = read_table(*sys.argv[1:])
    for line in sys.stdin:
        request = json.loads(line)
        answer = {"id": request["id"]}
        try:
            answer["accuracy"], answer["stddev"] = predict(rows,
                                                           request["code"])
        except ValueError as why:
            answer["error"] = str(why)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
