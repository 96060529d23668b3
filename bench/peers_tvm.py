# SPDX-License-Identifier: Apache-2.0
"""Apache TVM, tuned by its MetaSchedule for as many seconds as chanas was."""
import shutil
import time
import numpy as np


class Enough(Exception):
    """The seconds are over."""


def target(tvm, threads):
    cpu = tvm.get_global_func("target.llvm_get_system_cpu")()
    return tvm.target.Target({"kind": "llvm", "mcpu": cpu,
                              "num-cores": threads})


def imported(tvm, case):
    """The network with NHWC convolutions, and its parameters."""
    import onnx
    from tvm import relax
    from tvm.relax.frontend.onnx import from_onnx
    mod = from_onnx(onnx.load(case.f32), keep_params_in_input=True)
    mod, params = relax.frontend.detach_params(mod)
    mod = tvm.transform.Sequential([
        relax.transform.DecomposeOpsForInference(),
        relax.transform.CanonicalizeBindings(),
        relax.transform.ConvertLayout(
            {"relax.nn.conv2d": ["NHWC", "OHWI"]}),
        relax.get_pipeline("zero"),
        relax.transform.AttachAttrLayoutFreeBuffers()])(mod)
    return mod, params["main"]


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
        _, params = imported(tvm, case)
        if "main_transform_params" in dir(vm.module) or \
                vm.module.implements_function("main_transform_params"):
            params = vm["main_transform_params"](params)
        main, given, last = vm["main"], tvm.runtime.tensor(x), [None]

        def run():
            last[0] = main(given, *params)
        return tvm.__version__, run, lambda: np.array(last[0].numpy())
