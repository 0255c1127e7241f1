"""From source to shaped graph: the front end's phases, one after another."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from netdsl.graph import axes, collector, labels, names, unused
from netdsl.graph.expand import Expansion
from netdsl.graph.fault import Fault
from netdsl.graph.node import Graph, Node, ShapedGraph
from netdsl.graph.outline import Outline
from netdsl.graph.program import Loader, Unit
from netdsl.graph.prune import pruned
from netdsl.graph.size import LIMIT
from netdsl.layers.arguments import LayerError, Value, arguments_of
from netdsl.layers.base import Layer
from netdsl.layers.source import Input
from netdsl.text import safe, tree
from netdsl.text.diagnostic import Enough, Report
from netdsl.text.fit import listed
from netdsl.text.mistake import Mistake, Reworded, Wrong
from netdsl.text.source import Source, Span, stem
from netdsl.text.suggest import bounded, did_you_mean


class NoNetwork(Mistake, code="no-input", example='network "none"'):
    words = "there is no network here"
    advice = "start a chain: INPUT 224x224x3 -> …"


class NothingCame(Mistake, code="no-input"):
    words = "nothing came through the pipe"
    advice = "the command that writes it failed, or writes elsewhere"


class BlocksAlone(Mistake, code="no-input"):
    name: str
    words = "{name} holds blocks alone, and no network"


class NoOutput(Mistake, code="no-input"):
    words = "the network has no output"


class LateTitle(Mistake, code="syntax-error", example='INPUT 8 -> RELU\nnetwork "late"'):
    words = "`network` stands first, and once"
    advice = "move it to the top, and keep one"


class NoParam(Mistake, code="unknown-param"):
    file: str
    name: str
    hint: str
    words = "{file} has no param {name}"


class NoDims(Mistake, code="invalid-argument"):
    name: str
    words = "input {name} was given no dims"
    advice = "the channels, at least"


class WhichInput(Mistake, code="unknown-name"):
    count: int
    known: str
    words = "the network has {count} inputs: {known}"
    advice = "name=dims says which"


class UnknownInput(Mistake, code="unknown-name"):
    name: str
    hint: str
    words = "the network has no input {name}"


class OverrideError(Wrong):
    """An override that the network has no place for."""


@dataclass(frozen=True)
class Overrides:
    """What a caller asks to differ from the file: params by name, dims of inputs by name ("" for the only one)."""

    params: Mapping[str, Value] = field(default_factory=dict[str, Value])
    inputs: Mapping[str, tuple[int, ...]] = field(default_factory=dict[str, tuple[int, ...]])
    include: Sequence[Path] = ()
    limit: int = LIMIT
    """How many nodes the network may have."""


def build(source: Source, path: Path | None, report: Report, overrides: Overrides | None = None) -> ShapedGraph | None:
    """The shaped graph of a program; None where it has errors, or is a library of blocks without a chain.

    All that is wrong goes to `report`. Raises OverrideError for an override that fits nothing.
    """
    return attempt(source, path, report, overrides or Overrides())[1]


@collector.paused()
def attempt(
    source: Source, path: Path | None, report: Report, overrides: Overrides
) -> tuple[Expansion | None, ShapedGraph | None]:
    """The expansion of a program, as far as it was expanded, and the network if nothing is wrong in it."""
    expansion: Expansion | None = None
    with suppress(Enough), bounded():
        unit, taken = Loader(report, overrides.include).load(source, path, overrides.params)
        _check_params(source, unit, overrides.params.keys() - taken)
        expansion = expanded(unit, report, overrides)
        _check_inputs(expansion.nodes, overrides.inputs)
        return expansion, _network(source, path, expansion, overrides)
    return expansion, None


def expanded(unit: Unit, report: Report, overrides: Overrides) -> Expansion:
    """A file expanded. Raises Enough."""
    expansion = Expansion(unit, report, overrides.limit, _layers(overrides.inputs))
    expansion.run()
    return expansion


def _check_params(source: Source, unit: Unit, lost: Iterable[str]) -> None:
    """Raise OverrideError for a param that there is not."""
    for name in sorted(lost):
        known = list(unit.params)
        has = f"its params are {listed(known)}" if known else "it has no params"
        raise OverrideError(NoParam(source.name, name, did_you_mean(name, known) or has))


def _network(source: Source, path: Path | None, expansion: Expansion, overrides: Overrides) -> ShapedGraph | None:
    """The network that an expansion gives, unless something is wrong in it."""
    unit, report = expansion.unit, expansion.report
    failed = report.failed
    title, meta = _heading(unit, source, path, report)
    if not _has_chain(unit):
        if not _is_library(unit) and not failed:
            span = Span(source, 0, 0)
            report.error(NothingCame() if source.passing and not source.text.strip() else NoNetwork(), span)
        return None
    unused.warn_of_names(unit.file, report)
    nodes, shapes = expansion.nodes, expansion.made.shapes.found
    axes.warn(nodes, shapes, report)
    outputs, training, output_names = _outputs(expansion, unit.file, report)
    if report.failed:
        return None
    if not outputs:
        report.error(NoOutput(), Span(source, 0, 0))
        return None
    reduced = unused.reduced(nodes, outputs, training, report)
    moved = reduced.moved
    labels.warn(nodes, frozenset(outputs) - output_names.keys(), report)
    outline = Outline(tuple(expansion.chains), expansion.made.ends)
    if len(moved) < len(nodes):
        outline = pruned(outline, list(moved))
    graph = Graph(
        title,
        source,
        meta,
        reduced.nodes,
        tuple(moved[old] for old in outputs),
        tuple(moved[old] for old in training),
        outline,
        tuple(one for one in unit.file.statements if isinstance(one, tree.Expect)),
        {moved[old]: name for old, name in output_names.items()},
        unit.overridden or bool(overrides.inputs),
        unit.params,
    )
    return ShapedGraph(graph, tuple(shape for old in moved if (shape := shapes[old]) is not None))


def _has_chain(unit: Unit) -> bool:
    return any(isinstance(one, tree.Chain) for one in unit.file.statements)


def _is_library(unit: Unit) -> bool:
    return any(isinstance(one, tree.Block | tree.Param | tree.Use) for one in unit.file.statements)


def _heading(unit: Unit, source: Source, path: Path | None, report: Report) -> tuple[str, dict[str, str | int | float]]:
    """The title and the meta facts."""
    title = safe.line(stem(str(path or source.name)))
    meta: dict[str, str | int | float] = {}
    places: dict[str, Span] = {}
    for position, statement in enumerate(unit.file.statements):
        match statement:
            case tree.Title(given):
                title = safe.line(given)
                if position:
                    report.error(LateTitle(), statement.span)
            case tree.Meta(key, value):
                if key.text in meta:
                    names.duplicate(f"meta {key.text} is given twice", key.span, places[key.text], "keep one", report)
                places.setdefault(key.text, key.span)
                meta[key.text] = _fact(value, unit, report)
            case _:
                pass
    return title, meta


def _fact(expression: tree.Expression, unit: Unit, report: Report) -> str | int | float:
    """A meta fact as plain data."""
    from netdsl.graph.evaluate import Unknown, compute

    try:
        value = compute(expression, unit.params)
    except Fault as fault:
        report.add(fault.found())
        return ""
    if isinstance(value, Unknown):
        return ""
    if isinstance(value, tuple):
        return "x".join(map(str, value))
    return float(value) if isinstance(value, Fraction) else safe.line(value) if isinstance(value, str) else value


def _layers(dims: Mapping[str, tuple[int, ...]]) -> dict[str, Layer]:
    """The layers of inputs with other dims, by name. Raises OverrideError."""
    found: dict[str, Layer] = {}
    for name, given in dims.items():
        if not given:
            raise OverrideError(NoDims(name))
        try:
            found[name] = Input(arguments_of(Input)[0].kind.read(given))
        except LayerError as error:
            raise OverrideError(Reworded(error.mistake, f"input {name}: ")) from None
    return found


def _check_inputs(nodes: Sequence[Node], given: Iterable[str]) -> None:
    """Raise OverrideError for the name of an input that there is not, "" where it does not say which."""
    inputs = [node.path for node in nodes if node.layer.keyword == "INPUT"] if given else []
    for name in given:
        if not name and len(inputs) != 1:
            known = listed(inputs) or "none"
            raise OverrideError(WhichInput(len(inputs), known))
        if name and name not in inputs:
            help = did_you_mean(name, inputs) or f"its inputs are {listed(inputs)}"
            raise OverrideError(UnknownInput(name, help))


def _outputs(expansion: Expansion, file: tree.File, report: Report) -> tuple[list[int], list[int], dict[int, str]]:
    """What is returned always, what in training, and their names; without `output`, every end that nothing reads."""
    called: dict[int, str] = {}
    places: dict[int, Span] = {}
    stated = [one for one in file.statements if isinstance(one, tree.Output)]
    found: dict[bool, list[int]] = {False: [], True: []}
    for statement in stated:
        for name in statement.names:
            try:
                node = expansion.root.node(name)
            except Fault as fault:
                report.add(fault.found())
                continue
            if node in found[False] or node in found[True]:
                message = f"{name.text} is an output already"
                names.duplicate(message, name.span, places[node], "name it once", report)
            elif node >= 0:
                places[node] = name.span
                found[statement.training].append(node)
                called[node] = name.text
    if not any(not one.training for one in stated):
        read = {source for node in expansion.nodes for source in node.inputs}
        ends = dict.fromkeys(end for end in expansion.ends if end >= 0 and end not in read)
        loose = (index for index in range(len(expansion.nodes)) if index not in read)
        ends |= dict.fromkeys(loose)
        found[False] = sorted(end for end in ends if end not in found[True])
    return found[False], found[True], called


_DIMS = re.compile(r"[0-9]+(x[0-9]+)*")


def dims(text: str) -> tuple[int, ...]:
    """Dims as a command line writes them: `64x64x3`. Raises ValueError."""
    if not _DIMS.fullmatch(text):
        raise ValueError(text)
    return tuple(map(int, text.split("x")))
