"""Run a compiled network once on random input: `python examples/run_compiled.py vgg16.pt`.

It needs torch alone, and not netdsl: a compiled file says itself what it takes and gives.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Iterator

import torch
from torch import Tensor


def tensors(result: Tensor | tuple[Tensor, ...]) -> Iterator[Tensor]:
    """The outputs of a network: one tensor, or a named tuple of several."""
    if isinstance(result, Tensor):
        yield result
    else:
        yield from result


def main(path: str) -> None:
    """Load the file, run it, print the shapes and the time."""
    warnings.filterwarnings("ignore", ".*torch.jit")  # PyTorch has deprecated TorchScript, and says so at each call
    about = dict.fromkeys(("title.txt", "inputs.json", "outputs.json"), "")
    network = torch.jit.load(path, _extra_files=about)
    inputs: dict[str, list[int]] = json.loads(about["inputs.json"])
    outputs: dict[str, list[int]] = json.loads(about["outputs.json"])

    # netdsl writes the channels last, PyTorch takes them first.
    batch = [torch.rand(1, dims[-1], *dims[:-1]) for dims in inputs.values()]
    start = time.perf_counter()
    with torch.inference_mode():
        result = network(*batch)
    seconds = time.perf_counter() - start

    title = about["title.txt"]
    print(f"{title.decode() if isinstance(title, bytes) else title}: one run in {seconds * 1000:.0f} ms")
    for name, tensor in zip(inputs, batch, strict=True):
        print(f"  takes {name}: {'x'.join(map(str, tensor.shape))}")
    for name, tensor in zip(outputs, tensors(result), strict=True):
        print(f"  gives {name}: {'x'.join(map(str, tensor.shape))}")


if __name__ == "__main__":
    main(*sys.argv[1:])
