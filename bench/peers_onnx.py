# SPDX-License-Identifier: Apache-2.0
"""Peers that read ONNX, themselves or by their converter: ONNX Runtime,
OpenVINO, MNN, ncnn.

An adapter's prepare(case) converts, once; load(case, x) gives (version, run,
result): run() is one inference of an input that was set before, result() the
output of the last.  A case has model (an ONNX file; with i8 one that has
QuantizeLinear), base (a path to which names can be added), threads, batch
and dtype."""
import pathlib
import subprocess
import sys
import numpy as np


class Onnxruntime:
    DTYPES = ["f32", "i8"]
    SETTINGS = "all graph optimisations, spinning threads, bound output"

    @staticmethod
    def load(case, x):
        import onnxruntime as ort
        o = ort.SessionOptions()
        o.intra_op_num_threads, o.inter_op_num_threads = case.threads, 1
        o.graph_optimization_level = \
            ort.GraphOptimizationLevel.ORT_ENABLE_ALL
        o.add_session_config_entry("session.intra_op.allow_spinning", "1")
        s = ort.InferenceSession(case.model, o,
                                 providers=["CPUExecutionProvider"])
        io = s.io_binding()
        io.bind_ortvalue_input(s.get_inputs()[0].name,
                               ort.OrtValue.ortvalue_from_numpy(x))
        io.bind_output(s.get_outputs()[0].name, "cpu")
        return (ort.__version__, lambda: s.run_with_iobinding(io),
                lambda: io.copy_outputs_to_cpu()[0])


class Openvino:
    DTYPES = ["f32", "bf16", "i8"]
    SETTINGS = "latency hint, one stream, threads pinned"

    @staticmethod
    def load(case, x):
        import openvino as ov
        request = ov.Core().compile_model(case.model, "CPU", {
            "INFERENCE_NUM_THREADS": case.threads, "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY", "ENABLE_CPU_PINNING": True,
            "INFERENCE_PRECISION_HINT":
                "bf16" if case.dtype == "bf16" else "f32",
        }).create_infer_request()
        request.set_input_tensor(ov.Tensor(x))
        return (ov.__version__.split("-")[0], request.infer,
                lambda: request.get_output_tensor().data)


class Mnn:
    DTYPES = ["f32"]  # with precision low this wheel computes in float, too
    SETTINGS = "precision high, power high"

    @staticmethod
    def prepare(case):
        subprocess.run(
            [sys.executable, "-m", "MNN.tools.mnnconvert", "-f", "ONNX",
             "--modelFile", case.model, "--MNNModel", case.base + ".mnn"],
            check=True, capture_output=True, text=True)

    @staticmethod
    def load(case, x):
        import MNN as m
        manager = m.nn.create_runtime_manager(({
            "backend": "CPU", "numThread": case.threads, "power": "high",
            "precision": "high"},))
        net = m.nn.load_module_from_file(case.base + ".mnn", [], [],
                                         runtime_manager=manager)
        given = m.expr.convert(m.expr.const(
            x, list(x.shape), m.expr.NCHW), m.expr.NC4HW4)
        last = [None]

        def run():
            last[0] = net.forward([given])[0]
            last[0].read()
        return m.version(), run, lambda: np.array(
            m.expr.convert(last[0], m.expr.NCHW).read())


class Ncnn:
    DTYPES = ["f32", "bf16"]
    SETTINGS = "converted by pnnx; packed layouts, Winograd, pool allocators"

    @staticmethod
    def prepare(case):
        if case.batch != 1:
            raise ValueError("ncnn has no batches")
        folder = pathlib.Path(case.base + ".ncnn")
        folder.mkdir(exist_ok=True)
        shape = ",".join(map(str, case.shape))
        done = subprocess.run(
            [str(pathlib.Path(sys.executable).parent / "pnnx"), case.model,
             f"inputshape=[{shape}]", "fp16=0", f"ncnnparam={folder}/net.param",
             f"ncnnbin={folder}/net.bin", f"ncnnpy={folder}/net.py",
             f"pnnxparam={folder}/p.param", f"pnnxbin={folder}/p.bin",
             f"pnnxpy={folder}/p.py", f"pnnxonnx={folder}/p.onnx"],
            check=True, capture_output=True, text=True)
        if not (folder / "net.bin").exists():
            raise ValueError("pnnx: " + done.stderr.strip()[-200:])

    @staticmethod
    def load(case, x):
        import ncnn
        net = ncnn.Net()
        net.opt.num_threads = case.threads
        net.opt.use_bf16_storage = case.dtype == "bf16"
        net.opt.use_fp16_packed = net.opt.use_fp16_storage = False
        net.opt.use_fp16_arithmetic = False
        net.opt.blob_allocator = blobs = ncnn.UnlockedPoolAllocator()
        net.opt.workspace_allocator = work = ncnn.PoolAllocator()
        net.load_param(case.base + ".ncnn/net.param")
        net.load_model(case.base + ".ncnn/net.bin")
        given, last = ncnn.Mat(x[0]).clone(), [blobs, work]

        def run():
            e = net.create_extractor()
            e.input("in0", given)
            last[2:] = [e.extract("out0")[1]]
        return ncnn.__version__, run, lambda: np.array(last[2])
