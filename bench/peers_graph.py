# SPDX-License-Identifier: Apache-2.0
"""An exported network (ONNX, see peers_net.py) as a short list of operators
with what belongs to them folded in: bias, activation, residual addition.  The
adapters that build a network by hand start here."""
import dataclasses
import numpy as np
import onnx
from onnx import numpy_helper

ACTS = {"Relu": "relu", "Clip": "relu6", "HardSwish": "hswish",
        "HardSigmoid": "hsigmoid", "Sigmoid": "sigmoid"}


@dataclasses.dataclass
class Op:
    """kind: conv (depthwise where group > 1), linear, globalpool, avgpool,
    add, mul, act.  residual: a tensor that is added before the activation."""
    kind: str
    inputs: list
    out: str
    w: np.ndarray = None  # OIHW, or OI
    b: np.ndarray = None
    k: int = 0
    s: int = 1
    p: int = 0
    group: int = 1
    act: str = "none"
    residual: str = None
    shape: tuple = ()  # NCHW of the result
    flat: bool = False  # a globalpool that only linear layers read


class Graph:
    def __init__(self, path):
        model = onnx.shape_inference.infer_shapes(onnx.load(path))
        g = model.graph
        self.constants = {c.name: numpy_helper.to_array(c)
                          for c in g.initializer}
        self.shapes = {v.name: tuple(d.dim_value
                                     for d in v.type.tensor_type.shape.dim)
                       for v in [*g.value_info, *g.input, *g.output]}
        self.input, self.output = g.input[0].name, g.output[0].name
        self.ops = [op for op in map(self.op, g.node) if op]
        self.fold()
        for op in self.ops:
            op.flat = op.kind == "globalpool" and all(
                o.kind == "linear" for o in self.ops if op.out in o.inputs)

    def op(self, node):
        a = {x.name: onnx.helper.get_attribute_value(x)
             for x in node.attribute}
        inputs = [i for i in node.input if i not in self.constants]
        more = [self.constants[i] for i in node.input if i in self.constants]
        op = Op("act", inputs, node.output[0],
                shape=self.shapes.get(node.output[0], ()))
        if node.op_type == "Conv":
            op.kind, op.w = "conv", more[0]
            op.k, op.s, op.p = (a["kernel_shape"][0] if "kernel_shape" in a
                                else more[0].shape[2],
                                a.get("strides", [1])[0],
                                a.get("pads", [0])[0])
            op.group = a.get("group", 1)
        elif node.op_type == "Gemm":
            op.kind, op.w = "linear", more[0]
        elif node.op_type == "AveragePool":
            op.kind, op.k, op.s, op.p = ("avgpool", a["kernel_shape"][0],
                                         a["strides"][0], a["pads"][0])
        elif node.op_type in ("GlobalAveragePool", "Add", "Mul"):
            op.kind = {"GlobalAveragePool": "globalpool"}.get(
                node.op_type, node.op_type.lower())
        elif node.op_type in ("Flatten", "Identity"):
            op.kind = "same"
        else:
            op.act = ACTS[node.op_type]
        if op.w is not None:
            op.b = more[1] if len(more) > 1 else None
        return op

    def fold(self):
        names, kept = {}, []
        for op in self.ops:  # what changes nothing
            op.inputs = [names.get(i, i) for i in op.inputs]
            if op.kind == "same":
                names[op.out] = op.inputs[0]
            else:
                kept.append(op)
        self.ops, self.output = kept, names.get(self.output, self.output)
        self.fold_kind(lambda op: op.kind == "act",
                       lambda p: p.w is not None and p.residual is None
                       and p.act == "none")
        self.fold_kind(lambda op: op.kind == "add",
                       lambda p: p.kind == "conv" and p.act == "none"
                       and p.residual is None)
        self.fold_kind(lambda op: op.kind == "act",
                       lambda p: (p.residual or p.kind == "add")
                       and p.act == "none")

    def uses(self, tensor):
        return sum((op.inputs + [op.residual]).count(tensor)
                   for op in self.ops) + (tensor == self.output)

    def fold_kind(self, wanted, fits):
        """Operators that are the only reader of the one right before."""
        made, kept = {}, []
        for op in self.ops:
            last = max((made[i] for i in op.inputs if i in made), default=-1)
            before = kept[last] if last >= 0 else None
            if wanted(op) and before and fits(before) and \
                    self.uses(before.out) == 1:
                others = [i for i in op.inputs if i != before.out]
                before.residual = others[0] if others else before.residual
                before.act, before.out = (
                    op.act if op.act != "none" else before.act), op.out
                made[op.out] = last
            else:
                made[op.out] = len(kept)
                kept.append(op)
        self.ops = kept

    def flops(self):
        return sum(2 * op.w[0].size * np.prod(op.shape) for op in self.ops
                   if op.w is not None)
