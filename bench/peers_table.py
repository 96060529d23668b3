# SPDX-License-Identifier: Apache-2.0
"""The CSV of bench/peers, and the table that is made of it."""
import csv
import os
import statistics
from peers_list import PEERS

FIELDS = ["date", "network", "dtype", "batch", "threads", "program",
          "version", "difference", "round", "ms", "least", "note"]


def read(path):
    """{case: {program: {"ms": {round: ms}, "version", "difference",
    "note"}}}; a round that is there twice counts as it was last."""
    found = {}
    if not os.path.exists(path):
        return found
    with open(path, newline="", encoding="utf-8") as f:
        for r in csv.DictReader(f):
            key = (r["network"], r["dtype"], r["batch"], r["threads"])
            of = found.setdefault(key, {}).setdefault(
                r["program"], {"ms": {}, "note": ""})
            of["note"] = r["note"]
            if r["ms"]:
                of["ms"][int(r["round"])] = float(r["ms"])
                of.update(version=r["version"], difference=r["difference"])
    return found


def median(of):
    return statistics.median(of["ms"].values())


def timed(programs):
    return {p: of for p, of in programs.items() if of["ms"]}


def best_peer(programs):
    """Its name, the median ratio to chanas within a round, least and most;
    None without both."""
    known = timed(programs)
    peers = [p for p in known if p != "chanas"]
    if not peers or "chanas" not in known:
        return None
    best = min(peers, key=lambda p: median(known[p]))
    own, other = known["chanas"]["ms"], known[best]["ms"]
    ratios = [other[r] / own[r] for r in own if r in other]
    if not ratios:
        return None
    return best, statistics.median(ratios), min(ratios), max(ratios)


def cell(of):
    return f"{median(of):.3f}" if of and of["ms"] else ""


def print_row(key, programs, columns):
    best = best_peer(programs)
    said = f"{best[0]} {best[1]:.2f} ({best[2]:.2f} to {best[3]:.2f})" \
        if best else ""
    cells = [*key, *(cell(programs.get(c)) for c in columns), said]
    print("| " + " | ".join(cells) + " |")


def print_table(found, keys):
    """Medians of the rounds in ms; last the best peer's over chanas'."""
    columns = ["chanas"]
    for key in keys:
        columns += [p for p in timed(found.get(key, {})) if p not in columns]
    heads = ["network", "type", "batch", "threads", *columns,
             "best peer / chanas (range of rounds)"]
    print("| " + " | ".join(heads) + " |\n|" + "---|" * len(heads))
    for key in keys:
        if key in found:
            print_row(key, found[key], columns)
    print()
    for program in columns:
        print_program(program, [found[k][program] for k in keys if
                                program in timed(found.get(k, {}))])
    for text, where in sorted(left_out(found, keys).items()):
        print(f"- left out, {text} ({where[0]}"
              + (f" and {len(where) - 1} more)" if where[1:] else ")"))


def print_program(program, of):
    """Versions, rounds, differences and how it was set."""
    versions = sorted({o["version"] for o in of if o["version"]})
    off = max(float(o["difference"]) for o in of)
    rounds = min(len(o["ms"]) for o in of)
    how = f"; {PEERS[program].SETTINGS}" if program in PEERS else ""
    print(f"- {' '.join([program, ', '.join(versions)]).strip()}: {rounds} "
          f"rounds, differs by {off:.1e} at most{how}")


def left_out(found, keys):
    """{"program: why": [case]}"""
    reasons = {}
    for key in keys:
        for program, of in found.get(key, {}).items():
            if of["note"] and not of["ms"]:
                reasons.setdefault(f"{program}: {of['note']}", []).append(
                    " ".join(key))
    return reasons
