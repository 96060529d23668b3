# SPDX-License-Identifier: Apache-2.0
"""LiteRT, whose kernels for processors are XNNPACK's.  The network is written
as a flatbuffer (NHWC) with the schema of LiteRT's own wheel; converters from
PyTorch would bring a second PyTorch along."""
import numpy as np
from peers_graph import Graph


class Writer:
    """A .tflite file of one subgraph, float32."""

    def __init__(self, path, batch):
        from ai_edge_litert import schema_py_generated as schema
        self.s, self.batch = schema, batch
        self.model, self.sub = schema.ModelT(), schema.SubGraphT()
        self.model.version, self.model.subgraphs = 3, [self.sub]
        self.model.buffers = [schema.BufferT()]
        self.model.operatorCodes, self.codes = [], {}
        self.sub.tensors, self.sub.operators = [], []
        self.graph = Graph(path)
        self.at = {}

    def tensor(self, shape, data=None):
        t = self.s.TensorT()
        t.shape, t.type = [int(n) for n in shape], self.s.TensorType.FLOAT32
        t.name, t.buffer = f"t{len(self.sub.tensors)}", 0
        if data is not None:
            if data.dtype == np.int32:
                t.type = self.s.TensorType.INT32
            b = self.s.BufferT()
            b.data = np.frombuffer(np.ascontiguousarray(data).tobytes(),
                                   np.uint8)
            t.buffer = len(self.model.buffers)
            self.model.buffers.append(b)
        self.sub.tensors.append(t)
        return len(self.sub.tensors) - 1

    def constant(self, data):
        return self.tensor(data.shape, data)

    def emit(self, name, inputs, shape, kind=None, **fields):
        """One operator; the index of its result."""
        code = getattr(self.s.BuiltinOperator, name)
        if code not in self.codes:
            c = self.s.OperatorCodeT()
            c.builtinCode, c.version = code, 1
            c.deprecatedBuiltinCode = min(code, 127)
            self.codes[code] = len(self.model.operatorCodes)
            self.model.operatorCodes.append(c)
        op = self.s.OperatorT()
        op.opcodeIndex, op.inputs = self.codes[code], list(inputs)
        op.outputs = [self.tensor(shape)]
        if kind:
            op.builtinOptions = getattr(self.s, kind + "T")()
            op.builtinOptionsType = getattr(self.s.BuiltinOptions, kind)
            for field, value in fields.items():
                setattr(op.builtinOptions, field, value)
        self.sub.operators.append(op)
        return op.outputs[0]

    def fused(self, act):
        kinds = self.s.ActivationFunctionType
        return {"relu": kinds.RELU, "relu6": kinds.RELU6}.get(act,
                                                              kinds.NONE)

    def act(self, x, shape, act):
        """What an operator cannot carry itself."""
        if act == "hswish":
            return self.emit("HARD_SWISH", [x], shape)
        if act == "sigmoid":
            return self.emit("LOGISTIC", [x], shape)
        if act == "hsigmoid":
            y = self.emit(
                "ADD", [x, self.constant(np.full(1, 3, np.float32))], shape,
                "AddOptions", fusedActivationFunction=self.fused("relu6"))
            return self.emit(
                "MUL", [y, self.constant(np.full(1, 1 / 6, np.float32))],
                shape, "MulOptions")
        return x

    def padded(self, op, x, shape):
        """The source, with zeros around it where neither SAME nor VALID is
        what the operator does, and that word."""
        side = shape[1]
        out = -(-side // op.s)
        same = max((out - 1) * op.s + op.k - side, 0)
        if op.p == 0:
            return x, self.s.Padding.VALID
        if same == 2 * op.p:
            return x, self.s.Padding.SAME
        pads = np.array([[0, 0], [op.p] * 2, [op.p] * 2, [0, 0]], np.int32)
        wide = (shape[0], side + 2 * op.p, side + 2 * op.p, shape[3])
        return self.emit("PAD", [x, self.constant(pads)], wide,
                         "PadOptions"), self.s.Padding.VALID

    def conv(self, op, x, shape, act):
        x, padding = self.padded(op, x, shape)
        bias = op.b if op.b is not None else np.zeros(len(op.w), np.float32)
        fields = {"padding": padding, "strideW": op.s, "strideH": op.s,
                  "dilationWFactor": 1, "dilationHFactor": 1,
                  "fusedActivationFunction": self.fused(act)}
        if op.group == 1:
            w = self.constant(op.w.transpose(0, 2, 3, 1))
            return self.emit("CONV_2D", [x, w, self.constant(bias)],
                             nhwc(op.shape), "Conv2DOptions", **fields)
        w = self.constant(op.w.transpose(1, 2, 3, 0))
        return self.emit("DEPTHWISE_CONV_2D", [x, w, self.constant(bias)],
                         nhwc(op.shape), "DepthwiseConv2DOptions",
                         depthMultiplier=1, **fields)

    def plain(self, op, x, shape):
        fuse = {"fusedActivationFunction": self.fused(op.act)}
        if op.kind == "linear":
            bias = op.b if op.b is not None else \
                np.zeros(len(op.w), np.float32)
            return self.emit("FULLY_CONNECTED", [
                x[0], self.constant(op.w), self.constant(bias)], shape,
                "FullyConnectedOptions", **fuse)
        if op.kind == "globalpool":
            return self.emit(
                "MEAN", [x[0], self.constant(np.array([1, 2], np.int32))],
                (shape[0], shape[3]) if op.flat else shape, "ReducerOptions",
                keepDims=not op.flat)
        if op.kind == "avgpool":
            before, padding = self.padded(
                op, x[0], self.sub.tensors[x[0]].shape)
            return self.emit("AVERAGE_POOL_2D", [before], shape,
                             "Pool2DOptions", padding=padding,
                             strideW=op.s, strideH=op.s, filterWidth=op.k,
                             filterHeight=op.k, **fuse)
        if op.kind == "act":
            return self.emit("RELU" if op.act == "relu" else "RELU6", x,
                             shape) if op.act in ("relu", "relu6") else x[0]
        kind = {"add": "Add", "mul": "Mul"}[op.kind]
        return self.emit(op.kind.upper(), x, shape, kind + "Options", **fuse)

    def op(self, op):
        x = [self.at[i] for i in op.inputs]
        shape = nhwc(op.shape)
        if op.kind == "conv":
            act = "none" if op.residual else op.act
            y = self.conv(op, x[0], self.sub.tensors[x[0]].shape, act)
            if op.residual:
                y = self.emit("ADD", [y, self.at[op.residual]], shape,
                              "AddOptions",
                              fusedActivationFunction=self.fused(op.act))
        else:
            y = self.plain(op, x, shape)
        self.at[op.out] = self.act(y, shape, op.act)

    def write(self, path):
        import flatbuffers
        g = self.graph
        self.at[g.input] = self.tensor(nhwc(g.shapes[g.input]))
        for op in g.ops:
            self.op(op)
        self.sub.inputs = [self.at[g.input]]
        self.sub.outputs = [self.at[g.output]]
        builder = flatbuffers.Builder(1 << 20)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        with open(path, "wb") as f:
            f.write(builder.Output())


def nhwc(shape):
    return (shape[0], shape[2], shape[3], shape[1]) if len(shape) == 4 \
        else shape


class Litert:
    DTYPES = ["f32"]
    SETTINGS = "XNNPACK, which the interpreter takes by itself; NHWC"

    @staticmethod
    def prepare(case):
        Writer(case.f32, case.batch).write(case.base + ".tflite")

    @staticmethod
    def load(case, x):
        import importlib.metadata
        from ai_edge_litert.interpreter import Interpreter
        net = Interpreter(case.base + ".tflite", num_threads=case.threads)
        net.allocate_tensors()
        net.set_tensor(net.get_input_details()[0]["index"],
                       np.ascontiguousarray(x.transpose(0, 2, 3, 1)))
        y = net.get_output_details()[0]["index"]

        def result():
            out = net.get_tensor(y)
            return out.transpose(0, 3, 1, 2) if out.ndim == 4 else out
        return (importlib.metadata.version("ai-edge-litert"), net.invoke,
                result)
