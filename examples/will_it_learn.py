"""Whether a network learns from the weights that it starts from: its loss on 64 pictures, in 50 steps of Adam at most.

    python examples/will_it_learn.py vgg19 default pytorch

Each step has 16 of the pictures; it ends where the mean loss of four steps is half of what it was before the first one.
"""

import sys

import torch
from torch import nn

import netdsl

SIDE, CLASSES, EXAMPLES, BATCH, STEPS, RATE = 64, 10, 64, 16, 50, 3e-5
ROUND = EXAMPLES // BATCH


def pictures() -> tuple[torch.Tensor, torch.Tensor]:
    """Blurred noise, each picture of one of the classes by chance: they can only be learned by heart."""
    source = torch.Generator().manual_seed(0)
    rough = torch.randn(EXAMPLES, 3, 8, 8, generator=source)
    x = nn.functional.interpolate(rough, size=SIDE, mode="bilinear")
    return (x - x.mean()) / x.std(), torch.randint(CLASSES, (EXAMPLES,), generator=source)


def learns(name: str, init: str) -> str:
    """How the mean loss goes, without dropout."""
    net = netdsl.load(name, inputs=(SIDE, SIDE, 3), classes=CLASSES)
    module, loss = net.module(init=init, logits=True), net.loss()
    for part in module.modules():
        if isinstance(part, nn.Dropout):
            part.p = 0.0
    x, y = pictures()
    optimizer = torch.optim.Adam(module.parameters(), lr=RATE)
    with torch.no_grad():
        before = loss(module(x), y).item()
    seen: list[float] = []
    for step in range(STEPS):
        chosen = torch.arange(BATCH) + step * BATCH % EXAMPLES
        found = loss(module(x[chosen]), y[chosen])
        optimizer.zero_grad()
        found.backward()
        optimizer.step()
        seen.append(found.item())
        if sum(seen[-ROUND:]) / ROUND < before / 2 and step >= ROUND:
            break
    after = sum(seen[-ROUND:]) / ROUND
    return f"loss {before:.2f} -> {after:.2f} in {len(seen)} steps"


if __name__ == "__main__":
    name, *inits = sys.argv[1:]
    for init in inits or ["default", "pytorch"]:
        print(f"{name} from {init}: {learns(name, init)}", flush=True)
