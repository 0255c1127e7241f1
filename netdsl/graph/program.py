"""A program: a file, what it uses, its params and its blocks."""

from __future__ import annotations

from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TypeVar

from netdsl import resources
from netdsl.graph import names
from netdsl.graph.evaluate import UNKNOWN, Environment, Known, Unknown, compute
from netdsl.graph.fault import Fault
from netdsl.layers.arguments import Value
from netdsl.text import foreign, tree
from netdsl.text.advice import perhaps
from netdsl.text.diagnostic import Diagnostic, Report
from netdsl.text.finding import Related
from netdsl.text.mistake import Mistake
from netdsl.text.parse import parse
from netdsl.text.shown import Line
from netdsl.text.source import Source, Span
from netdsl.text.suggest import closest

T = TypeVar("T")

MAX_USES = 100
MAX_FILES = 500
MAX_BYTES = 4_000_000  # of one file
_OTHERS = {
    ".onnx": "an ONNX model",
    ".prototxt": "a network of Caffe",
    ".cfg": "a network of Darknet",
    ".pt2": "a file of torch.export",
    ".pt": "a file of torch.save",
}


@dataclass(frozen=True, repr=False)
class Unit(Line):
    """A .net file with what its blocks and chains can see: its own params and blocks, and those it uses."""

    file: tree.File
    params: Mapping[str, Known | Unknown]
    blocks: Mapping[str, BlockOf]
    origins: Mapping[str, Span]
    """Where each param is defined, here or in a file that is used."""
    overridden: bool = False
    lost: frozenset[str] = frozenset()
    """Names that broken statements here, or in used files, would have defined."""
    incomplete: bool = False
    """Whether a used file could not be had, or a block has no name, so that any name may be missing for that reason."""

    @property
    def about(self) -> str:
        """Its line."""
        return f"of {len(self.blocks):,} blocks"

    def lacks(self, name: str) -> bool:
        """Whether an unknown name is the consequence of an error that was reported already."""
        return self.incomplete or name.partition(".")[0] in self.lost


@dataclass(frozen=True, eq=False, repr=False)
class BlockOf(Line):
    """A block, and the unit whose params and blocks it sees."""

    block: tree.Block
    unit: Unit

    @property
    def about(self) -> str:
        """Its line."""
        return self.block.name.text


class LongFile(Mistake, code="limit-exceeded"):
    most: int
    words = "a file has at most {most:,} bytes; the rest of this one is not read"
    advice = "move blocks to files of their own"


class NotUtf8(Mistake, code="syntax-error"):
    byte: int
    hint: str
    words = "byte 0x{byte:02x} is not UTF-8"


class OtherFormat(Mistake, code="syntax-error"):
    what: str
    hint: str
    words = "this is {what}, and no program"


class ManyFiles(Mistake, code="limit-exceeded"):
    most: int
    words = "a program uses at most {most} files"


class DeepUses(Mistake, code="limit-exceeded"):
    most: int
    words = "files use each other more than {most} deep"


class CyclicUse(Mistake, code="cyclic-use"):
    circle: str
    words = "files use each other in a circle: {circle}"
    advice = "move what both need into a third file"


class Unreadable(Mistake, code="missing-file"):
    why: str
    words = "{why}"


class MissingFile(Mistake, code="missing-file", example='use "blokcs.net"\nINPUT 8 -> RELU'):
    name: str
    hint: str
    words = "there is no file {name} beside this one, in an included folder, or among the bundled networks"


class OutsideFolder(Mistake, code="outside-folder", example='use "../../secret.net"\nINPUT 8 -> RELU'):
    name: str
    words = "{name} lies outside the folders that files are sought in"
    advice = "keep it beside this file or below, or name its folder with --include"


class UnreadableFile(Exception):
    """A file that cannot be read; the text says why."""


def read(path: Path, name: str, report: Report) -> Source | None:
    """Read a source, of which no more is read than it may have. Bytes that make none are reported, and give None.

    Raises UnreadableFile.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UnreadableFile(f"{name}: {error.strerror or error}") from error
    return decode(data, name, report)


def _import(name: str, suffix: str) -> str:
    """How a program is made of a file of another format."""
    if suffix == ".pt":
        return "netdsl.from_torch makes one of a module in Python; --weights takes a file of weights"
    file = "FILE" if Source("", name).passing else name
    return f"`netdsl import {file}` makes one, and <(netdsl import …) hands it on; in Python, netdsl.from_file does"


def decode(data: bytes, name: str, report: Report) -> Source | None:
    """The source in some bytes. What is too long, not UTF-8 or of another format is reported, and gives None."""
    if (other := foreign.suffix(data)) in _OTHERS:
        shown = Source(PurePosixPath(name).name, name)
        report.error(OtherFormat(_OTHERS[other], _import(name, other)), Span(shown, 0, len(shown.text)))
        return None
    if len(data) > MAX_BYTES:
        report.error(LongFile(MAX_BYTES), Span(Source("", name), 0, 0))
        return None
    try:
        return Source(data.decode("utf-8-sig"), name)
    except UnicodeDecodeError as error:
        shown = Source(data.decode("utf-8", "replace"), name)
        at = len(data[: error.start].decode("utf-8"))
        help = "the file is in UTF-16; save it as UTF-8" if data[:2] in (BOM_UTF16_LE, BOM_UTF16_BE) else ""
        report.error(NotUtf8(data[error.start], help), Span(shown, at, at + 1))
        return None


@dataclass
class Loader:
    """Reads the file of a network and the files it uses. `include` are further folders to seek used files in."""

    report: Report
    include: Sequence[Path] = ()
    units: dict[tuple[Path, bool], Unit | None] = field(default_factory=dict[tuple[Path, bool], "Unit | None"])
    loading: list[Path] = field(default_factory=list[Path])
    uses: int = 0
    """How many `use` statements were followed."""

    def load(
        self, source: Source, path: Path | None, overrides: Mapping[str, Value] | None = None
    ) -> tuple[Unit, frozenset[str]]:
        """The unit of the network's own file, and which overrides it took."""
        self.loading.append(Path(source.name) if path is None else path.resolve())
        file = parse(source, self.report)
        return self._unit(file, path, dict(overrides or {}))

    def _unit(self, file: tree.File, path: Path | None, overrides: dict[str, Value]) -> tuple[Unit, frozenset[str]]:
        params: dict[str, Known | Unknown] = {}
        blocks: dict[str, BlockOf] = {}
        taken: set[str] = set()
        origins: dict[tuple[str, str], Span] = {}
        params_at: dict[str, Span] = {}

        def define(kind: str, name: str, span: Span) -> bool:
            before = origins.get((kind, name))
            if before is not None:
                related = (Related(before, "it is here too"),)
                mistake = names.Duplicate(f"the {kind} {name} is defined twice", "rename one")
                self.report.add(Diagnostic(mistake, span, related))
                return False
            origins[kind, name] = span
            return True

        used: dict[Path, Unit | None] = {}
        lost = set(file.lost)
        for use in _all(file, tree.Use):
            found = self._use(use, path, used, overrides)
            if found is None:
                continue
            unit, taken_there = found
            taken |= taken_there
            lost |= unit.lost
            for statement in unit.file.statements:
                match statement:
                    case tree.Param(name) if define("param", name.text, use.path.span):
                        params[name.text] = unit.params.get(name.text, UNKNOWN)
                        params_at[name.text] = name.span
                    case tree.Block(name) if define("block", name.text, use.path.span):
                        blocks[name.text] = unit.blocks[name.text]
                    case _:
                        pass
        for param in _all(file, tree.Param):
            names.check_parameter(param.name, self.report)
            if define("param", param.name.text, param.name.span):
                params_at[param.name.text] = param.name.span
                if param.name.text in overrides:
                    params[param.name.text] = overrides[param.name.text]
                    taken.add(param.name.text)
                else:
                    params[param.name.text] = self._value(param.value, params)
        for name in sorted(lost):  # of equally near names the first is meant, in any run
            params.setdefault(name, UNKNOWN)
        incomplete = None in used.values() or file.nameless
        unit = Unit(file, params, blocks, params_at, bool(taken), frozenset(lost), incomplete)
        for block in _all(file, tree.Block):
            self._check_parameters(block)
            if define("block", block.name.text, block.name.span):
                blocks[block.name.text] = BlockOf(block, unit)
        return unit, frozenset(taken)

    def _value(self, expression: tree.Expression, params: Environment) -> Known | Unknown:
        try:
            return compute(expression, params)
        except Fault as fault:
            self.report.add(fault.found())
            return UNKNOWN

    def _check_parameters(self, block: tree.Block) -> None:
        names.check_name(block.name, "block", self.report)
        seen: dict[str, tree.Parameter] = {}
        for parameter in block.parameters:
            name = parameter.name
            names.check_parameter(name, self.report)
            if name.text in seen:
                message = f"block {block.name.text} has two parameters called {name.text}"
                names.duplicate(message, name.span, seen[name.text].span, "rename one", self.report)
            seen[name.text] = parameter

    def _use(
        self, use: tree.Use, user: Path | None, used: dict[Path, Unit | None], overrides: dict[str, Value]
    ) -> tuple[Unit, frozenset[str]] | None:
        """The unit that a statement brings in, once for each file; `used` keeps what came of each."""
        self.uses += 1
        if self.uses > MAX_FILES:
            if self.uses == MAX_FILES + 1:
                self.report.error(ManyFiles(MAX_FILES), use.path.span)
            used[Path(use.path.text)] = None
            return None
        path = self._seek(use, user)
        resolved = Path(use.path.text) if path is None else path.resolve()
        if resolved in used:
            return None
        used[resolved] = None
        if path is None:
            return None
        if resolved in self.loading:
            circle = (*self.loading[self.loading.index(resolved) :], resolved)
            self.report.error(CyclicUse(" -> ".join(one.name for one in circle)), use.path.span)
            return None
        if len(self.loading) > MAX_USES:
            self.report.error(DeepUses(MAX_USES), use.path.span)
            return None
        direct = len(self.loading) == 1  # what a used file uses is not handed on, so nothing overrides it
        if (resolved, direct) not in self.units:
            self.loading.append(resolved)
            self.units[resolved, direct] = self._read_used(path, use, overrides if direct else {})
            self.loading.pop()
        unit = used[resolved] = self.units[resolved, direct]
        if unit is None:
            return None
        own = {param.name.text for param in _all(unit.file, tree.Param)}
        return unit, frozenset(own & overrides.keys())

    def _read_used(self, path: Path, use: tree.Use, overrides: dict[str, Value]) -> Unit | None:
        try:
            source = read(path, str(path), self.report)
        except UnreadableFile as error:
            self.report.error(Unreadable(str(error)), use.path.span)
            return None
        if source is None:
            return None
        unit, _ = self._unit(parse(source, self.report), path, overrides)
        return unit

    def _seek(self, use: tree.Use, user: Path | None) -> Path | None:
        """Find a used file beside its user, then in the included folders, then among the bundled networks."""
        given = str(use.path.value)
        beside = [user.parent] if user is not None else [Path()]
        inside = False
        for folder in (*beside, *self.include, resources.networks()):
            path = folder / given
            try:
                if Path(given).is_absolute() or not path.resolve().is_relative_to(folder.resolve()):
                    continue
                inside = True
                if path.is_file():
                    return path
            except (OSError, ValueError):  # no file has such a name
                inside = True
        if inside:
            there = sorted(path.name for folder in beside for path in folder.glob("*.net"))
            near = _near(given, there) or _near(given, [path.name for path in resources.bundled()])
            self.report.error(MissingFile(given, near), use.path.span)
        else:
            self.report.error(OutsideFolder(given), use.path.span)
        return None


def _near(given: str, there: Sequence[str]) -> str:
    """The file that was likely meant: by its stem, since a shared suffix makes no two names alike."""
    stems = {Path(name).stem: name for name in reversed(there)}
    stem = PurePosixPath(given).name.removesuffix(".net")
    found = closest(stem, stems)
    return perhaps(f"did you mean {stems[found]}?", f'"{stems[found]}"') if found else ""


def _all(file: tree.File, kind: type[T]) -> list[T]:
    return [statement for statement in file.statements if isinstance(statement, kind)]
