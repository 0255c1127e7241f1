"""What can be wrong with a compilation whose network is well, as data; `str` gives a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from netdsl.measure import units
from netdsl.text.fit import listed

_MOST_NAMES = 10
_MOST_TWINS = 4


class CompileError(Exception):
    """A compilation that was asked for and cannot be had."""


@dataclass(eq=False)
class UnknownDeviceError(CompileError):
    """A device that torch does not know, or this machine does not have."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"device {self.name}: {self.reason}"


@dataclass(eq=False)
class DeviceCountError(CompileError):
    """Fewer or more devices than the logical ones that the network uses."""

    given: Sequence[str]
    wanted: int

    def __str__(self) -> str:
        uses = "1 device" if self.wanted == 1 else f"{self.wanted} devices"
        return f"the network uses {uses}, but {len(self.given)} given: {', '.join(self.given)}"


@dataclass(eq=False)
class ClassNamesError(CompileError):
    """Names of classes that are not one for each class."""

    given: Sequence[str]
    channels: int

    def __str__(self) -> str:
        twice = [name for place, name in enumerate(self.given) if name in self.given[:place]]
        if twice:
            return f"two classes are called {twice[0]}"
        return f"the first output tells {self.channels} classes apart, but {len(self.given)} are named"


@dataclass(eq=False)
class UnreadableWeightsError(CompileError):
    """A file that holds no tensors by name."""

    path: Path | str
    reason: str

    def __str__(self) -> str:
        return f"{self.path} holds no weights: {self.reason}"


@dataclass(frozen=True)
class Reshaped:
    """A tensor with another shape in the file than in the network, or a module whose tensor has one."""

    name: str
    wanted: tuple[int, ...]
    found: tuple[int, ...]
    theirs: str = ""
    """What the file calls it, where that is known to be another."""

    def __str__(self) -> str:
        told = f"{self.name} ({_dims(self.found)}, not {_dims(self.wanted)})"
        return f"{told}: {self.theirs} in the file" if self.theirs not in ("", self.name) else told


def _dims(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "a scalar"


@dataclass(eq=False)
class WeightsMismatchError(CompileError):
    """Tensors or modules of a file that do not fit the network: it lacks them, or has others, of another type too."""

    path: Path | str
    missing: Sequence[str]
    extra: Sequence[str]
    reshaped: Sequence[Reshaped]
    unmeant: Mapping[str, str] = field(default_factory=dict[str, str])
    """What cannot be a weight by name, and what it is."""
    near: Mapping[str, str] = field(default_factory=dict[str, str])
    """What in the file may be meant, of what is missing."""
    help: str = "the file must hold exactly the network's tensors; --weights-map says what others are called"

    def __str__(self) -> str:
        near = self.near
        missing = [f"{name}; the file has {near[name]}" if name in near else name for name in self.missing]
        unmeant = [f"{name} ({what})" for name, what in self.unmeant.items()]
        return _rows(
            f"{self.path} does not fit the network",
            {"missing": missing, "extra": self.extra, "another shape": self.reshaped, "no weight": unmeant},
        )


def _rows(title: str, rows: Mapping[str, Sequence[object]]) -> str:
    """A title, and rows of several kinds below it, of which there may be many."""
    lines = [title]
    for what, names in rows.items():
        lines += [f"  {what}: {name}" for name in names[:_MOST_NAMES]]
        if len(names) > _MOST_NAMES:
            lines.append(f"  {what}: … and {len(names) - _MOST_NAMES} more")
    return "\n".join(lines)


@dataclass(frozen=True)
class Twins:
    """Modules of one shape: those of the network, and those of the file, of which each may be any."""

    ours: tuple[str, ...]
    theirs: tuple[str, ...]
    shape: str

    def __str__(self) -> str:
        return f"{_some(self.ours, ' and ')} may be {_some(self.theirs, ' or ')}"


def _some(names: Sequence[str], last: str) -> str:
    """A few names, and how many more there are."""
    more = len(names) - _MOST_TWINS
    return listed([*names[:_MOST_TWINS], f"{more} more"] if more > 0 else names, last)


@dataclass(eq=False)
class WeightsOrderError(CompileError):
    """A file whose modules stand in another order than the network's where equal ones are near."""

    path: Path | str
    twins: Sequence[Twins]
    help = "write the branches in the file's order, or say by --weights-map which is which"

    def __str__(self) -> str:
        title = f"{self.path} has modules of equal shape in another order than the network: which is which is not known"
        return _rows(title, {one.shape: [one] for one in self.twins[:_MOST_NAMES]})


@dataclass(eq=False)
class WeightsMapError(CompileError):
    """A map of names that cannot be read, or speaks of what is not there; `line` counts from 1."""

    path: Path
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.reason}"


@dataclass(eq=False)
class ScriptError(CompileError):
    """A module that TorchScript refuses; `path` is its place in the module tree, "" for the data flow itself."""

    path: str
    kind: str
    reason: str

    def __str__(self) -> str:
        return f"TorchScript refuses {self.kind} at {self.path or 'the root'}: {self.reason}"


@dataclass(eq=False)
class ExportError(CompileError):
    """A module that an exporter refuses; `path` is its place in the module tree, "" for the network as a whole."""

    path: str
    kind: str
    reason: str
    by: str = "torch.export"
    place: str = ""
    """Where the program has its layer, and what it has there."""

    def __str__(self) -> str:
        what = f"{self.kind} at {self.path}" if self.path else "the network"
        what += f" ({self.place})" if self.place else ""
        return f"{self.by} refuses {what}: {self.reason}"


@dataclass(eq=False)
class FormatError(CompileError):
    """A file that was asked for with an option that its format refuses; `what` says what it is instead."""

    format: str
    option: str
    what: str

    def __str__(self) -> str:
        return f"{'an' if self.format == 'onnx' else 'a'} {self.format} file is {self.what}"


@dataclass(eq=False)
class SourceError(CompileError):
    """A layer of a package, whose source is the package's."""

    path: str
    keyword: str

    def __str__(self) -> str:
        return (
            f"{self.keyword} at {self.path} is a package's, and PyTorch source is written of netdsl's own layers alone"
        )


@dataclass(eq=False)
class PackagesError(CompileError):
    """A file that was asked for where packages are not installed which write its format."""

    format: str
    packages: Sequence[str]

    def __str__(self) -> str:
        verb = "is" if len(self.packages) == 1 else "are"
        return f"an {self.format} file is written by {listed(self.packages, ' and ')}, which {verb} not installed"


@dataclass(eq=False)
class SizeError(CompileError):
    """A network with more weights than a file of a format holds."""

    format: str
    size: int
    most: int

    def __str__(self) -> str:
        return f"an {self.format} file holds {units.size(self.most)}, and the weights take {units.size(self.size)}"


@dataclass(eq=False)
class TargetError(CompileError):
    """A target whose files PyTorch cannot make, as it was built here."""

    target: str
    missing: str

    def __str__(self) -> str:
        return f"PyTorch was built without {self.missing} here, which files for --target {self.target} are made of"


@dataclass(eq=False)
class TargetDeviceError(CompileError):
    """A device that files for a target are not for."""

    target: str
    device: str

    def __str__(self) -> str:
        return f"a file for --target {self.target} has no layers on {self.device}; --target portable runs on any"
