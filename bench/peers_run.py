# SPDX-License-Identifier: Apache-2.0
"""One peer, one network, one process: peers_run.py PEER MODEL THREADS DTYPE
SECONDS.  Prints the peer's version, the median of its runs in ms, and writes
the output for the model's golden input (MODEL.x.npy) to MODEL.PEER.npy."""
import sys
import time
import numpy as np


def onnxruntime(model, threads, dtype):
    import onnxruntime as ort
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.graph_optimization_level = \
        ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    s = ort.InferenceSession(model, options,
                             providers=["CPUExecutionProvider"])
    name = s.get_inputs()[0].name
    return ort.__version__, lambda x: s.run(None, {name: x})[0]


def openvino(model, threads, dtype):
    import openvino as ov
    hints = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY",
             "INFERENCE_PRECISION_HINT": "bf16" if dtype == "bf16" else "f32",
             "ENABLE_CPU_PINNING": True}
    request = ov.Core().compile_model(model, "CPU",
                                      hints).create_infer_request()

    def run(x):
        request.set_input_tensor(ov.Tensor(x))
        request.infer()
        return request.get_output_tensor().data
    return ov.__version__.split("-")[0], run


def MNN(model, threads, dtype):
    import MNN as m
    runtime = m.nn.create_runtime_manager(({
        "backend": "CPU", "numThread": threads,
        "precision": "low" if dtype == "bf16" else "high"},))
    net = m.nn.load_module_from_file(
        model + ".mnn", [], [], runtime_manager=runtime)

    def run(x):
        y = net.forward([m.expr.convert(m.expr.const(
            x, list(x.shape), m.expr.NCHW), m.expr.NC4HW4)])[0]
        return np.array(m.expr.convert(y, m.expr.NCHW).read())
    return m.version(), run


def measure(run, x, seconds):
    for _ in range(5):
        run(x)
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 5:
        start = time.perf_counter()
        run(x)
        times.append(time.perf_counter() - start)
    return 1e3 * float(np.median(times))


def main():
    peer, model, threads, dtype, seconds = sys.argv[1:]
    version, run = globals()[peer](model, int(threads), dtype)
    x = np.load(model.split(".onnx")[0] + ".x.npy")
    np.save(f"{model}.{peer}.npy", np.asarray(run(x)))
    print(version, measure(run, x, float(seconds)))


main()
