# SPDX-License-Identifier: Apache-2.0
"""oneDNN itself: bench/onednn.c, compiled against the library of a wheel.

onednn       the wheel of that name: the newest release, whose processor
             engine works through SYCL and TBB
onednn-gomp  the newest build with OpenMP of its own that PyPI has, out of
             the wheel of paddlepaddle

Layouts any, nhwc and blocked are all timed and the best one counts; bias,
activation and residual addition are post-operations."""
import os
import pathlib
import subprocess
import sys
import numpy as np
from peers_graph import Graph

HERE = pathlib.Path(__file__).resolve().parent
ACTS = ["none", "relu", "relu6", "hswish", "hsigmoid", "sigmoid"]


def write_graph(model, path):
    """PATH.graph and PATH.weights for bench/onednn.c."""
    g = Graph(model)
    number = {g.input: 0}
    lines = ["in %d %d %d %d" % g.shapes[g.input]]
    for at, op in enumerate(g.ops):
        number[op.out] = at + 1
        second = op.residual or (op.inputs[1] if len(op.inputs) > 1 else None)
        ic = op.w.shape[1] * op.group if op.w is not None else 0
        lines.append(" ".join(map(str, (
            op.kind, number[op.out], number[op.inputs[0]],
            number[second] if second else -1,
            op.w.shape[0] if op.w is not None else 0, ic, op.k or 1, op.s,
            op.p, op.group, ACTS.index(op.act), int(in_place(g, at)),
            int(op.b is not None)))))
    pathlib.Path(f"{path}.graph").write_text("\n".join(lines) + "\n")
    with open(f"{path}.weights", "wb") as f:
        for op in g.ops:
            for array in (op.w, op.b):
                if array is not None:
                    f.write(np.ascontiguousarray(array, "<f4").tobytes())


def in_place(g, at):
    """A residual that nothing reads later is added to where it lies."""
    r = g.ops[at].residual
    return r is not None and r not in (g.input, g.output) and not any(
        r in op.inputs + [op.residual] for op in g.ops[at + 1:])


def library(which):
    """The folder of libdnnl.so.3; OSError where there is none."""
    lib = pathlib.Path(sys.prefix) / ("lib" if which == "onednn"
                                      else "onednn-gomp")
    if not (lib / "libdnnl.so.3").exists():
        raise OSError(f"no {lib}/libdnnl.so.3")
    return lib


def program(which):
    """bench/onednn.c as a program that uses this library."""
    out = pathlib.Path(sys.prefix) / f"chanas-{which}"
    source = HERE / "onednn.c"
    if not out.exists() or out.stat().st_mtime < source.stat().st_mtime:
        lib = library(which)
        subprocess.run(
            [os.environ.get("CC", "cc"), "-O2", "-std=gnu11", "-o", out,
             source, f"-I{sys.prefix}/include", f"-L{lib}",
             "-l:libdnnl.so.3", f"-Wl,-rpath,{lib}:{sys.prefix}/lib",
             "-Wl,--disable-new-dtags,--allow-shlib-undefined"],
            check=True, capture_output=True, text=True)
    return out


def run(which, base, dtype, seconds, output):
    """Layout, median and least ms, version; the result goes to the file
    `output`.  The SYCL runtime of the first wheel finds its driver for
    processors by the two variables."""
    layouts = ["any", "nhwc", "blocked"]
    lib = f"{sys.prefix}/lib"
    more = {"LD_LIBRARY_PATH": lib, "ONEAPI_DEVICE_SELECTOR": "opencl:cpu",
            "OCL_ICD_FILENAMES": f"{lib}/libintelocl.so"} \
        if which == "onednn" else {}
    layout, ms, least, version = subprocess.run(
        [program(which), base + ".graph", base + ".weights", base + ".x",
         output, str(seconds / len(layouts)), dtype, *layouts], check=True,
        capture_output=True, text=True,
        env={**os.environ, **more}).stdout.split()
    return layout, float(ms), float(least), version


class Onednn:
    DTYPES = ["f32", "bf16"]
    SETTINGS = "the best of three layouts, post-operations, huge pages"
    WHICH = "onednn"

    @classmethod
    def prepare(cls, case):
        program(cls.WHICH)
        write_graph(case.f32, case.base)
        np.load(case.x).astype("<f4").tofile(case.base + ".x")

    @classmethod
    def time(cls, case, x, seconds):
        y = case.base + f".{cls.WHICH}.y"
        layout, ms, least, version = run(cls.WHICH, case.base, case.dtype,
                                         seconds, y)
        return f"{version} {layout}", ms, least, np.fromfile(y, "<f4")


class OnednnGomp(Onednn):
    WHICH = "onednn-gomp"
