"""How many of torchvision's models come in: `python tests/torchvision_imports.py [--outputs] [NAME…]` prints a table.

Without names all models for classification, segmentation and video. Parameters are compared with those that the
module uses, multiply-adds with what PyTorch counts as it runs; with `--outputs` it runs both, and compares these too.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

import torch
import torchvision_models
from test_import_onnx import module
from torch.utils.flop_counter import FlopCounterMode

import netdsl
from netdsl.interchange.flat import graph
from netdsl.interchange.normal import flat
from netdsl.interchange.torch import live, reader
from netdsl.text.diagnostic import NetError

LARGE = {"inception_v3": (299, 299), "vit_h_14": (224, 224)}


def sizes(name: str, model: Any) -> tuple[int, ...]:
    """The input that a model is for: pictures of 224x224, or 16 of them."""
    if "video" in type(model).__module__:
        return (3, 16, 224, 224) if name.startswith(("mvit", "swin3d", "s3d")) else (3, 16, 112, 112)
    return (3, *LARGE.get(name, (224, 224)))


def row(models: Any, name: str, outputs: bool) -> str:
    """A line of the table: what is equal, or why the model does not come in."""
    torch.manual_seed(0)
    how: dict[str, Any] = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    if "segmentation" in models.get_model_builder(name).__module__:
        how["weights_backbone"] = None
    model = models.get_model(name, weights=None, **how).eval()
    x = torch.randn(1, *sizes(name, model))
    for one in model.parameters():
        if not one.any():  # a head that gives zeros is no proof
            torch.nn.init.normal_(one, std=0.02)
    start = time.process_time()
    try:
        program = live.read(model, [x])
        found = flat(reader.primitives(program))
        network = netdsl.from_graph(graph(found))
    except NetError as error:
        words = dict.fromkeys(one.message.partition(" cannot be said: ")[2] or one.message for one in error.errors)
        return f"{name:32} no: {len(error.errors)} of {next(iter(words))}"
    spent = time.process_time() - start
    totals = network.summary().totals
    params = sum(program.tensors[name].size for name in reader.used(program))
    words: list[str] = []
    if outputs:
        with torch.no_grad():
            wanted, given = model(x.clone()), module(network, found)(x)
        first = next(iter(wanted.values())) if isinstance(wanted, dict) else wanted
        ours = given if isinstance(given, torch.Tensor) else given[0]
        words.append(f"outputs differ by {float((ours - first).abs().max() / first.abs().max()):.0e}")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.to("meta")(x.to("meta"))  # where attention is counted, too
    macs = counter.get_total_flops() // 2
    words[:0] = [
        f"parameters {'equal' if totals.params == params else f'{totals.params:,} of {params:,}'}",
        f"multiply-adds {'equal' if totals.macs == macs else f'{totals.macs:,} of {macs:,}'}",
    ]
    return f"{name:32} {', '.join(words)}, {len(found.items)} layers, {spent:.1f} s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--outputs", action="store_true")
    given = parser.parse_args()
    models = torchvision_models.load()
    torch.backends.mha.set_fastpath_enabled(False)  # whose products are not counted
    rooms = [models, models.segmentation, models.video]
    names = given.names or [name for room in rooms for name in models.list_models(module=room)]
    lines: list[str] = []
    for name in names:
        lines.append(row(models, name, given.outputs))
        sys.stdout.write(f"{lines[-1]}\n")
        sys.stdout.flush()
    come = sum(" no: " not in line for line in lines)
    sys.stdout.write(
        f"{come} of {len(lines)} come in, {sum(line.count(' equal') > 1 for line in lines)} with equal counts\n"
    )


if __name__ == "__main__":
    main()
