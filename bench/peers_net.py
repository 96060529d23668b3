# SPDX-License-Identifier: Apache-2.0
"""An exported network (net.c, weights.bin) as ONNX, parameters included.

net.c calls the kernels in order and names each one's workload; tensors are
places in an arena, so a place stands for what was last written there."""
import re
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ACTS = {"relu": "Relu", "hswish": "HardSwish"}


class Net:
    def __init__(self, folder):
        self.nodes, self.constants, self.count = [], [], 0
        self.weights = np.fromfile(f"{folder}/weights.bin", "<f4")
        self.at = 0
        self.read(open(f"{folder}/net.c").read())

    def name(self, kind):
        self.count += 1
        return f"{kind}{self.count}"

    def constant(self, array):
        name = self.name("w")
        self.constants.append(numpy_helper.from_array(
            np.ascontiguousarray(array), name))
        return name

    def take(self, *shape):
        size = int(np.prod(shape))
        part = self.weights[self.at:self.at + size].reshape(shape)
        self.at += size
        return self.constant(part)

    def add(self, op, inputs, **attributes):
        out = self.name("t")
        self.nodes.append(helper.make_node(op, inputs, [out], **attributes))
        return out

    def act(self, x, act):
        if act == "none":
            return x
        if act == "relu6":
            return self.add("Clip", [x, self.constant(np.float32(0)),
                                     self.constant(np.float32(6))])
        if act == "hsigmoid":
            return self.add("HardSigmoid", [x], alpha=1 / 6, beta=0.5)
        if act == "swish":
            return self.add("Mul", [x, self.add("Sigmoid", [x])])
        return self.add(ACTS[act], [x])

    def conv(self, x, c, f, out, group):
        k = int(f["k"])
        inputs = [x, self.take(out, c // group, k, k)]
        if "b" in f:
            inputs.append(self.take(out))
        return self.add("Conv", inputs, kernel_shape=[k, k], group=group,
                        strides=[int(f["s"])] * 2, pads=[int(f["p"])] * 4)

    def squeeze(self, x, c, q):
        w1, b1, w2, b2 = (self.take(q, c, 1, 1), self.take(q),
                          self.take(c, q, 1, 1), self.take(c))
        y = self.add("GlobalAveragePool", [x])
        y = self.add("Relu", [self.add("Conv", [y, w1, b1])])
        y = self.act(self.add("Conv", [y, w2, b2]), "hsigmoid")
        return self.add("Mul", [x, y])

    def op(self, text, tensors):
        """One operator of a block's key: kind:field,field,...,xSRC[,SRC2]."""
        kind, fields = text.split(":", 1)
        f, act, sources = {}, "none", []
        for part in fields.split(","):
            if part in ("none", "relu6", "hsigmoid", "swish", *ACTS):
                act = part
            elif m := re.fullmatch(r"x?(\d+)", part):
                sources.append(int(m[1]))
            elif m := re.fullmatch(r"([a-z])(\d*)", part):
                f[m[1]] = m[2]
        x, c = tensors[sources[0]]
        if kind == "conv":
            c, y = int(f["o"]), self.conv(x, c, f, int(f["o"]), 1)
        elif kind == "dw":
            y = self.conv(x, c, f, c, c)
        elif kind == "se":
            y = self.squeeze(x, c, int(f["q"]))
        elif kind == "add":
            y = self.add("Add", [x, tensors[sources[1]][0]])
        elif kind == "globalpool":
            y = self.add("GlobalAveragePool", [x])
        elif kind == "avgpool":
            k = int(f["k"])
            y = self.add("AveragePool", [x], kernel_shape=[k, k],
                         strides=[int(f["s"])] * 2, pads=[int(f["p"])] * 4)
        elif kind == "linear":
            inputs = [self.add("Flatten", [x]), self.take(int(f["o"]), c)]
            if "b" in f:
                inputs.append(self.take(int(f["o"])))
            c, y = int(f["o"]), self.add("Gemm", inputs, transB=1)
        elif kind == "act":
            y = self.add("Identity", [x]) if act == "none" else x
        else:
            raise ValueError(f"operator {kind} of {text}")
        return self.act(y, act), c

    def block(self, key, x, before):
        dtype, batch, shape, *ops = key.split("/")
        accumulates = ops[-1] == "acc"
        h, w, c = map(int, shape[1:].split("x"))
        if x is None:
            self.shape = [int(batch[1:]), c, h, w]
            x = "x"
        tensors = [(x, c)]
        start = self.at
        for op in ops[:len(ops) - accumulates]:
            tensors.append(self.op(op, tensors))
        if dtype == "i8":  # ranges follow
            self.at += len(tensors) - 1
        assert self.at > start or all(o[0] in "aig" for o in ops), key
        y = tensors[-1][0]
        return self.add("Add", [before, y]) if accumulates and before else y

    def read(self, text):
        keys = {m[2]: m[1] for m in re.finditer(
            r"/\* ([a-z0-9]+/n\d+/i\S+) \*/\nsize_t (\w+)_packed", text)}
        place = {"in": None}
        last = None
        body = text[text.index("(const float *in, float *out"):]
        for m in re.finditer(r"^  (\w+?)(?:_team)?\(([^,]+), ([^,]+), packed",
                             body, re.M):
            symbol, source, target = m.groups()
            last = self.block(keys[symbol], place[source], place.get(target))
            place[target] = last
        self.output = last
        assert self.at == len(self.weights), (self.at, len(self.weights))

    def save(self, path):
        info = helper.make_tensor_value_info
        graph = helper.make_graph(
            self.nodes, "net", [info("x", TensorProto.FLOAT, self.shape)],
            [info(self.output, TensorProto.FLOAT, None)], self.constants)
        model = helper.make_model(graph, opset_imports=[
            helper.make_opsetid("", 14)])
        model.ir_version = 8
        onnx.save(model, path)
        shape = [d.dim_value for d in onnx.shape_inference.infer_shapes(
            model).graph.output[0].type.tensor_type.shape.dim]
        self.result = shape + [1] * (4 - len(shape))
