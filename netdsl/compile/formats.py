"""The formats of compiled files: what each is called, what it takes, and what writes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from netdsl.compile.errors import FormatError, PackagesError
from netdsl.text.fit import listed
from netdsl.text.source import stem

if TYPE_CHECKING:
    from torch import fx

    from netdsl.compile.plan import Plan
    from netdsl.compile.progress import Progress

Writer: TypeAlias = "Callable[[fx.GraphModule, Plan, Path, Mapping[str, str], Progress], None]"
"""Writes the network of a plan into a file, with texts that tell of it. Raises CompileError and OSError."""


@dataclass(frozen=True)
class Format:
    """A row of the table of formats."""

    name: str
    """What `--format` calls it."""
    suffix: str
    reader: str
    """What its files are for."""
    module: str
    """What writes it, within netdsl.compile."""
    refuses: Mapping[str, str]
    """The options that do not go with it, and what a file is instead."""
    packages: Sequence[str] = ()
    """What writes it beyond PyTorch: modules, which are called as their packages are."""
    version: str = ""
    """The version of the format that is written, where it has several."""

    @property
    def write(self) -> Writer:
        """What writes it."""
        return import_module(f"netdsl.compile.{self.module}").write

    def check(self, asked: Sequence[str]) -> None:
        """Raise FormatError for options that do not go with it, PackagesError where what writes it is missing."""
        for option in asked:
            if option in self.refuses:
                raise FormatError(self.name, option, self.refuses[option])
        if missing := [one for one in self.packages if find_spec(one) is None]:
            raise PackagesError(self.name, missing)


OPSET = 20
"""The version of ONNX's operators that files are written in: the first in which GELU is one."""
_PORTABLE = {"mode": "for inference alone", "target": "portable, and made for no target"}
_SOURCE = {
    "mode": "for both modes, as the module's `train()` and `eval()` say",
    "target": "portable, and made for no target",
    "devices": "of no device",
    "weights": "without weights, and its class takes the state dict of a .pt file",
}

FORMATS: Mapping[str, Format] = {
    one.name: one
    for one in (
        Format("torchscript", ".pt", "TorchScript", "archive", {}),
        Format("pt2", ".pt2", "torch.export", "exported", _PORTABLE),
        Format("onnx", ".onnx", "ONNX", "onnx", _PORTABLE | {"devices": "of no device"}, ("onnx",), f"opset {OPSET}"),
        Format("source", ".py", "Python", "source", _SOURCE),
    )
}
"""All formats by name, the usual one first."""
SUFFIXES = {one.suffix: one for one in FORMATS.values()}
ENDINGS = listed([*SUFFIXES], " or ")


def chosen(name: str | None, path: Path | None) -> Format:
    """The format that is named, else that of a path's suffix, else TorchScript. Raises ValueError for no format."""
    if name is None:
        return SUFFIXES.get("" if path is None else path.suffix, FORMATS["torchscript"])
    if name not in FORMATS:
        raise ValueError(f"a format is {listed([*FORMATS], ' or ')}, not {name}")
    return FORMATS[name]


def named(path: str | PathLike[str] | None, format: str | None, source: str) -> tuple[Format, Path]:
    """A format and a path that go together: by default TorchScript, and the stem of the source in the current folder.

    Raises ValueError where the path's suffix is not the format's.
    """
    kind = chosen(format, None if path is None else Path(path))
    file = Path(f"{stem(source)}{kind.suffix}" if path is None else path)
    if file.suffix != kind.suffix:
        told = f"the format {kind.name} writes {kind.suffix}" if format else f"a compiled network is a file {ENDINGS}"
        raise ValueError(f"{path}: {told}")
    return kind, file
