"""How torchvision's models come in: `python tests/torchvision_imports.py [--outputs] [--page PAGE.md] [NAME…]`.

Without names all models for classification, segmentation and video. Each is imported as a module: parameters are
compared with those that it uses, multiply-adds with what PyTorch counts as it runs, words of the recovered program with
those of the flat form, in both the `expect` lines among them; with `--outputs` the program computes what it did.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import torch
import torchvision_models
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import netdsl
from netdsl.interchange.entry import Imported, imported
from netdsl.interchange.torch import live, proof, reader, said
from netdsl.interchange.torch.program import Program
from netdsl.text.diagnostic import NetError

LARGE = {"inception_v3": (299, 299)}
NO_PARAMETERS = ("googlenet", "inception_v3")
"""Models whose making takes a minute where their weights are initialised."""
ROOMS = {"": "Classification", "segmentation": "Segmentation", "video": "Video"}


@dataclass(frozen=True)
class Row:
    """A model, and what came of it."""

    name: str
    why: str = ""
    """Why it did not come in."""
    params: tuple[int, int] = (0, 0)
    """Those of the program, and those that the module uses."""
    macs: tuple[int, int] = (0, 0)
    words: tuple[int, int] = (0, 0)
    """Those of the recovered program, and those of the flat form."""
    far: float | None = None
    """How far outputs are apart, of the largest."""
    spent: float = 0

    @property
    def ratio(self) -> float:
        return self.words[0] / self.words[1]

    def cells(self) -> Sequence[str]:
        if self.why:
            return [self.name, f"no: {self.why}", "", "", "", ""]
        counts = [
            f"{ours:,}" if ours == theirs else f"{ours:,} of {theirs:,}" for ours, theirs in (self.params, self.macs)
        ]
        far = "" if self.far is None else f"{self.far:.0e}" if self.far else "0"
        return [self.name, *counts, far, f"{self.words[0]:,} of {self.words[1]:,}", f"{self.ratio:.2f}"]


def sizes(name: str, model: nn.Module) -> tuple[int, ...]:
    """The input that a model is for: pictures of 224x224, or 16 of them."""
    if "video" in type(model).__module__:
        return (3, 16, 224, 224) if name.startswith(("mvit", "swin3d", "s3d")) else (3, 16, 112, 112)
    return (3, *LARGE.get(name, (224, 224)))


def made(models: Any, name: str) -> nn.Module:
    """A model with weights of its own making, none of which are zeros alone: a head that gives zeros is no proof."""
    torch.manual_seed(0)
    how: dict[str, Any] = {"init_weights": False} if name in NO_PARAMETERS else {}
    if "segmentation" in models.get_model_builder(name).__module__:
        how["weights_backbone"] = None
    model = models.get_model(name, weights=None, **how).eval()
    for one in model.parameters():
        if not one.any():
            nn.init.normal_(one, std=0.02)
    return model


def row(models: Any, name: str, outputs: bool) -> Row:
    """What comes of a model."""
    model = made(models, name)
    x = torch.randn(1, *sizes(name, model))
    start = time.process_time()
    try:
        program = live.read(model, [x])
        found = imported(said.flat(program))
    except NetError as error:
        return Row(name, reason(error))
    spent = time.process_time() - start
    flat = imported(found.flat, flat_form=True).text
    far = apart(model, found, x) if outputs else None
    return Row(
        name,
        "",
        (found.totals.params, used(program)),
        (found.totals.macs, counted(model, x)),
        (len(found.text.split()), len(flat.split())),
        far,
        spent,
    )


def reason(error: NetError) -> str:
    """Why a network does not come in: the first reason, and how many others there are."""
    words = dict.fromkeys(one.message.partition(" cannot be said: ")[2] or one.message for one in error.errors)
    return next(iter(words))


def used(program: Program) -> int:
    """The parameters that a module uses in inference."""
    return sum(program.tensors[name].size for name in reader.used(program))


def counted(model: nn.Module, x: Tensor) -> int:
    """Multiply-adds as PyTorch counts them; the model's weights are gone afterwards."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.to("meta")(x.to("meta"))
    return int(counter.get_total_flops()) // 2


def apart(model: nn.Module, found: Imported, x: Tensor) -> float:
    """How far the outputs of the program are from those of the model, of the largest."""
    network = netdsl.loads(found.text).module().eval()
    missing = network.load_state_dict(dict(proof.tensors(found)), strict=False).missing_keys
    assert all(name.endswith("num_batches_tracked") for name in missing), missing
    with torch.no_grad():
        theirs, ours = model(x.clone()), network(x)
    several = list(theirs.values()) if isinstance(theirs, dict) else [theirs]
    given = [ours] if isinstance(ours, Tensor) else list(ours)
    assert len(given) == len(several)
    return max(float((a - b).abs().max() / b.abs().max()) for a, b in zip(given, several, strict=True))


def summary(rows: Sequence[Row]) -> str:
    """How many come in, with what."""
    come = [one for one in rows if not one.why]
    equal = sum(one.params[0] == one.params[1] and one.macs[0] == one.macs[1] for one in come)
    text = f"{len(come)} of {len(rows)} come in, {equal} of them with equal parameters and multiply-adds"
    if any(one.far is not None for one in come):
        text += f", and outputs within {max(one.far or 0 for one in come):.0e} of the largest"
    ratio = median(one.ratio for one in come) if come else 1
    return f"{text}; their programs have {ratio:.2f} of the words of the flat form in the median"


_HEAD = """\
<!-- Written by `python tests/torchvision_imports.py --outputs --page docs/torchvision.md`. -->

# torchvision's models, imported

Each model of torchvision {torchvision} for classification, segmentation and video, imported as a module by
PyTorch {torch}: {summary}.

Parameters are those that the model uses in inference, multiply-adds those that PyTorch counts for one example: 224x224,
for Inception v3 299x299, for video 16 pictures of 224x224 or 112x112. Where the model has another figure, it
stands behind *of*. Outputs are those of the program with the model's weights for random numbers: how far they are from
the model's, of the largest. Words are those of the program, `expect` lines included, and of the flat form, which has a
line for each layer.
"""


def page(rooms: Mapping[str, Sequence[Row]]) -> str:
    """The rows as a page."""
    rows = [one for several in rooms.values() for one in several]
    versions = {name: version(name).partition("+")[0] for name in ("torchvision", "torch")}
    lines = [_HEAD.format(**versions, summary=summary(rows))]
    for title, several in rooms.items():
        lines += [f"## {title}", "", "| model | parameters | multiply-adds | outputs differ by | words | ratio |"]
        lines += ["|---|---|---|---|---|---|"]
        lines += [*(f"| {' | '.join(one.cells())} |" for one in several if not one.why), ""]
    lines += ["## What cannot be said", "", "| model | why |", "|---|---|"]
    lines += [f"| {one.name} | {one.why} |" for one in rows if one.why]
    return "\n".join([*lines, ""])


def told(rows: Iterable[Row]) -> list[Row]:
    """Rows, each shown as it is there."""
    found: list[Row] = []
    for one in rows:
        name, *cells = one.cells()
        sys.stdout.write(f"{name:32} {', '.join(filter(None, cells))}{'' if one.why else f', {one.spent:.1f} s'}\n")
        sys.stdout.flush()
        found.append(one)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--outputs", action="store_true")
    parser.add_argument("--page", type=Path)
    given = parser.parse_args()
    models = torchvision_models.load()
    torch.backends.mha.set_fastpath_enabled(False)  # whose products are not counted
    rooms: dict[str, list[Row]] = {}
    for room, title in ROOMS.items():
        names = models.list_models(module=getattr(models, room) if room else models)
        chosen = [name for name in names if not given.names or name in given.names]
        if chosen:
            rooms[title] = told(row(models, name, given.outputs) for name in chosen)
    sys.stdout.write(f"{summary([one for several in rooms.values() for one in several])}\n")
    if given.page:
        given.page.write_text(page(rooms), encoding="utf-8")


if __name__ == "__main__":
    main()
