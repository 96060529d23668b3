# SPDX-License-Identifier: Apache-2.0
"""One case of bench/peers: a network with its batch, type and threads, in a
folder of its own, through chanas and through a peer, each in its own process
that is pinned to as many processors as it has threads."""
import json
import os
import pathlib
import re
import subprocess
import sys
import time
import numpy as np
from peers_net import Net

HERE = pathlib.Path(__file__).resolve().parent
CHANAS = os.environ.get("CHANAS", "chanas")
# What a network may differ by, of the largest output, and still count as the
# same one.  Random parameters make a hard case for few bits.
TOLERANCE = {"f32": 1e-4, "bf16": 0.05, "i8": 0.25}
INI = """[search]
objectives = latency:min
[space]
file = {space}
[backend]
plugin = x86
threads = {threads}
batch = {batch}
dtype = {dtype}
"""


class Failed(Exception):
    """With one line that says why."""


def last_line(text):
    lines = [line.strip() for line in (text or "").splitlines()
             if line.strip()]
    return lines[-1][:160] if lines else "nothing was said"


def environment(threads):
    """For every program: threads, pinned and spinning; big allocations in
    huge pages (glibc)."""
    return {**os.environ, "OMP_NUM_THREADS": str(threads),
            "OMP_PROC_BIND": "true", "OMP_DYNAMIC": "false",
            "OMP_WAIT_POLICY": "active", "TVM_NUM_THREADS": str(threads),
            "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}


def call(command, threads=None, limit=None, **more):
    """Its standard output, or Failed."""
    def pin():
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])
    try:
        return subprocess.run(
            [str(c) for c in command], check=True, text=True,
            capture_output=True, timeout=limit, stdin=subprocess.DEVNULL,
            env=environment(threads or 1), preexec_fn=pin if threads else None,
            **more).stdout
    except subprocess.CalledProcessError as e:
        raise Failed(last_line(e.stderr or e.stdout)) from e
    except subprocess.TimeoutExpired as e:
        raise Failed(f"no end after {limit} s") from e
    except FileNotFoundError as e:
        raise Failed(f"{e.filename}: not found; is chanas in PATH or in "
                     "$CHANAS?") from e


def quantize(model, narrow, x):
    """The network with QuantizeLinear, ranges from its golden input and
    others like it, for peers that read this."""
    from onnxruntime import quantization as q

    class Reader(q.CalibrationDataReader):
        def __init__(self):
            rng = np.random.default_rng(1)
            self.left = [x] + [rng.uniform(-1, 1, x.shape).astype(np.float32)
                               for _ in range(3)]

        def get_next(self):
            return {"x": self.left.pop()} if self.left else None
    q.quantize_static(
        model, narrow, Reader(), quant_format=q.QuantFormat.QDQ,
        per_channel=True, weight_type=q.QuantType.QInt8,
        activation_type=q.QuantType.QInt8)


class Case:
    """network: the name of a file in etc/spaces or its path, and with :CODE
    one of its networks."""

    def __init__(self, folder, network, batch, dtype, threads):
        self.network, self.batch = network, batch
        self.dtype, self.threads = dtype, threads
        name, _, self.code = network.partition(":")
        path = pathlib.Path(name)
        self.space = path if path.suffix == ".ini" else \
            HERE.parent / "etc" / "spaces" / f"{name}.ini"
        self.short = re.sub(r"[^A-Za-z0-9.]+", "-",
                            network.replace(str(path.parent) + "/", ""))
        self.root = pathlib.Path(folder).resolve()
        self.peer = self.root / f"{self.short}-b{batch}"
        self.own = self.peer / f"{dtype}-t{threads}"
        self.base = str(self.peer / "net")
        self.model = self.base + (".i8.onnx" if dtype == "i8" else ".onnx")

    def key(self):
        return (self.network, self.dtype, str(self.batch), str(self.threads))

    def __str__(self):
        return (f"{self.short} {self.dtype}, batch {self.batch}, threads "
                f"{self.threads}")

    # ---- chanas

    def tuned(self):
        """Seconds that it took, or None: not yet."""
        note = self.own / "tuned.json"
        return json.loads(note.read_text()) if note.exists() else None

    def tune(self, trials, seconds):
        """Schedules for this case into the table of the folder, and the
        network as stand-alone C, compared with its golden output."""
        self.own.mkdir(parents=True, exist_ok=True)
        ini = self.own / "run.ini"
        ini.write_text(INI.format(space=self.space.resolve(),
                                  threads=self.threads, batch=self.batch,
                                  dtype=self.dtype))
        begun = time.monotonic()
        command = [CHANAS, "measure", ini, "-q", "-o", self.own / "lib",
                   "--table", self.root / "table.db",
                   "--set", f"tuner.first={trials}",
                   "--set", f"tuner.trials={trials}",
                   "--set", f"tuner.time={seconds}"]
        if trials == 1:
            command.append("--default")
        call(command + (["--code", self.code] if self.code else []))
        spent = time.monotonic() - begun
        call(["make", "-s", "-C", self.own / "lib"])
        note = self.own / "tuned.json"
        note.write_text(json.dumps({"seconds": spent, "trials": trials}))

    def difference(self, y):
        golden = np.load(self.base + ".golden.npy")
        return float(np.abs(np.ravel(y) - golden).max()
                     / np.abs(golden).max())

    # ---- for peers

    def convert(self):
        """The network as ONNX with its golden input and output, once."""
        if not os.path.exists(self.base + ".golden.npy"):
            net = Net(self.own / "lib")
            net.save(self.base + ".onnx")
            n, c, h, w = net.shape
            golden = np.fromfile(self.own / "lib" / "golden.bin", "<f4")
            x = golden[:n * c * h * w].reshape(n, h, w, c)
            np.save(self.base + ".x.npy",
                    np.ascontiguousarray(x.transpose(0, 3, 1, 2)))
            np.save(self.base + ".golden.npy", self.golden_of(net, golden))
        if self.dtype == "i8" and not os.path.exists(self.model):
            quantize(self.base + ".onnx", self.model,
                     np.load(self.base + ".x.npy"))
        x = np.load(self.base + ".x.npy", mmap_mode="r")
        (self.own / "case.json").write_text(json.dumps({
            "base": self.base, "model": self.model, "dtype": self.dtype,
            "f32": self.base + ".onnx", "x": self.base + ".x.npy",
            "threads": self.threads, "batch": self.batch, "shape": x.shape,
            "seconds": self.tuned()["seconds"]}))

    @staticmethod
    def golden_of(net, golden):
        """As peers have it: NCHW."""
        y = golden[int(np.prod(net.shape)):]
        n, c, h, w = net.result
        return y.reshape(n, h, w, c).transpose(0, 3, 1, 2).ravel()

    def peer_call(self, action, peer, *more, limit):
        return call([sys.executable, HERE / "peers_run.py", action, peer,
                     self.own / "case.json", *more], self.threads, limit)

    def prepare(self, peer, limit):
        self.peer_call("prepare", peer, limit=limit)
        found = self.time(peer, 0.05, limit)
        off = self.difference(np.load(f"{self.base}.{peer}.npy"))
        if not off <= TOLERANCE[self.dtype]:
            raise Failed(f"its output differs by {off:.1e}")
        return found["version"], off

    # ---- both

    def time(self, program, seconds, limit=600):
        """{"ms": median, "least": ..., "version": ...} of one process."""
        if program != "chanas":
            out = self.peer_call("time", program, str(seconds), limit=limit)
            return json.loads(out.splitlines()[-1])
        lib = self.own / "lib"
        runs = 10
        for _ in range(2):
            words = call(["./bench", "weights.bin", runs], self.threads,
                         cwd=lib).split()
            runs = max(10, int(1e3 * seconds / float(words[1])))
        return {"ms": float(words[1]), "least": float(words[3]),
                "version": ""}

    def check(self):
        """What chanas' own output differs by."""
        words = call(["./check", "weights.bin", "golden.bin"], self.threads,
                     cwd=self.own / "lib").split()
        return float(words[2]) / float(words[4].rstrip(","))
