"""Whether a network learns from the weights that it starts from: its loss on 64 pictures, in 50 steps of Adam.

python examples/will_it_learn.py vgg19 default pytorch
"""

import sys

import torch
from torch import nn

import netdsl

SIDE, CLASSES, EXAMPLES, STEPS, BATCH, RATE = 64, 10, 64, 50, 16, 1e-4


def pictures() -> tuple[torch.Tensor, torch.Tensor]:
    """Blurred noise, each picture of one of the classes by chance: they can only be learned by heart."""
    source = torch.Generator().manual_seed(0)
    rough = torch.randn(EXAMPLES, 3, 8, 8, generator=source)
    x = nn.functional.interpolate(rough, size=SIDE, mode="bilinear")
    return (x - x.mean()) / x.std(), torch.randint(CLASSES, (EXAMPLES,), generator=source)


def losses(name: str, init: str) -> tuple[float, float]:
    """The mean loss before and after training; dropout is off."""
    net = netdsl.load(name, inputs=(SIDE, SIDE, 3), classes=CLASSES)
    module, loss = net.module(init=init, logits=True), net.loss()
    for part in module.modules():
        if isinstance(part, nn.Dropout):
            part.p = 0.0
    x, y = pictures()
    optimizer = torch.optim.Adam(module.parameters(), lr=RATE)
    torch.manual_seed(0)
    seen = []
    for step in range(STEPS):
        chosen = torch.arange(BATCH) + step * BATCH % EXAMPLES
        found = loss(module(x[chosen]), y[chosen])
        optimizer.zero_grad()
        found.backward()
        optimizer.step()
        seen.append(found.item())
    turn = EXAMPLES // BATCH
    return sum(seen[:turn]) / turn, sum(seen[-turn:]) / turn


if __name__ == "__main__":
    name, *inits = sys.argv[1:]
    for init in inits or ["default", "pytorch"]:
        before, after = losses(name, init)
        print(f"{name} from {init}: loss {before:.3f} -> {after:.3f}", flush=True)
