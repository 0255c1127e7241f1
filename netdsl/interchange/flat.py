"""A network of another format as plain layers, which every reader gives, and what cannot be said of one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import prod
from typing import TYPE_CHECKING

from netdsl.graph.node import Site
from netdsl.graph.paths import assign
from netdsl.layers.arguments import LayerError, arguments_of
from netdsl.layers.base import Layer
from netdsl.text.builder import MAX_DIGITS
from netdsl.text.diagnostic import Diagnostic, NetError
from netdsl.text.fit import listed
from netdsl.text.mistake import Mistake
from netdsl.text.source import Source, Span

if TYPE_CHECKING:
    import numpy as np
    from networkx import MultiDiGraph
    from numpy.typing import NDArray

MOST_ITEMS = 100_000
"""Layers that a file may have: twenty times those of the largest networks that are published."""
MOST_INPUTS = 4096
"""Values that one layer or operator may take or give: ten times those of the widest that are published."""
MOST_SCOPES = 32
"""Modules around a layer that are told, from outside in."""
MOST_VALUES = 2**40
"""Values that a map or a tensor may have: a thousand times those of the largest."""

_SIGNS = re.compile("[^a-z0-9]")
"""What no name has that the language can say, but for `_`."""
_LEAST = Fraction(1, 10**MAX_DIGITS)
"""The least number above 0 that the language says; all are less than 1 divided by it."""


@dataclass(frozen=True)
class Item:
    """A layer of a foreign network, already one of netdsl's.

    Its weights have the names of netdsl's own state dict for that layer, and their layout; there are none where the
    file has none. `shares` names the item whose weights it uses, `scope` what is around it, from outside in, as the
    source has it: (("layer1", "Sequential"), ("0", "Bottleneck")).
    """

    name: str
    layer: Layer
    inputs: tuple[str, ...] = ()
    weights: Mapping[str, NDArray[np.float32]] = field(default_factory=dict[str, "NDArray[np.float32]"], repr=False)
    shares: str | None = None
    scope: tuple[tuple[str, str], ...] = ()
    training: bool = False
    place: Span | None = field(default=None, compare=False, repr=False)
    called: str = ""


@dataclass(frozen=True)
class Flat:
    """A foreign network: its layers in topological order, by unique names, and what it gives.

    `params` and `macs` are the source's own counts, by its own rules for shapes; `notes` tell what was passed over.
    """

    title: str
    source: str
    """One line on where it is from: `Caffe: bvlc_alexnet_deploy.prototxt`."""
    items: tuple[Item, ...]
    outputs: tuple[tuple[str, str], ...]
    """The name of each output, "" where the source has none, and of the item that gives it."""
    training_outputs: tuple[tuple[str, str], ...] = ()
    params: int | None = None
    macs: int | None = None
    notes: tuple[str, ...] = ()


class ForeignMistake(Mistake):
    """One in a file of another format, whose example is no program."""

    @property
    def alike(self) -> str:
        """What it says, but for what it says it of: several of one kind, for one reason, are alike."""
        return self.message()


class FarNumber(ForeignMistake, code="limit-exceeded"):
    layer: str
    field: str
    words = "{field} of {layer} has more digits than a program says: at most 40"


class Unfit(ForeignMistake, code="invalid-argument"):
    layer: str
    field: str
    noun: str
    why: str
    words = "{layer}'s {field} takes {noun}: {why}"


class ForeignError(NetError):
    """A foreign network that cannot be said; `partial` is what of it can be, where there is any."""

    def __init__(self, diagnostics: Iterable[Diagnostic], partial: Flat | None = None) -> None:
        super().__init__(diagnostics)
        self.partial = partial


def at_node(file: str, node: str, text: str) -> Span:
    """A place in a file that has no lines: a node by its name, and what it is there."""
    line = text.replace("\n", " ") or "?"
    return Span(Source(line, f"{file}: {node}" if node else file), 0, len(line))


def graph(flat: Flat, names: Mapping[str, str] | None = None) -> MultiDiGraph[str]:
    """The graph of a foreign network, as `from_graph` takes it, by names that the language can say: `sayable`.

    Each node knows its layer, its place, whose weights it uses, and whether training alone needs it. Equal layers are
    one object, as those of copies are, so that their rules are asked once. Raises ForeignError for arguments that a
    layer cannot have.
    """
    import networkx

    names = names or sayable(flat)
    wrong: list[Diagnostic] = []
    known: dict[Layer, tuple[Layer, Sequence[ForeignMistake]]] = {}
    found: MultiDiGraph[str] = networkx.MultiDiGraph(
        title=flat.title,
        outputs=_named(flat.outputs, names),
        training_outputs=_named(flat.training_outputs, names),
    )
    for item in flat.items:
        site = Site(item.place or at_node(flat.source, item.name, item.layer.written), {})
        if item.layer not in known:
            known[item.layer] = _renamed(item.layer, names), [*unfit(item.layer)]
        layer, mistakes = known[item.layer]
        wrong += [Diagnostic(one, site.span) for one in mistakes]
        weights = names[item.shares or item.name]
        found.add_node(names[item.name], layer=layer, weights=weights, training=item.training, place=site)
        for position, source in enumerate(item.inputs):
            found.add_edge(names[source], names[item.name], key=position)
    if wrong:
        raise ForeignError(wrong)
    return found


def unfit(layer: Layer) -> Iterator[ForeignMistake]:
    """What is wrong with the arguments of a layer that was made of values, and not of a text."""
    for one in arguments_of(type(layer)):
        value = getattr(layer, one.attribute)
        if value is None or isinstance(value, bool) or value == one.default:
            continue
        if isinstance(value, Fraction | int) and value and not _LEAST <= abs(value) < 1 / _LEAST:
            yield FarNumber(layer.keyword, one.field)
            continue
        try:
            one.kind.read(value)
        except LayerError as error:
            yield Unfit(layer.keyword, one.field, one.kind.noun, error.mistake.message())


def _renamed(layer: Layer, names: Mapping[str, str]) -> Layer:
    """A layer whose arguments name nodes as the graph does."""
    named = [one.attribute for one in arguments_of(type(layer)) if one.kind.node]
    changed = {one: names[before] for one in named if (before := getattr(layer, one)) in names}
    return replace(layer, **changed) if changed else layer


def sayable(flat: Flat) -> Mapping[str, str]:
    """For the name of each item one that the language can say: in lower case, without signs, and unique.

    What is an output is called as the output is, so that it needs no second name, or by its kind where that has none;
    what several read is called as they call it, which where layers work in place is the name of the first of them; and
    what ends a module of the source as that module is.
    """
    outputs = {item: name for name, item in reversed((*flat.outputs, *flat.training_outputs))}
    read = Counter([name for item in flat.items for name in item.inputs])
    givers = {item.called: item.name for item in flat.items if item.called and read[item.name] > 1}
    for item in flat.items:
        if not item.inputs:
            givers.pop(item.name, None)
    called, ends = {item: name for name, item in givers.items()}, _ends(flat.items)
    unique: dict[str, str] = {}
    counts: Counter[str] = Counter()
    taken: set[str] = set()
    for item in flat.items:
        own = f"{item.name}_{item.layer.keyword}" if item.name in givers else ends.get(item.name, item.name)
        said = outputs.get(item.name, called.get(item.name) or own)
        plain = name = _plain(said or f"{item.layer.keyword}_{len(unique) + 1}")
        while name in taken:
            counts[plain] += 1
            name = f"{plain}_{counts[plain] + 1}"
        taken.add(name)
        unique[item.name] = name
    paths = assign({unique[item.name]: item.layer.keyword for item in flat.items})
    return {name: paths[one] for name, one in unique.items()}


def _ends(items: Sequence[Item]) -> Mapping[str, str]:
    """For the last item of each scope that has several the name of the scope, the outermost that it is the last of.

    Where a scope is applied again, its first application counts.
    """
    counts: Counter[tuple[tuple[str, str], ...]] = Counter()
    last: dict[tuple[tuple[str, str], ...], str] = {}
    again: set[tuple[tuple[str, str], ...]] = set()
    for item in items:
        scopes = [item.scope[:end] for end in range(1, len(item.scope) + 1)]
        again.update(scopes if item.shares else ())
        counts.update(scopes)
        last.update((scope, item.name) for scope in scopes if scope not in again)
    found: dict[str, str] = {}
    for scope in sorted(last, key=len):
        if counts[scope] > 1:
            found.setdefault(last[scope], "_".join(name for name, _ in scope))
    return found


def _plain(name: str) -> str:
    """A name of letters, digits and `_`, without the path that is in it: `conv1/7x7_s2` is `conv1_7x7_s2`."""
    return _SIGNS.sub("_", name.lower()).strip("_") or "node"


def _named(outputs: Sequence[tuple[str, str]], names: Mapping[str, str]) -> Mapping[str, str]:
    """The nodes that are outputs, by the name of each where that is sayable and no other node's, else by its node's."""
    nodes, given = set(names.values()), set[str]()
    found: dict[str, str] = {}
    for output, item in outputs:
        node = names[item]
        wanted = next(iter(assign({_plain(output): ""}).values())) if output else node
        if node not in given:
            found[wanted if wanted not in nodes and wanted not in found else node] = node
            given.add(node)
    return found


def converted(kinds: Sequence[str]) -> str:
    """What is told of weights that are of other numbers than float32."""
    return f"weights of {listed(kinds, ' and ')} are float32 here"


def most(dims: Iterable[int]) -> bool:
    """Whether dims are more than any network has, before memory is taken for them."""
    sizes = list(dims)
    return any(size < 0 for size in sizes) or prod(sizes) > MOST_VALUES
