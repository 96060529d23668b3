# SPDX-License-Identifier: Apache-2.0
"""Apache TVM, tuned by its MetaSchedule for as many seconds as chanas was."""
import shutil
import time
import numpy as np
from peers_graph import Graph


class Enough(Exception):
    """The seconds are over."""


def target(tvm, threads):
    cpu = tvm.get_global_func("target.llvm_get_system_cpu")()
    return tvm.target.Target({"kind": "llvm", "mcpu": cpu,
                              "num-cores": threads})


def imported(tvm, case):
    """The network with NHWC convolutions, and its parameters.  Built from
    the operators themselves: what the ONNX reader makes of Clip keeps
    layouts from being changed."""
    from tvm import relax
    graph, params = Graph(case.f32), []
    n, c, h, w = graph.shapes[graph.input]
    x = relax.Var("x", relax.TensorType((n, h, w, c), "float32"))
    given, build = [x], relax.BlockBuilder()

    def parameter(array):
        params.append(tvm.runtime.tensor(
            np.ascontiguousarray(array, np.float32)))
        given.append(relax.Var(f"p{len(params)}", relax.TensorType(
            array.shape, "float32")))
        return given[-1]
    with build.function("main"):
        with build.dataflow():
            known = {graph.input: x}
            for op in graph.ops:
                y = apply_op(relax.op, op, [known[i] for i in op.inputs],
                             parameter)
                if op.residual:
                    y = relax.op.add(y, known[op.residual])
                known[op.out] = build.emit(act(relax, y, op.act))
            result = build.emit_output(known[graph.output])
        build.emit_func_output(result, given)
    mod = build.finalize()
    mod["main"] = mod["main"].with_attr("num_input", 1)
    return mod, params


def act(relax, x, kind):
    """Of a value, built from what every version has."""
    def clip(y, least, most):
        return relax.op.clip(y, least, most)

    def sixth(y):
        return relax.op.multiply(
            clip(relax.op.add(y, relax.const(3, "float32")), 0, 6),
            relax.const(1 / 6, "float32"))
    return {"none": lambda: x, "relu": lambda: relax.op.nn.relu(x),
            "relu6": lambda: clip(x, 0, 6), "hsigmoid": lambda: sixth(x),
            "hswish": lambda: relax.op.multiply(x, sixth(x)),
            "sigmoid": lambda: relax.op.sigmoid(x)}[kind]()


def apply_op(ops, op, x, parameter):
    if op.kind == "conv":
        y = ops.nn.conv2d(x[0], parameter(op.w.transpose(2, 3, 1, 0)),
                          op.s, op.p, groups=op.group, data_layout="NHWC",
                          kernel_layout="HWIO")
    elif op.kind == "linear":
        y = ops.matmul(x[0], parameter(op.w.T))
    elif op.kind == "globalpool":
        # What only linear layers read is flat.
        return ops.mean(x[0], [1, 2], keepdims=not op.flat)
    elif op.kind == "avgpool":
        return ops.nn.avg_pool2d(x[0], op.k, op.s, op.p, layout="NHWC")
    else:
        return {"add": lambda: ops.add(*x), "mul": lambda: ops.multiply(*x),
                "act": lambda: x[0]}[op.kind]()
    return y if op.b is None else ops.add(y, parameter(op.b))


def tune(tvm, mod, where, work, seconds):
    """Until the seconds are over; what was found is in the folder."""
    from tvm.ir.utils import derived_object
    from tvm.s_tir import meta_schedule as ms
    end = time.monotonic() + seconds

    @derived_object
    class Deadline(ms.measure_callback.PyMeasureCallback):
        def apply(self, *_):
            if time.monotonic() > end:
                raise Enough("the seconds are over")
    try:
        ms.relax_integration.tune_relax(
            mod, {}, where, work, max_trials_global=1 << 20,
            num_trials_per_iter=8, seed=1, measure_callbacks=[
                ms.measure_callback.AddToDatabase(),
                ms.measure_callback.UpdateCostModel(), Deadline()])
    except Exception as stopped:  # it comes back as what the FFI makes of it
        if "the seconds are over" not in str(stopped):
            raise


class Tvm:
    DTYPES = ["f32"]
    SETTINGS = "MetaSchedule for the seconds that chanas tuned; NHWC, " \
        "parameters packed ahead"

    @staticmethod
    def prepare(case):
        import tvm
        from tvm import relax
        work = f"{case.base}.tvm.{case.threads}"
        shutil.rmtree(work, ignore_errors=True)
        where = target(tvm, case.threads)
        mod, _ = imported(tvm, case)
        with where:
            mod = tvm.transform.Sequential([
                relax.get_pipeline("zero"),
                relax.transform.AttachAttrLayoutFreeBuffers()])(mod)
            tune(tvm, mod, where, work, case.seconds)
            mod = tvm.transform.Sequential([
                relax.transform.MetaScheduleApplyDatabase(work),
                relax.transform.SplitLayoutRewritePreproc(),
                relax.transform.LiftTransformParams(),
                relax.transform.FoldConstant()])(mod)
        tvm.compile(mod, target=where).export_library(work + ".so")

    @staticmethod
    def load(case, x):
        import tvm
        from tvm import relax
        vm = relax.VirtualMachine(tvm.runtime.load_module(
            f"{case.base}.tvm.{case.threads}.so"), tvm.cpu())
        params = vm["main_transform_params"](imported(tvm, case)[1])
        given = tvm.runtime.tensor(
            np.ascontiguousarray(x.transpose(0, 2, 3, 1)))
        main, last = vm["main"], [None]

        def run():
            last[0] = main(given, *params)

        def result():
            y = np.array(last[0].numpy())
            return y.transpose(0, 3, 1, 2) if y.ndim == 4 else y
        return tvm.__version__, run, result
