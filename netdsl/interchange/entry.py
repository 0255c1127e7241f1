"""From a file of another format to its program: read, recovered, and held against what was read."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netdsl import recover
from netdsl.graph import exchange
from netdsl.graph.node import ShapedGraph
from netdsl.interchange.flat import Flat, ForeignError, ForeignMistake, at_node, graph, sayable
from netdsl.interchange.gathering import Inputs
from netdsl.interchange.mistakes import TooMuch
from netdsl.interchange.primitives import stored
from netdsl.layers.shape import Shape
from netdsl.measure import expect
from netdsl.measure.costs import Totals
from netdsl.measure.measured import Measured
from netdsl.text import foreign
from netdsl.text.diagnostic import Diagnostic, Report
from netdsl.text.fit import listed

if TYPE_CHECKING:
    from numpy.typing import NDArray

Path_ = str | os.PathLike[str]
MOST_REPEATED = 2**30
"""Values of weights that a file has by repeating others: seven times those of the largest models kept so, VGG-19s."""


class FormatError(ValueError):
    """A file of no format that is read, or one that is read otherwise than asked; `help` says what to do."""

    def __init__(self, message: str, help: str = "") -> None:
        super().__init__(message)
        self.help = help
        if help:
            self.add_note(f"help: {help}")


class MissingPackage(FormatError):
    """A package that reads a format is not installed; `extra` is what of netdsl brings it."""

    def __init__(self, package: str, extra: str, what: str) -> None:
        super().__init__(f"{what} is read by {package}, which is not installed", f"pip install 'netdsl[{extra}]'")


class OtherCount(ForeignMistake, code="expectation-failed"):
    """What a file counts by its own rules, and the program otherwise."""

    what: str
    theirs: int
    ours: int
    words = "the file has {theirs:,} {what} by its own count, and the program {ours:,}"
    advice = "--partial writes the program all the same, with its own figures"


class NotFound(ForeignMistake, code="expectation-failed"):
    """What was made is the program of another network."""

    words = "no program was found that makes this network"


@dataclass(frozen=True)
class Format:
    """A format that is read: what it is called, how, and what weights lie beside such a file."""

    name: str
    read: Callable[[Path, Path | None, Inputs], Flat]
    weights: str = ""


def _caffe(path: Path, weights: Path | None, inputs: Inputs) -> Flat:
    from netdsl.interchange import caffe

    return caffe.read(path, weights=weights, inputs=inputs)


def _darknet(path: Path, weights: Path | None, inputs: Inputs) -> Flat:
    from netdsl.interchange import darknet

    return darknet.read(path, weights=weights, inputs=inputs)


def _onnx(path: Path, weights: Path | None, inputs: Inputs) -> Flat:
    from netdsl.interchange import normal
    from netdsl.interchange.onnx import reader

    for package in reader.PACKAGES:
        if find_spec(package) is None:
            raise MissingPackage(package, "onnx", "an ONNX model")
    return normal.flat(reader.read(path, {name: Shape.of(dims) for name, dims in inputs.items()}))


def _torch(path: Path, weights: Path | None, inputs: Inputs) -> Flat:
    from netdsl.interchange.torch import file, said

    if inputs:
        raise FormatError(
            f"{path}: a program of torch.export has the sizes of its example, and no others",
            "export the module anew with another example",
        )
    return said.flat(file.read(path))


READERS: Mapping[str, Format] = {
    ".onnx": Format("ONNX", _onnx),
    ".prototxt": Format("Caffe", _caffe, ".caffemodel"),
    ".cfg": Format("Darknet", _darknet, ".weights"),
    ".pt2": Format("PyTorch", _torch),
}
"""What is read, by suffix."""

_MODULE = "netdsl.from_torch(module, sizes) takes the module, and torch.export.save writes it as a .pt2"
_BINARY = "where it is an ONNX model as text: onnx.save(onnx.load(path), 'x.onnx') writes it as one"
_CONVERTED = "tf2onnx writes it as .onnx"
_INSTEAD = {
    ".py": _MODULE,
    ".ckpt": _MODULE,
    ".net": "it is a program already",
    ".caffemodel": "name the .prototxt, beside which it lies",
    ".weights": "name the .cfg, beside which it lies",
    ".pt": _MODULE,
    ".pth": _MODULE,
    ".safetensors": "it holds weights and no network; netdsl compile --weights takes it",
    ".onnxtxt": _BINARY,
    ".textproto": _BINARY,
    ".onnxjson": _BINARY,
    ".ort": "it is for onnxruntime alone; import the .onnx that it was made of",
    ".pb": _CONVERTED,
    ".tflite": _CONVERTED,
    ".h5": _CONVERTED,
    ".keras": _CONVERTED,
}
"""What to do with files that others may mean."""


def read(path: Path_, *, weights: Path_ | None = None, inputs: Inputs | None = None) -> Flat:
    """The network of a file, whose format its suffix tells, or else what stands in it.

    `weights` names a file of weights, where it does not lie beside the other under its name; `inputs` has sizes by the
    names of inputs, or by "" for the only one: sizes first, channels last. Raises ForeignError with all that cannot be
    said, FormatError for what is no such file, and OSError.
    """
    file = Path(path)
    with file.open("rb") as opened:
        start = opened.read(foreign.BEGINNING)
    format = READERS.get(file.suffix.lower()) or _by_content(file, start)
    if weights is not None and not format.weights:
        raise FormatError(f"{weights}: weights of {format.name} are in the file itself")
    return format.read(file, None if weights is None else Path(weights), inputs or {})


def _by_content(path: Path, start: bytes) -> Format:
    """The format of a file whose suffix tells none, by how it begins. Raises FormatError."""
    suffix = path.suffix.lower()
    if suffix not in _INSTEAD:
        suffix = foreign.suffix(start)
        if suffix in READERS:
            return READERS[suffix]
    known = f"{listed(list(READERS))} are read"
    what = f"{path.suffix} is no format that is read" if path.suffix else "its name says no format"
    raise FormatError(f"{path}: {what}", _INSTEAD.get(suffix) or known)


@dataclass(frozen=True)
class Imported:
    """A foreign network and its program, which were held against each other."""

    flat: Flat
    shaped: ShapedGraph
    """What the program makes."""
    text: str
    paths: Mapping[str, str]
    """The path of each item in the program."""
    warnings: tuple[Diagnostic, ...] = ()

    @property
    def format(self) -> str:
        """The format that it came from."""
        return self.flat.source.partition(":")[0]

    @cached_property
    def totals(self) -> Totals:
        """What the program costs."""
        return Measured(self.shaped).totals

    @cached_property
    def weights(self) -> Mapping[str, NDArray[Any]]:
        """The tensors that the file has, by the names of the program's state dict, as they lie in the file.

        Those of NORMALIZE, which are its arguments, are among them, as they are in a state dict. Raises ForeignError
        where the file repeats a few values so often that they would fill a disk.
        """
        import numpy as np

        from netdsl.compile.plan import Plan
        from netdsl.layers.norm import Normalize

        values = [value for item in self.flat.items for value in item.weights.values()]
        repeated = sum(value.size for value in values if stored(value) < value.size)
        if repeated > MOST_REPEATED:
            many = TooMuch("values of weights that the file does not hold", repeated, MOST_REPEATED)
            raise ForeignError([Diagnostic(many, at_node(self.flat.source, "", self.flat.title))])
        modules = Plan(self.shaped, train=True).modules
        owners = {node.path: node.owner for node in self.shaped.nodes}
        found = {
            f"{modules[owners[self.paths[item.name]]]}.{name}": value
            for item in self.flat.items
            for name, value in item.weights.items()
        }
        for node in self.shaped.nodes:
            if isinstance(node.layer, Normalize):
                for name, numbers in (("mean", node.layer.mean), ("std", node.layer.std)):
                    found[f"{modules[node.owner]}.{name}"] = np.array([float(one) for one in numbers], np.float32)
        return found

    @cached_property
    def lacking(self) -> Sequence[str]:
        """The items whose weights the file does not have."""
        nodes, shaped = {node.path: node for node in self.shaped.nodes}, self.shaped
        filled = {nodes[self.paths[item.name]].owner for item in self.flat.items if item.weights}
        numbers = {node.path: index for index, node in enumerate(shaped.nodes)}
        found: list[str] = []
        for item, path in self.paths.items():
            weights = nodes[path].layer.weights(*shaped.input_shapes(numbers[path]))
            found += [item] * (bool(weights) and nodes[path].owner not in filled)
        return found


def part(error: ForeignError) -> Flat:
    """What can be said of a network, with a line on what cannot; there is some of it."""
    assert error.partial is not None
    first, more = error.errors[0], len(error.errors) - 1
    lines = [error.partial.source, f"in part: {first.message}{f', and {more} more' * bool(more)}"]
    return replace(error.partial, source="\n".join(lines))


def imported(flat: Flat, *, flat_form: bool = False, partial: bool = False) -> Imported:
    """A foreign network as a program: with blocks and repeats recovered, or in the flat form a line for each layer.

    Its figures are claimed as the source counts them. Raises ForeignError where they are others, unless a `partial`
    program will do, and where the program is not the network's.
    """
    report = Report()
    names = sayable(flat)
    shaped, nodes = exchange.read(graph(flat, names), report)
    if shaped is None:
        raise ForeignError(report.diagnostics())
    called = {item: nodes[name] for item, name in names.items() if name in nodes}
    if not partial:
        _count(shaped, flat)
    first, *_ = flat.source.splitlines()
    name = f"<{Path(first.partition(': ')[2]).stem}>"
    found = None
    if not flat_form:
        shaped = recover.nested(shaped)
        scopes = {called[item.name]: item.scope for item in flat.items if item.name in called}
        found = recover.recovered(shaped, scopes=scopes, comment=flat.source, name=name)
    if found is None:
        found = recover.listed(shaped, comment=flat.source, name=name)
    if found is None:
        raise ForeignError([Diagnostic(NotFound(), at_node(flat.source, "", flat.title))])
    told = Report()
    expect.prove(found.shaped, told)
    if told.failed:
        raise ForeignError(told.diagnostics())
    paths = {item: found.paths[path] for item, path in called.items()}
    return Imported(flat, found.shaped, found.text, paths, found.warnings)


def _count(shaped: ShapedGraph, flat: Flat) -> None:
    """Hold a network's figures against its source's own, where it has some. Raises ForeignError."""
    totals = Measured(shaped).totals
    counts = [("parameters", flat.params, totals.params), ("multiply-adds", flat.macs, totals.macs)]
    differ = [OtherCount(what, theirs, ours) for what, theirs, ours in counts if theirs is not None and theirs != ours]
    if differ:
        place = at_node(flat.source, "", flat.title)
        raise ForeignError([Diagnostic(one, place) for one in differ])
