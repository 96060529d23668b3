# SPDX-License-Identifier: Apache-2.0
"""What other runtimes need on this GPU for the networks of gpu.sh.

gpu_peers.py CODE: CSV lines network,batch,dtype,runtime,ms, where CODE names
a network of NAS-Bench-Macro.  Random weights: only time is asked for.  Times
are medians of 30 batches of 50 runs, by the wall clock up to where the GPU is
idle, with inputs on the GPU.
"""
import io
import statistics
import sys
import time

import onnxruntime
import torch
from torch import nn


def mobile(cin, cout, stride, expand, kernel):
    mid = cin * expand
    layers = [nn.Conv2d(cin, mid, 1), nn.ReLU()]
    layers += [nn.Conv2d(mid, mid, kernel, stride, kernel // 2, groups=mid),
               nn.ReLU(), nn.Conv2d(mid, cout, 1)]
    return nn.Sequential(*layers)


class Residual(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return x + self.inner(x)


def macro(code):
    """As etc/spaces/nas-bench-macro.ini has it."""
    layers = [nn.Conv2d(3, 32, 3, 1, 1), nn.ReLU()]
    cin, at = 32, 0
    for cout, depth, stride in ((64, 2, 2), (128, 3, 2), (256, 3, 2)):
        for i in range(depth):
            s = stride if i == 0 else 1
            choice, at = int(code[at]), at + 1
            if choice == 0 and s == 1:
                continue
            if choice == 0:
                block = nn.Conv2d(cin, cout, 1, s)
            else:
                block = mobile(cin, cout, s, 3 if choice == 1 else 6,
                               3 if choice == 1 else 5)
                if s == 1:
                    block = Residual(block)
            layers.append(block)
            cin = cout
    layers += [nn.Conv2d(cin, 1280, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
               nn.Flatten(), nn.Linear(1280, 10)]
    return nn.Sequential(*layers)


def networks(code):
    import torchvision
    yield "mobilenet-v2", 224, torchvision.models.mobilenet_v2()
    yield "mobilenet-v3-large", 224, torchvision.models.mobilenet_v3_large()
    yield "nas-bench-macro", 32, macro(code)


def clock(run):
    """Wall clock: onnxruntime has a stream of its own."""
    for _ in range(10):
        run()
    times, repeat = [], 50
    for _ in range(30):
        torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(repeat):
            run()
        torch.cuda.synchronize()
        times.append(1e3 * (time.perf_counter() - start) / repeat)
    return statistics.median(times)


def through_torch(net, x, dtype):
    kind = torch.bfloat16 if dtype == "bf16" else torch.float32
    net = net.eval().cuda().to(kind).to(memory_format=torch.channels_last)
    x = x.to(kind).to(memory_format=torch.channels_last)
    with torch.inference_mode():
        yield "torch-eager", clock(lambda: net(x))
        fast = torch.compile(net, mode="max-autotune")
        yield "torch-compile", clock(lambda: fast(x))


def through_onnx(net, x, dtype):
    if dtype == "bf16":
        return
    file = io.BytesIO()
    torch.onnx.export(net.eval().cpu().float(), (x.cpu().float(),), file,
                      input_names=["x"], output_names=["y"], dynamo=False)
    session = onnxruntime.InferenceSession(file.getvalue(), providers=[
        ("CUDAExecutionProvider", {"enable_cuda_graph": "1",
                                   "use_tf32": str(int(dtype == "tf32"))})])
    if session.get_providers()[0] != "CUDAExecutionProvider":
        sys.exit("onnxruntime did not take the GPU")
    binding = session.io_binding()
    value = onnxruntime.OrtValue.ortvalue_from_numpy(
        x.cpu().float().numpy(), "cuda", 0)
    binding.bind_ortvalue_input("x", value)
    binding.bind_output("y", "cuda")
    yield "onnxruntime", clock(
        lambda: session.run_with_iobinding(binding))


def main():
    if not torch.cuda.is_available():
        sys.exit("torch sees no GPU")
    print(torch.__version__, onnxruntime.__version__,
          torch.cuda.get_device_name(), file=sys.stderr)
    for name, size, net in networks(sys.argv[1]):
        for batch in (1, 64):
            x = torch.randn(batch, 3, size, size, device="cuda")
            for dtype in ("f32", "tf32", "bf16"):
                torch.backends.cuda.matmul.allow_tf32 = dtype == "tf32"
                torch.backends.cudnn.allow_tf32 = dtype == "tf32"
                for through in (through_torch, through_onnx):
                    for runtime, ms in through(net, x, dtype):
                        print(f"{name},{batch},{dtype},{runtime},{ms:.5f}",
                              flush=True)


if __name__ == "__main__":
    main()
