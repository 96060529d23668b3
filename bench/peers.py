# SPDX-License-Identifier: Apache-2.0
"""Runs chanas and its peers in turn on the same exported networks: see
bench/peers.  Prints a table of medians and ratios; every single figure goes
to the CSV.  A round runs each program once, in its own process; a figure is
the median of the rounds."""
import argparse
import csv
import datetime
import os
import pathlib
import subprocess
import sys
import tempfile
import numpy as np
from peers_net import Net

HERE = pathlib.Path(__file__).resolve().parent
PEERS = {"f32": ["onnxruntime", "openvino", "MNN"],
         "bf16": ["openvino", "MNN"], "i8": ["onnxruntime", "openvino"]}
INI = """[search]
objectives = latency:min
evaluations = 1
finalists = 1
[space]
file = {space}
[backend]
plugin = x86
threads = {threads}
batch = {batch}
dtype = {dtype}
[strategy]
plugin = random
[tuner]
trials = {trials}
first = {trials}
"""


def options():
    p = argparse.ArgumentParser(prog="peers", description=__doc__)
    both = {"nargs": "+", "type": int}
    p.add_argument("--networks", nargs="+", metavar="NAME", default=[
        "mobilenet-v2", "mobilenet-v3-large", "mobilenet-v3-small"],
        help="spaces of one network each, by the name of their file in "
        "etc/spaces or by its path")
    p.add_argument("--threads", **both, default=[1, os.cpu_count()])
    p.add_argument("--batch", **both, default=[1, 16])
    p.add_argument("--dtypes", nargs="+", choices=list(PEERS),
                   default=list(PEERS))
    p.add_argument("--peers", nargs="+", default=PEERS["f32"])
    p.add_argument("--trials", type=int, default=32,
                   help="candidates per block that chanas may try")
    p.add_argument("--rounds", type=int, default=7)
    p.add_argument("--seconds", type=float, default=1,
                   help="of each program in each round")
    p.add_argument("--csv", help="append every single figure to this file")
    p.add_argument("--folder", help="keep networks and tuned schedules here")
    return p.parse_args()


def call(*command, **more):
    return subprocess.run([str(c) for c in command], check=True, text=True,
                          capture_output=True, **more).stdout


def space(name):
    path = pathlib.Path(name)
    return path if path.exists() else \
        HERE.parent / "etc" / "spaces" / f"{name}.ini"


class Case:
    """A network with its threads, batch and type."""

    def __init__(self, folder, name, threads, batch, dtype, trials):
        self.name, self.threads, self.batch = name, threads, batch
        self.dtype = dtype
        self.path = folder / f"{name}-{threads}-{batch}-{dtype}"
        self.path.mkdir(parents=True, exist_ok=True)
        self.model = str(self.path / "net.onnx")
        (self.path / "run.ini").write_text(INI.format(
            space=space(name).resolve(), threads=threads, batch=batch,
            dtype=dtype, trials=trials))

    def build(self):
        chanas = os.environ.get("CHANAS", "chanas")
        lib = self.path / "lib"
        if not (self.path / "out").exists():
            call(chanas, "search", self.path / "run.ini", "-q", "-o",
                 self.path / "out", "--table", self.path / "table.db")
            call(chanas, "export", self.path / "out", "-o", lib)
        call("make", "-C", lib)
        call("./check", "weights.bin", "golden.bin", cwd=lib)
        net = Net(lib)
        net.save(self.model)
        n, c, h, w = net.shape
        golden = np.fromfile(lib / "golden.bin", "<f4")
        x = golden[:n * c * h * w].reshape(n, h, w, c).transpose(0, 3, 1, 2)
        self.golden = golden[n * c * h * w:]
        np.save(self.path / "net.x.npy", np.ascontiguousarray(x))
        if self.dtype == "i8":
            self.quantize(np.ascontiguousarray(x))

    def quantize(self, x):
        from onnxruntime import quantization as q

        class Reader(q.CalibrationDataReader):
            def __init__(self):
                rng = np.random.default_rng(1)
                self.left = [x] + [rng.uniform(-1, 1, x.shape).astype(
                    np.float32) for _ in range(3)]

            def get_next(self):
                return {"x": self.left.pop()} if self.left else None
        narrow = self.model.replace("net.onnx", "net.onnx.i8")
        q.quantize_static(
            self.model, narrow, Reader(), quant_format=q.QuantFormat.QDQ,
            per_channel=True, weight_type=q.QuantType.QInt8,
            activation_type=q.QuantType.QInt8)
        self.model = narrow

    def convert(self, peer):
        if peer == "MNN":
            call(sys.executable, "-m", "MNN.tools.mnnconvert", "-f", "ONNX",
                 "--modelFile", self.model, "--MNNModel",
                 self.model + ".mnn")

    def run(self, program, seconds):
        if program == "chanas":
            words = call("./bench", "weights.bin", 10,
                         cwd=self.path / "lib").split()
            runs = max(10, int(1e3 * seconds / float(words[1])))
            words = call("./bench", "weights.bin", runs,
                         cwd=self.path / "lib").split()
            return "", float(words[1])
        version, ms = call(
            sys.executable, HERE / "peers_run.py", program, self.model,
            self.threads, self.dtype, seconds).splitlines()[-1].split()
        return version, float(ms)

    def difference(self, peer):
        y = np.load(f"{self.model}.{peer}.npy").ravel()
        return float(np.abs(y - self.golden).max()
                     / np.abs(self.golden).max())


def first_line(error):
    text = getattr(error, "stderr", "") or str(error)
    lines = text.strip().splitlines() or ["?"]
    return lines[-1][:100]


def ready(case, peers):
    """Peers that run it, each with its version, and what they differ by."""
    good = {"chanas": ("", 0)}
    for peer in peers:
        if peer not in PEERS[case.dtype]:
            continue
        try:
            case.convert(peer)
            version, _ = case.run(peer, 0.1)
            good[peer] = (version, case.difference(peer))
        except (subprocess.CalledProcessError, OSError, ValueError) as error:
            print(f"peers: {peer}: {first_line(error)}", file=sys.stderr)
    return good


def compare(case, o):
    case.build()
    programs = ready(case, o.peers)
    figures = {p: [] for p in programs}
    order = list(programs)
    for turn in range(o.rounds):
        for p in order[turn % len(order):] + order[:turn % len(order)]:
            figures[p].append(case.run(p, o.seconds)[1])
    return programs, figures


def report(case, programs, figures):
    own = float(np.median(figures["chanas"]))
    for p, (version, difference) in programs.items():
        ms = float(np.median(figures[p]))
        print(f"| {case.name} | {case.dtype} | {case.batch} | {case.threads} "
              f"| {p} {version} | {ms:.3f} | {ms / own:.2f} | "
              f"{min(figures[p]):.3f} | {difference:.1e} |", flush=True)


def keep(path, case, programs, figures):
    fresh = not os.path.exists(path)
    with open(path, "a", newline="") as f:
        out = csv.writer(f)
        if fresh:
            out.writerow(["date", "network", "dtype", "batch", "threads",
                          "program", "version", "round", "median_ms"])
        day = datetime.date.today().isoformat()
        for p, values in figures.items():
            for i, ms in enumerate(values):
                out.writerow([day, case.name, case.dtype, case.batch,
                              case.threads, p, programs[p][0], i, ms])


def main():
    o = options()
    with tempfile.TemporaryDirectory() as folder:
        print("| network | dtype | batch | threads | program | median ms | "
              "ratio to chanas | least ms | difference |\n"
              "|---|---|---|---|---|---|---|---|---|", flush=True)
        for name in o.networks:
            for dtype in o.dtypes:
                for batch in o.batch:
                    for threads in sorted(set(o.threads)):
                        case = Case(pathlib.Path(o.folder or folder), name,
                                    threads, batch, dtype, o.trials)
                        programs, figures = compare(case, o)
                        report(case, programs, figures)
                        if o.csv:
                            keep(o.csv, case, programs, figures)


try:
    main()
except subprocess.CalledProcessError as failed:
    sys.exit(f"peers: {failed.cmd[0]}: {first_line(failed)}")
except FileNotFoundError as missing:
    sys.exit(f"peers: {missing.filename}: not found; is chanas in PATH or in "
             "$CHANAS?")
