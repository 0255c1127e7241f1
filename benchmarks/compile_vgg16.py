"""How long `netdsl compile vgg16` takes beside a script that initialises as many parameters and saves them.

    python benchmarks/compile_vgg16.py [ROUNDS]

Both are whole processes, run in turn; the figure is the ratio of their medians.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BASELINE = """
import sys
import torch
from torch import nn

layers, channels = [], 3
for repeats, width in ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)):
    for _ in range(repeats):
        layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
        channels = width
    layers.append(nn.MaxPool2d(2))
layers += [nn.Flatten(), nn.Linear(25088, 4096), nn.ReLU(), nn.Dropout()]
layers += [nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 1000), nn.Softmax(1)]
torch.save(nn.Sequential(*layers).state_dict(), sys.argv[1])
"""


def seconds(command: list[str]) -> float:
    """How long a process runs."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main(rounds: int) -> None:
    """Time both, and print a line a round and the medians."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "baseline.py"
        script.write_text(BASELINE, encoding="utf-8")
        commands = {
            "baseline": [sys.executable, str(script), f"{folder}/baseline.pth"],
            "netdsl": [sys.executable, "-m", "netdsl", "compile", "vgg16", "-o", f"{folder}/vgg16.pt"],
        }
        for command in commands.values():
            seconds(command)
        times: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(rounds):
            for name, command in commands.items():
                times[name].append(seconds(command))
            print("   ".join(f"{name} {measured[-1]:.2f} s" for name, measured in times.items()), flush=True)
    medians = {name: statistics.median(measured) for name, measured in times.items()}
    print("medians:", "   ".join(f"{name} {median:.2f} s" for name, median in medians.items()))
    print(f"ratio: {medians['netdsl'] / medians['baseline']:.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 9)
