#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""train.py FOLDER [STEPS]: trains a NAS-Bench-Macro network on CIFAR-10 in
FOLDER (binary batches, plain or .gz) and answers its accuracy on held-out
images.  In the INI: plugin = exec, command = python3 @train.py FOLDER 200"""
import gzip, json, pathlib, sys
import torch
from torch import nn

torch.manual_seed(1)
torch.set_num_threads(2)
STEPS = int(sys.argv[2]) if len(sys.argv) > 2 else 200
raw = b"".join((gzip.open if p.suffix == ".gz" else open)(p, "rb").read()
               for p in sorted(pathlib.Path(sys.argv[1]).glob("data_batch*")))
data = torch.frombuffer(bytearray(raw), dtype=torch.uint8).view(-1, 3073)
X, Y = data[:, 1:].view(-1, 3, 32, 32).float() / 127.5 - 1, data[:, 0].long()
HELD = len(Y) // 10


def conv(i, o, k, s=1, g=1, act=True):
    return nn.Sequential(nn.Conv2d(i, o, k, s, k // 2, 1, g, False),
                         nn.BatchNorm2d(o), nn.ReLU() if act else nn.Identity())

class Block(nn.Module):
    def __init__(self, i, o, s, choice):
        super().__init__()
        k, m = ((3, i * 3), (5, i * 6))[choice - 1]
        self.f, self.add = nn.Sequential(conv(i, m, 1), conv(m, m, k, s, m),
            conv(m, o, 1, 1, 1, False)), s == 1 and i == o
    def forward(self, x):
        return x + self.f(x) if self.add else self.f(x)

def network(code):
    layers, c = [conv(3, 32, 3)], 32
    for n, choice in enumerate(code):
        o, s = (64, 128, 256)[(n > 1) + (n > 4)], 1 + (n in (0, 2, 5))
        if choice != "0" or s == 2:  # identity: a 1 x 1 where shapes change
            layers.append(Block(c, o, s, int(choice)) if choice != "0" else
                          conv(c, o, 1, s, 1, False))
        c = o
    return nn.Sequential(*layers, conv(c, 1280, 1), nn.AdaptiveAvgPool2d(1),
                         nn.Flatten(), nn.Linear(1280, 10))

for line in sys.stdin:
    ask = json.loads(line)
    net = network(ask["code"])
    opt = torch.optim.SGD(net.parameters(), 0.05, 0.9, nesterov=True)
    for step in range(STEPS):
        i = torch.randint(HELD, len(Y), (64,))
        opt.zero_grad()
        nn.functional.cross_entropy(net(X[i]), Y[i]).backward()
        opt.step()
    net.eval()
    with torch.no_grad():
        right = sum((net(x).argmax(1) == y).sum().item() for x, y in
                    zip(X[:HELD].split(256), Y[:HELD].split(256)))
    print(json.dumps({"id": ask["id"], "accuracy": 100 * right / HELD}),
          flush=True)
