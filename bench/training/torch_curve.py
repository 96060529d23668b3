# SPDX-License-Identifier: Apache-2.0
"""CIFAR-10 by PyTorch, from the parameters and by the recipe of chanas.

torch_curve.py FOLDER DATA [EPOCHS [SECONDS]]

FOLDER is what bench/training/engine wrote (its values are those that chanas
begins with, given the same seed), DATA has CIFAR-10's binary batches, plain
or .gz.  The recipe is that of etc/cifar10-x86.ini: SGD with Nesterov's
momentum, half an epoch of warm-up, then a cosine to 0, batches of 64, images
cropped from a border of 4 and flipped, 45,000 of them.  After each epoch it
prints loss and accuracy on the test images; SECONDS ends it early.
"""
import gzip
import json
import math
import os
import pathlib
import sys
import time

import torch
import torch.nn.functional as F

from torch_step import Net, load

RATE, DECAY, BATCH, WARMUP, HELD, PAD = 0.05, 3e-4, 64, 0.5, 5000, 4


class Trained(Net):
    """With running statistics, which answer for single images."""
    def normalise(self, n, y, gamma, beta):
        if "mean" not in n:
            n["mean"] = torch.zeros(n["cout"])
            n["var"] = torch.ones(n["cout"])
        return F.batch_norm(y, n["mean"], n["var"], gamma, beta,
                            self.training)


def images(folder, names):
    raw = b"".join(
        (gzip.open if p.suffix == ".gz" else open)(p, "rb").read()
        for p in sorted(pathlib.Path(folder).glob(names)))
    if not raw:
        sys.exit(f"{folder}: no {names} of CIFAR-10's binary form")
    data = torch.frombuffer(bytearray(raw), dtype=torch.uint8).view(-1, 3073)
    return data[:, 1:].view(-1, 3, 32, 32).float() / 255, data[:, 0].long()


def crop_and_flip(x, black):
    """Each image from a random place of its border, every other flipped."""
    n, c, h, w = x.shape
    wide = black.view(1, c, 1, 1).expand(n, c, h + 2 * PAD, w + 2 * PAD)
    wide = wide.clone()
    wide[:, :, PAD:PAD + h, PAD:PAD + w] = x
    top, left = torch.randint(0, 2 * PAD + 1, (2, n, 1))
    rows = (top + torch.arange(h)).view(n, 1, h, 1).expand(n, c, h, w + 2 * PAD)
    columns = torch.arange(w).expand(n, w).clone()
    flip = torch.rand(n) < 0.5
    columns[flip] = columns[flip].flip(1)
    columns = (left + columns).view(n, 1, 1, w).expand(n, c, h, w)
    return wide.gather(2, rows).gather(3, columns)


def rate_at(step, warmup, steps):
    if step < warmup:
        return RATE * (step + 1) / warmup
    return RATE / 2 * (1 + math.cos(math.pi * (step - warmup) /
                                    (steps - warmup)))


def right(net, x, y):
    net.eval()
    with torch.no_grad():
        n = sum((net(a.contiguous(memory_format=torch.channels_last))
                 .argmax(1) == b).sum().item()
                for a, b in zip(x.split(250), y.split(250)))
    net.train()
    return 100 * n / len(y)


def main():
    folder, data = sys.argv[1], sys.argv[2]
    epochs = int(sys.argv[3]) if len(sys.argv) > 3 else 10
    seconds = float(sys.argv[4] if len(sys.argv) > 4 else "inf")
    torch.manual_seed(1)
    torch.set_num_threads(int(os.environ.get("THREADS", "2")))
    with open(os.path.join(folder, "graph.json")) as file:
        net = Trained(json.load(file), load(folder, "value"))
    x, y = images(data, "data_batch*")
    mean, std = x.mean((0, 2, 3)), x.std((0, 2, 3))
    x = (x - mean.view(1, 3, 1, 1)) / std.view(1, 3, 1, 1)
    test, label = images(data, "test_batch*")
    test = (test - mean.view(1, 3, 1, 1)) / std.view(1, 3, 1, 1)
    used = torch.randperm(len(y))[HELD:]
    opt = torch.optim.SGD(
        [{"params": [p for p in net.w if p.dim() > 1], "weight_decay": DECAY},
         {"params": [p for p in net.w if p.dim() == 1], "weight_decay": 0}],
        lr=RATE, momentum=0.9, nesterov=True)
    each = len(used) // BATCH
    step, began = 0, time.perf_counter()
    for epoch in range(1, epochs + 1):
        loss_sum = 0
        for batch in used[torch.randperm(len(used))][:each * BATCH].split(
                BATCH):
            for group in opt.param_groups:
                group["lr"] = rate_at(step, int(WARMUP * each),
                                      epochs * each)
            opt.zero_grad()
            images_now = crop_and_flip(x[batch], -mean / std)
            loss = F.cross_entropy(net(images_now.contiguous(
                memory_format=torch.channels_last)), y[batch])
            loss.backward()
            opt.step()
            loss_sum += loss.item()
            step += 1
            if time.perf_counter() > began + seconds:
                sys.exit(f"stopped after {step} of {epochs * each} steps, "
                         f"loss {loss.item():.3f}")
        took = time.perf_counter() - began
        print(f"epoch {epoch}  loss {loss_sum / each:.3f}  test "
              f"{right(net, test, label):.2f} %  "
              f"{step * BATCH / took:.0f} images/s", flush=True)


main()
