# SPDX-License-Identifier: Apache-2.0
"""PyTorch: eager with channels-last tensors, and compiled ahead of time by
Inductor with frozen parameters, which calls oneDNN for convolutions."""
import os
import numpy as np
from peers_graph import Graph


def module(path):
    import torch
    from torch import nn
    from torch.nn import functional as F
    acts = {"none": lambda x: x, "relu": F.relu, "relu6": F.relu6,
            "hswish": F.hardswish, "hsigmoid": F.hardsigmoid,
            "sigmoid": torch.sigmoid}

    def layer(op):
        out, rest = op.w.shape[:2]
        if op.kind == "linear":
            made = nn.Linear(rest, out, bias=op.b is not None)
        else:
            made = nn.Conv2d(rest * op.group, out, op.k, op.s, op.p,
                             groups=op.group, bias=op.b is not None)
        made.weight.data = torch.from_numpy(op.w.copy())
        if op.b is not None:
            made.bias.data = torch.from_numpy(op.b.copy())
        return made

    class Network(nn.Module):
        def __init__(self, graph):
            super().__init__()
            self.graph = graph
            self.layers = nn.ModuleDict({
                op.out: layer(op) for op in graph.ops if op.w is not None})

        def forward(self, x):
            t = {self.graph.input: x}
            for op in self.graph.ops:
                y = self.apply_op(op, [t[i] for i in op.inputs])
                if op.residual:
                    y = y + t[op.residual]
                t[op.out] = acts[op.act](y)
            return t[self.graph.output]

        def apply_op(self, op, x):
            if op.kind == "conv":
                return self.layers[op.out](x[0])
            if op.kind == "linear":
                return self.layers[op.out](x[0].flatten(1))
            if op.kind == "globalpool":
                return F.adaptive_avg_pool2d(x[0], 1)
            if op.kind == "avgpool":
                return F.avg_pool2d(x[0], op.k, op.s, op.p,
                                    count_include_pad=False)
            return {"add": lambda: x[0] + x[1], "mul": lambda: x[0] * x[1],
                    "act": lambda: x[0]}[op.kind]()
    return Network(Graph(path)).eval()


def placed(case, x):
    """The network and its input in channels-last and the type of the case."""
    import torch
    torch.set_num_threads(case.threads)
    kind = torch.bfloat16 if case.dtype == "bf16" else torch.float32
    net = module(case.f32).to(kind).to(memory_format=torch.channels_last)
    given = torch.from_numpy(x).to(kind).contiguous(
        memory_format=torch.channels_last)
    return torch, net, given


def runner(torch, call, given):
    last = [None]

    def run():
        with torch.inference_mode():
            last[0] = call(given)

    def result():
        return np.array(last[0].float())
    return torch.__version__, run, result


class Eager:
    DTYPES = ["f32", "bf16"]
    SETTINGS = "channels last, inference mode"

    @staticmethod
    def load(case, x):
        torch, net, given = placed(case, x)
        return runner(torch, net, given)


class Inductor:
    DTYPES = ["f32", "bf16"]
    SETTINGS = "AOTInductor, frozen parameters, channels last"

    @staticmethod
    def package(case):
        return f"{case.base}.{case.threads}.{case.dtype}.pt2"

    @staticmethod
    def prepare(case):
        os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR",
                              case.base + ".inductor")
        torch, net, given = placed(case, np.load(case.x))
        with torch.no_grad():
            torch._inductor.aoti_compile_and_package(
                torch.export.export(net, (given,)),
                package_path=Inductor.package(case),
                inductor_configs={"freezing": True})

    @staticmethod
    def load(case, x):
        import torch
        torch.set_num_threads(case.threads)
        kind = torch.bfloat16 if case.dtype == "bf16" else torch.float32
        given = torch.from_numpy(x).to(kind).contiguous(
            memory_format=torch.channels_last)
        return runner(torch, torch._inductor.aoti_load_package(
            Inductor.package(case)), given)
