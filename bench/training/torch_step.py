# SPDX-License-Identifier: Apache-2.0
"""The step that bench/training/engine wrote, computed by PyTorch.

torch_step.py FOLDER          compares logits, gradients and updated values
torch_step.py FOLDER STEPS    times steps (channels_last, THREADS threads)
"""
import json
import os
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

CONV, DW, SE, ADD, AVG, GLOBAL, LINEAR, ACT = range(8)
ACTS = [lambda x: x, F.relu, F.relu6, F.hardswish, F.hardsigmoid, F.silu]


def act(number, x, inplace):
    if inplace and number in (1, 2, 3, 5):
        return [None, F.relu, F.relu6, F.hardswish, None,
                F.silu][number](x, inplace=True)
    return ACTS[number](x)


class Net(torch.nn.Module):
    def __init__(self, graph, value):
        super().__init__()
        self.graph, self.where = graph, []
        self.w = torch.nn.ParameterList()
        for n in graph["nodes"]:
            mine = {}
            for name, at, shape, to in self.layout(n):
                size = int(np.prod(shape))
                t = torch.from_numpy(value[at:at + size].copy())
                t = t.reshape(shape)
                if to:
                    t = t.permute(to).contiguous(
                        memory_format=torch.channels_last)
                mine[name] = len(self.w)
                self.w.append(torch.nn.Parameter(t))
                self.where.append((at, size, to))
            n["w"] = mine

    @staticmethod
    def layout(n):
        """name, place, shape there, permutation to PyTorch's order"""
        k, cin, cout, kind = n["k"], n["cin"], n["cout"], n["kind"]
        if kind == CONV:
            yield "w", n["weight"], (cout, k, k, cin), (0, 3, 1, 2)
        if kind == DW:
            yield "w", n["weight"], (1, k, k, cin), (3, 0, 1, 2)
        if kind in (CONV, DW) and n["norm"]:
            yield "gamma", n["scale"], (cout,), None
            yield "beta", n["shift"], (cout,), None
        if kind == LINEAR:
            yield "w", n["weight"], (cout, cin), None
            if n["bias"]:
                yield "b", n["shift"], (cout,), None
        if kind == SE:
            s = n["squeeze"]
            yield "w1", n["weight"], (s, cin), None
            yield "b1", n["scale"], (s,), None
            yield "w2", n["second"], (cin, s), None
            yield "b2", n["shift"], (cin,), None

    def normalise(self, n, y, gamma, beta):
        return F.batch_norm(y, None, None, gamma, beta, True)

    def node(self, n, t):
        w = {name: self.w[i] for name, i in n["w"].items()}
        x, kind = t[n["src"]], n["kind"]
        if kind in (CONV, DW):
            y = F.conv2d(x, w["w"], None, n["stride"], n["pad"],
                         groups=n["cin"] if kind == DW else 1)
            if n["norm"]:
                y = self.normalise(n, y, w["gamma"], w["beta"])
        elif kind == SE:
            m = x.mean((2, 3))
            m = F.relu(F.linear(m, w["w1"], w["b1"]))
            m = F.hardsigmoid(F.linear(m, w["w2"], w["b2"]))
            return x * m[:, :, None, None]
        elif kind == ADD:
            y = x + t[n["src2"]]
        elif kind == AVG:
            y = F.avg_pool2d(x, n["k"], n["stride"], n["pad"],
                             count_include_pad=False)
        elif kind == GLOBAL:
            return x.mean((2, 3))
        elif kind == LINEAR:
            y = F.linear(x, w["w"], w.get("b"))
        else:
            return ACTS[n["act"]](x)
        y = act(n["act"], y, kind in (CONV, DW))
        return y + t[n["res"]] if n["res"] >= 0 else y

    def forward(self, x):
        t = {0: x}
        for n in self.graph["nodes"]:
            t[n["dst"]] = self.node(n, t)
        return t[self.graph["output"]]


def load(folder, name):
    return np.fromfile(os.path.join(folder, name + ".f32"), np.float32)


def own_order(t, to):
    """Back to the order of the file."""
    t = t.detach()
    if to:
        t = t.permute([to.index(i) for i in range(len(to))])
    return t.contiguous().numpy().ravel()


def differs(name, got, want, limit, least=0.0):
    """Root mean square of the difference over that of what is wanted."""
    error = np.sqrt(np.mean((got - want) ** 2))
    error /= max(np.sqrt(np.mean(np.asarray(want) ** 2)), least, 1e-30)
    if not error <= limit:
        sys.exit(f"{name}: differs by {error:.3g}, more than {limit:g}")
    return error


def compare(folder, net, logits, opt):
    print("logits", differs("logits", load(folder, "logits"),
                            logits.detach().numpy().ravel(), 1e-4))
    # A gradient that normalisation makes zero is noise in both.
    got, worst = load(folder, "grad"), 0
    most = max(float(p.grad.abs().max()) for p in net.w)
    for p, (at, size, to) in zip(net.w, net.where):
        worst = max(worst, differs(f"gradient at {at}", got[at:at + size],
                                   own_order(p.grad, to), 2e-2, 1e-3 * most))
    print("gradients", worst)
    opt.step()
    # What the step added, which is as exact as the gradients are.
    before, after, worst = load(folder, "value"), load(folder, "after"), 0
    for p, (at, size, to) in zip(net.w, net.where):
        was = before[at:at + size].astype(np.float64)
        worst = max(worst, differs(f"update at {at}", after[at:at + size] - was,
                                   own_order(p, to) - was, 2e-2, 1e-4 * most))
    print("values", worst)


def main():
    folder = sys.argv[1]
    with open(os.path.join(folder, "graph.json")) as file:
        graph = json.load(file)
    torch.set_num_threads(int(os.environ.get("THREADS", "2")))
    exact = torch.float32 if len(sys.argv) > 2 else torch.float64
    net = Net(graph, load(folder, "value")).to(exact)
    n, h, c = graph["batch"], graph["h"], graph["c"]
    x = torch.from_numpy(load(folder, "input").reshape(n, h, h, c))
    x = x.permute(0, 3, 1, 2).to(exact)  # channels_last in memory
    target = torch.from_numpy(load(folder, "target").reshape(n, -1)).to(exact)
    rest = [p for p in net.parameters() if p.dim() == 1]
    decayed = [p for p in net.parameters() if p.dim() > 1]
    opt = torch.optim.SGD([{"params": decayed, "weight_decay": 1e-4},
                           {"params": rest, "weight_decay": 0}], lr=0.05,
                          momentum=0.9, nesterov=True)

    def step():
        opt.zero_grad()
        logits = net(x)
        F.cross_entropy(logits, target).backward()
        return logits

    if len(sys.argv) > 2:
        steps, times = int(sys.argv[2]), []
        for _ in range(steps + 2):
            begun = time.perf_counter()
            step()
            opt.step()
            times.append(time.perf_counter() - begun)
        times = times[2:]
        print(f"PyTorch {torch.__version__}  {n / (sum(times) / steps):.1f} "
              f"images/s (best step {n / min(times):.1f})")
        return
    compare(folder, net, step(), opt)


if __name__ == "__main__":
    main()
