"""How long recovered programs are: `python tests/recovered.py [programs] [corpora] [onnx] [torchvision]` prints tables.

Programs of ours, all bundled and valid ones, are compared with their authors', which are counted with what they use
and without facts and claims. All are compared with their flat form, a line for each layer, both with the claims that
importing gives: in signs of the language (words, numbers, brackets, arrows), in characters and in lines. Without
arguments it takes all that is installed here; torchvision's models come in as modules, and take minutes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

from test_recover import PROGRAMS, forgotten, length, words

import netdsl
from netdsl import recover
from netdsl.graph.listing import listing
from netdsl.interchange import entry
from netdsl.interchange.flat import Flat
from netdsl.text import printer
from netdsl.text.diagnostic import NetError, Report
from netdsl.text.parse import parse
from netdsl.text.source import Source
from netdsl.text.tree import Meta

CORPORA = Path(__file__).parent / "interchange"
SIZES = {"lenet": "28x28x1", "mnist_siamese": "28x28x1", "mnist_autoencoder": "28x28x1", "alexnet": "227x227x3"}
"""What files are given that do not say how large their input is; others, 224x224x3."""


@dataclass(frozen=True)
class Row:
    """A program: its signs, those of its author's if it has one, and its shares of the flat form."""

    name: str
    signs: int
    author: int | None
    flat: int
    shares: tuple[float, float, float]
    seconds: float

    def __str__(self) -> str:
        author = f"{self.author:6} {self.signs / self.author:6.2f}" if self.author else " " * 13
        shares = " ".join(f"{share:6.2f}" for share in self.shares)
        return f"{self.name:40} {self.signs:6} {author} {self.flat:6} {shares} {self.seconds:6.2f}"


COLUMNS = ("signs", "author", "ratio", "flat", "signs", "chars", "lines", "s")
HEADING = f"{'program':40} {' '.join(f'{column:>6}' for column in COLUMNS)}"


def signs(text: str) -> int:
    """The signs of a program, its claims among them."""
    statements = parse(Source(text, "network.net"), Report()).statements
    return sum(len(printer.tokens(one)) for one in statements if not isinstance(one, Meta))


def row(name: str, recovered: str, flat: str, seconds: float, author: int | None = None) -> Row:
    """How long a program is beside its flat form, both with claims, and beside its author's without."""
    shares = (signs(recovered) / signs(flat), len(recovered) / len(flat), recovered.count("\n") / flat.count("\n"))
    return Row(name, length(recovered) if author else signs(recovered), author, signs(flat), shares, seconds)


def programs() -> Iterator[Row]:
    """All bundled programs and all that hold what the language means, without their names."""
    for path in PROGRAMS:
        bare = forgotten(netdsl.load(path))
        start = process_time()
        text = recover.text(bare.shaped)
        spent = process_time() - start
        claims = "".join(f"{line}\n" for line in text.splitlines() if line.startswith("expect"))
        yield row(path.stem, text, f"{netdsl.format(listing(bare.shaped.graph))}{claims}", spent, words(path))


def imports(name: str, read: Callable[[], Flat]) -> Iterator[Row]:
    """What comes of a foreign network; nothing where it cannot be said."""
    try:
        flat = read()
        start = process_time()
        found = entry.imported(flat)
        spent = process_time() - start
        yield row(name, found.text, entry.imported(flat, flat_form=True).text, spent)
    except NetError as error:
        sys.stdout.write(f"{name:40} no: {error.errors[0].message}\n")


def file(path: Path) -> Flat:
    """A file, with a size of its input where it says none."""
    try:
        return entry.read(path)
    except NetError:
        dims = tuple(map(int, SIZES.get(path.stem, "224x224x3").split("x")))
        return entry.read(path, inputs={"": dims})


def corpora() -> Iterator[Row]:
    """Files of Caffe and Darknet that others published."""
    for path in sorted([*CORPORA.glob("*/*.prototxt"), *CORPORA.glob("*/*.cfg")]):
        yield from imports(f"{path.parent.name}/{path.stem}", lambda path=path: file(path))


def onnx() -> Iterator[Row]:
    """The networks that the package `onnx` brings along."""
    found = find_spec("onnx")
    assert found is not None
    assert found.origin is not None
    for path in sorted((Path(found.origin).parent / "backend" / "test" / "data" / "light").glob("*.onnx")):
        yield from imports(path.stem, lambda path=path: entry.read(path))


def torchvision() -> Iterator[Row]:
    """Torchvision's models for classification, segmentation and video."""
    import torch
    import torchvision_models
    from torchvision_imports import sizes

    from netdsl.interchange.normal import flat
    from netdsl.interchange.torch import live, reader

    models: Any = torchvision_models.load()
    for room in (models, models.segmentation, models.video):
        for name in models.list_models(module=room):
            how: dict[str, Any] = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
            how |= {"weights_backbone": None} if room is models.segmentation else {}
            model = models.get_model(name, weights=None, **how).eval()
            x = torch.randn(1, *sizes(name, model))
            yield from imports(name, lambda model=model, x=x: flat(reader.primitives(live.read(model, [x]))))


def main() -> None:
    rooms = {"programs": programs, "corpora": corpora, "onnx": onnx, "torchvision": torchvision}
    names = sys.argv[1:] or [name for name in rooms if name in ("programs", "corpora") or find_spec(name)]
    rows: list[Row] = []
    for name in names:
        sys.stdout.write(f"\n{name}\n{HEADING}\n")
        told: list[Row] = []
        for one in rooms[name]():
            sys.stdout.write(f"{one}\n")
            sys.stdout.flush()
            told.append(one)
        summed(name, told)
        rows += told if name != "programs" else []
    if rows:
        summed("all of others", rows)


def summed(name: str, rows: Sequence[Row]) -> None:
    """Print the medians of some."""
    medians = [f"{median(one.shares[at] for one in rows):.3f} of the {what}" for at, what in enumerate(COLUMNS[4:7])]
    sys.stdout.write(f"{name}, {len(rows)}: in the median {', '.join(medians)} of the flat form\n")
    if authors := [one.signs / one.author for one in rows if one.author]:
        sys.stdout.write(f"of their authors' {median(authors):.2f} in the median, {max(authors):.2f} at most\n")


if __name__ == "__main__":
    main()
