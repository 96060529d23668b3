# SPDX-License-Identifier: Apache-2.0
# Top-1 of once-for-all sub-networks with inherited weights, in PyTorch, for
# etc/spaces/ofa-mbv3-w1.2.ini:  command = python3 -u @supernet.py VAL-FOLDER
# Needs torch, torchvision and ofa; the folder holds one folder per class.
import json
import sys

import torch
from ofa.imagenet_classification.elastic_nn.utils import set_running_statistics
from ofa.model_zoo import ofa_net
from torchvision import datasets, transforms as t

device = "cuda" if torch.cuda.is_available() else "cpu"
supernet = ofa_net("ofa_mbv3_d234_e346_k357_w1.2", pretrained=True)
answers, sys.stdout = sys.stdout, sys.stderr  # stray prints go to the log


def loader(size, images, first):
    data = datasets.ImageFolder(sys.argv[1], t.Compose([
        t.Resize(int(size / 0.875)), t.CenterCrop(size), t.ToTensor(),
        t.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])]))
    order = torch.randperm(len(data), generator=torch.manual_seed(0)).tolist()
    part = torch.utils.data.Subset(data, order[first:first + images])
    return torch.utils.data.DataLoader(part, batch_size=100, num_workers=4)


for line in sys.stdin:
    request = json.loads(line)
    knob = request["knobs"]
    slots = [f"{s}.{i}" for s in range(1, 6) for i in range(1, 5)]
    supernet.set_active_subnet(ks=[knob.get("k" + s, 3) for s in slots],
                               e=[knob.get("e" + s, 3) for s in slots],
                               d=[knob[f"d{s}"] for s in range(1, 6)])
    net = supernet.get_active_subnet(preserve_weight=True).to(device).eval()
    set_running_statistics(net, loader(knob["resolution"], 2000, 0))
    with torch.no_grad():
        right = [(net(x.to(device)).argmax(1).cpu() == y).float().mean()
                 for x, y in loader(knob["resolution"], 5000, 2000)]
    print(json.dumps({"id": request["id"], "accuracy": 100 * float(
        torch.stack(right).mean())}), file=answers, flush=True)
