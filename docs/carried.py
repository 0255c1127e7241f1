"""What of other formats carries over: tables for the pages of importing, made by reading a layer or operator each.

`docs/carried_rows.py` says what stands in a source; the readers say what it becomes, or why it cannot be said.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
from contextlib import chdir, redirect_stdout
from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from carried_rows import CAFFE, DARKNET, MODULES, ONNX, Op, Row

from netdsl.interchange import entry, normal
from netdsl.interchange.caffe import ends
from netdsl.interchange.caffe import rules as caffe
from netdsl.interchange.caffe.reading import reading as read_caffe
from netdsl.interchange.darknet import rules as darknet
from netdsl.interchange.darknet.reading import reading as read_darknet
from netdsl.interchange.flat import Flat, ForeignError
from netdsl.interchange.primitives import Operator, Primitives
from netdsl.layers.source import Input
from netdsl.text import safe
from netdsl.text.source import Source

DOCS = Path(__file__).parent
ROOT = DOCS.parent
_MADE = re.compile(r"^(<!-- carried (\w+) -->)\n(?:\|.*\n|`.*\n)*", re.MULTILINE)
_PROGRAM = re.compile(r"^(<!-- program of (\S+) -->)\n(?:```net\n(?s:.*?)^```\n)?", re.MULTILINE)
_PYTHON = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def page(path: Path) -> str:
    """What a page has to be whose tables and programs are made."""
    text = path.read_text(encoding="utf-8")
    text = _MADE.sub(lambda found: "\n".join([found[1], *_part(found[2]), ""]), text)
    return _PROGRAM.sub(lambda found: _program(found, text[: found.start()]), text)


def _program(found: re.Match[str], before: str) -> str:
    """A program that is recovered: of a file of the tests, or of what the page's own Python made before."""
    name = found[2]
    if name.endswith(".onnx") and find_spec("onnx") is None:
        return found[0]
    path = next((ROOT / "tests" / "interchange").rglob(name), Path(name))
    with TemporaryDirectory() as folder, chdir(folder), redirect_stdout(StringIO()):
        names: dict[str, Any] = {}
        for code in _PYTHON.findall(before) if not path.is_absolute() else ():
            if ">>>" not in code:
                exec(compile(code, "page", "exec"), names)
        text = names[name].text if name in names else entry.imported(entry.read(path)).text
    return f"{found[1]}\n```net\n{text}```\n"


def _part(name: str) -> list[str]:
    """A part of a page: `caffe` is what carries over, `caffe_refused` what does not."""
    if name == "operators":
        from netdsl.interchange.torch.reader import RULES

        return textwrap.wrap(", ".join(f"`{name}`" for name in sorted(RULES) if not name.startswith("_")) + ".", 150)
    if name == "ends":
        kinds = {kind: layer or "" for kind, layer in ends.MEASURES.items()}
        told = [
            (f"`{kind}`", f"`{layer}`, unless another layer reads the same" if layer else "")
            for kind, layer in kinds.items()
        ]
        told += [(f"`{kind}`", why) for kind, why in ends.LEFT.items()]
        return ["| | |", "|---|---|", *(f"| {kind} | {why} |" for kind, why in told)]
    source, _, refused = name.partition("_")
    rows = _rows(source)
    if refused:
        said = [(there, why) for there, here, why in rows if not here]
        return ["| | |", "|---|---|", *(f"| {safe.code(there)} | {why} |" for there, why in said)]
    told = [row for row in rows if row[1]]
    return ["| there | here | |", "|---|---|---|", *(f"| {safe.code(a)} | {safe.code(b)} | {c} |" for a, b, c in told)]


@cache
def _rows(source: str) -> list[tuple[str, str, str]]:
    """What stands there, what it is here, and a note; what cannot be said is nothing here, with the reason."""
    return [*_SOURCES[source]()]


def _read(there: str, note: str, read: Callable[[], Flat], before: int = 0) -> tuple[str, str, str]:
    try:
        items = [item for item in read().items[before:] if not isinstance(item.layer, Input)]
    except ForeignError as error:
        left, _, why = error.errors[0].message.partition(" cannot be said: ")
        return (there, "", why) if why else (there, "…", f"with what it needs: {left}")  # until a row says it
    return there, " -> ".join(item.layer.written for item in items) or "SKIP", note


def _caffe() -> Iterator[tuple[str, str, str]]:
    known = {row.kind for row in CAFFE}
    for row in (*CAFFE, *(Row(kind) for kind in (*caffe.RULES, *caffe.UNSAID) if kind not in known)):
        sizes = {"a": "4x9x9", **dict(one.split(":") for one in row.before.split())}
        lines = ['name: "x"']
        for name, dims in sizes.items():
            shape = " ".join(f"dim: {size}" for size in ("1", *dims.split("x")))
            lines.append(f'input: "{name}" input_shape {{ {shape} }}')
        read = " ".join(f'bottom: "{name}"' for name in sizes)
        lines.append(f'layer {{ name: "y" type: "{row.kind}" {read} top: "y" {row.given} }}')
        source = Source("\n".join(lines), "x.prototxt")
        there = re.sub(r"\b\w+_param ", "", f"{row.kind} {row.given}", count=1).rstrip()
        yield _read(there, row.note, lambda: read_caffe(source))  # noqa: B023 - called at once


def _darknet() -> Iterator[tuple[str, str, str]]:
    known = {row.kind for row in DARKNET}
    for row in (*DARKNET, *(Row(kind) for kind in darknet.RULES if kind not in known)):
        if row not in DARKNET and darknet.RULES[row.kind] in (darknet.RULES[kind] for kind in known):
            continue  # another word for one of these
        start = f"[net]\nheight=9\nwidth=9\nchannels=4\n{row.before}"
        before = len(read_darknet(Source(start, "x.cfg")).items) if row.before else 1
        source = Source("\n".join([f"{start}[{row.kind}]", *row.given.split(), ""]), "x.cfg")
        yield _read(f"[{row.kind}] {row.given}".rstrip(), row.note, lambda: read_darknet(source), before)  # noqa: B023


def _onnx() -> Iterator[tuple[str, str, str]]:
    known = {one.kind for one in ONNX} | {one for one in normal.RULES if one.startswith("Adaptive")}  # PyTorch's
    for one in (*ONNX, *(Op(kind) for kind in normal.RULES if kind not in known)):
        read = ["x"] * one.reads + ["" if given == "" else f"c{at}" for at, given in enumerate(one.given)]
        constants = {f"c{at}": _constant(given) for at, given in enumerate(one.given) if given != ""}
        gives = [f"y{at}" for at in range(one.outputs)]
        operators = [Operator(one.kind, tuple(read), tuple(gives), one.how, "y")]
        if one.sequence:  # which exporters put before the batch, and back
            operators = [
                Operator("Transpose", ("x",), ("t",), {"perm": [1, 0, 2]}),
                replace(operators[0], inputs=("t", *read[1:])),
                Operator("Squeeze", (gives[0], "axes"), ("s",)),
                Operator("Transpose", ("s",), ("z",), {"perm": [1, 0, 2]}),
            ]
            constants["axes"], gives = np.array([1]), ["z"]
        dims, outputs = {"x": one.dims}, tuple([(name, name) for name in gives])
        network = Primitives("x", "x", "x", tuple(operators), dims, outputs, dims, constants)
        shown = ["x"] * one.reads + ["×".join(map(str, g)) if isinstance(g, tuple) else str(g) for g in one.given]
        how = "".join(f" {name}={value}" for name, value in one.how.items())
        there = f"{one.kind}({', '.join(filter(None, shown))}){how}"
        yield _read(there, one.note, lambda: normal.flat(network))  # noqa: B023 - called at once


def _constant(given: object) -> Any:
    """A weight of some dims, which vary so that none is all equal; or a list, as whole numbers."""
    if isinstance(given, tuple):
        return np.linspace(0.5, 1.5, int(np.prod(given)), dtype=np.float32).reshape(given)
    found = np.array(given)
    return found if found.dtype.kind == "i" else found.astype(np.float32)


def _pytorch() -> Iterator[tuple[str, str, str]]:
    for row in MODULES:
        yield _read(row.kind, row.note, lambda: _exported(row.kind, row.before or "x"))  # noqa: B023 - called at once


def _exported(text: str, read: str) -> Flat:
    """What an expression of PyTorch is: of a module, or of a tensor: a map x, vectors s, or one of them v."""
    import torch
    from torch import nn
    from torch.nn import functional

    from netdsl.interchange.torch import live, reader

    names = {"nn": nn, "F": functional, "torch": torch}
    inputs = {"x": torch.zeros(2, 4, 8, 8), "s": torch.zeros(1, 10, 16), "v": torch.zeros(2, 24)}

    class Module(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = eval(text, names) if text.startswith("nn.") else None

        def forward(self, value: torch.Tensor) -> Any:
            if self.inner is None:
                return eval(text, {**names, read: value})
            found = self.inner(*[value] * (3 if isinstance(self.inner, nn.MultiheadAttention) else 1))
            return found[0] if isinstance(found, tuple) else found

    return normal.flat(reader.primitives(live.read(Module(), [inputs[read]])))


_SOURCES: Mapping[str, Callable[[], Iterator[tuple[str, str, str]]]] = {
    "caffe": _caffe,
    "darknet": _darknet,
    "onnx": _onnx,
    "pytorch": _pytorch,
}


PAGES = ("README.md", *(f"docs/{name}.md" for name in ("from-caffe", "from-darknet", "from-onnx", "from-pytorch")))
"""The pages that have such parts."""


if __name__ == "__main__":
    for name in PAGES:
        (ROOT / name).write_text(page(ROOT / name), encoding="utf-8")
