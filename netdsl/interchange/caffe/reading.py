"""A network of Caffe as a flat one: inputs, layers in order, and what is returned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from netdsl.interchange import mistakes
from netdsl.interchange.caffe import ends, net, rules, sources
from netdsl.interchange.caffe.fields import Fields
from netdsl.interchange.caffe.text import parse
from netdsl.interchange.caffe.work import Blob, Given, Shared, Work
from netdsl.interchange.flat import Flat
from netdsl.interchange.gathering import Dims, Fault, Gathering, Inputs, Silent, dims_of, make
from netdsl.text.diagnostic import Enough
from netdsl.text.fit import clipped, listed
from netdsl.text.source import Source, Span
from netdsl.text.suggest import bounded, did_you_mean

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_OTHERS = "which are keys of another Caffe"


def reading(
    source: Source,
    *,
    inputs: Inputs | None = None,
    blobs: Mapping[str, Sequence[NDArray[np.float32]]] | None = None,
    model: str = "",
) -> Flat:
    """The network of a .prototxt. Raises ForeignError with all that is wrong in it."""
    return _Reading(source, inputs or {}, blobs or {}, model).flat()


@dataclass
class _Reading:
    source: Source
    wanted: Inputs
    blobs: Mapping[str, Sequence[NDArray[np.float32]]]
    model: str
    gathering: Gathering = field(init=False)
    made: dict[str, Blob | None] = field(default_factory=dict[str, "Blob | None"])
    """What each name stands for now; None for what could not be said, or is a label."""
    unread: dict[str, tuple[str, bool]] = field(default_factory=dict[str, tuple[str, bool]])
    """Items that nothing reads yet: how the file calls each, and whether training alone has it."""
    labels: set[str] = field(default_factory=set[str])
    tops: dict[str, str] = field(default_factory=dict[str, str])
    """What each layer makes first, by the layer's name."""
    sizes: dict[str, tuple[int, ...]] = field(default_factory=dict[str, tuple[int, ...]])
    """The sizes of what layers read from data, where any of those of one name says it."""
    left: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """What is left out, by why."""
    met: set[str] = field(default_factory=set[str])
    """Which of the sizes that are asked for are those of an input."""
    shared: Shared = field(default_factory=Shared)
    damaged: bool = False
    """Whether parts of the file could not be read, which may have made what others read."""

    def __post_init__(self) -> None:
        self.gathering = Gathering(f"Caffe: {Path(self.source.name).name}")

    def flat(self) -> Flat:
        """The whole network."""
        title = Path(self.source.name).stem
        with suppress(Enough), bounded():
            message = parse(self.source, self.gathering.report)
            self.damaged = message.broken
            whole = Span(self.source, 0, 0)
            fields = Fields(message, "the network", whole)
            with self.gathering.telling(whole):
                title = fields.text("name") or title
                self.declared(fields)
            if not fields.has("layer") and not fields.has("layers") and (solved := net.solved(fields)):
                self.gathering.report.error(*solved)
                raise Enough
            given = net.layers(fields, self.gathering)
            if not message.broken:
                with self.gathering.telling(whole):
                    fields.rest(net.NET)
            self.layers(given)
            if not self.unread and not self.gathering.report.failed:
                self.gathering.report.error(mistakes.NoLayers("Caffe"), whole)
            if not self.gathering.report.failed:
                inputs = [item.name for item in self.gathering.items.values() if not item.inputs]
                for name in self.wanted.keys() - self.met:
                    self.gathering.report.error(mistakes.NoInput(name, tuple(inputs)), whole)
            for why, names in self.left.items():
                self.gathering.notes.append(f"left out: {listed([*dict.fromkeys(names)][:8])}, {why}")
            known = {one.name for one in given}
            if further := [clipped(name, 40) for name in self.blobs if name not in known]:
                self.gathering.notes.append(f"{self.model} has weights of other layers too: {listed(further[:8])}")
        outputs = [(name, item) for item, (name, training) in self.unread.items() if not training]
        training = [(name, item) for item, (name, training) in self.unread.items() if training]
        if not outputs:
            outputs, training = training, []
        return self.gathering.flat(title, outputs, training)

    def declared(self, fields: Fields) -> None:
        """Inputs of `input:` with their sizes beside them."""
        for name, dims, span in sources.declared(fields):
            with self.gathering.telling(span):
                self.input(name, name, dims, span, "")

    def layers(self, given: Sequence[Given]) -> None:
        """All layers, but those that only a test has."""
        kept = [one for one in given if net.TRAIN in one.phases or sources.brings(one)]
        left = [one for one in given if net.TRAIN not in one.phases and not sources.brings(one)]
        for what, some in (("the phase TEST", True), ("another level", False)):
            if names := [one.name for one in left if bool(one.phases) == some]:
                self.gathering.notes.append(f"left out, of {what}: {listed(names[:8])}")
        for one in kept:
            if sources.brings(one):
                with suppress(Fault):  # which is told as the layer is read
                    self.sizes |= {top: size for top, size in zip(one.tops, sources.sizes(one), strict=True) if size}
        readers = _readers(kept)
        for number, one in enumerate(kept):
            said = False
            with self.gathering.telling(one.span):
                self.layer(one, [readers[number, bottom] for bottom in one.bottoms])
                said = True
            if not said:  # so that nothing reads what had the name before
                self.made |= {top: None for top in one.tops if not sources.brings(one) or top not in self.made}
            if one.tops:
                self.tops[one.name] = one.tops[0]

    def layer(self, one: Given, before: Sequence[int]) -> None:
        """One layer: its items, and its tops by name. Raises Fault and Silent."""
        if sources.brings(one):
            self.data(one)
            return
        if one.kind not in rules.RULES and one.kind not in rules.UNSAID and not ends.ends(one):
            hint = did_you_mean(one.kind, [*rules.RULES, *rules.UNSAID, *ends.MEASURES, *ends.LEFT, *sources.DATA])
            hint = hint or "what a layer of a fork computes is not in the file"
            raise Fault(mistakes.UnknownKind("Caffe", clipped(one.kind, 40), hint))
        training = net.TEST not in one.phases and one.kind != "Dropout"  # which does nothing in a test anyway
        read = self.bottoms(one)
        if ends.ends(one):
            self.end(one, read, before)
            return
        if read and all(blob is None for blob in read):  # a layer of labels alone
            self.labels |= set(one.tops)
            return
        if None in read:
            raise Fault(mistakes.Unsaid("what it reads", "labels flow into it, which a program has none of"))
        blobs = [blob for blob in read if blob is not None]
        if not blobs:
            raise Fault(mistakes.WrongCount(one.kind, "an input", 0))
        if training and not all(blob.training for blob in blobs) and set(one.tops) & set(one.bottoms):
            raise Fault(mistakes.Unsaid("its phase", "what follows reads its values in training, and others in a test"))
        training = training or any(blob.training for blob in blobs)
        work = Work(
            one, blobs, self.gathering, self.shared, self.blobs.get(one.name, ()), self.model, before[0] == 1, training
        )
        made = rules.say(work)
        self.rest(one)
        if len(made) != len(one.tops):
            raise Fault(mistakes.WrongCount(one.kind, f"{len(made)} output{'s' * (len(made) > 1)}", len(one.tops)))
        for blob in blobs:
            self.unread.pop(blob.item, None)
        learned = any(blob.learned for blob in blobs)
        for top, item in zip(one.tops, made, strict=True):
            if len(one.tops) == 1:
                self.gathering.call(item, top)
            learns = learned or self.gathering.items[item].layer.counts_depth
            self.put(top, Blob(item, self.gathering.dims[item], blobs[0].batch, training, learns))

    def rest(self, one: Given) -> None:
        """Note what a layer has that is of another Caffe. Raises Fault for what is likely a slip."""
        for key, hint in one.fields.unknown(net.OF_LAYERS):
            if hint:
                raise Fault(mistakes.UnknownKey(one.kind, clipped(key.name, 40), hint), key.span)
            self.left.setdefault(_OTHERS, []).append(clipped(key.name, 40))

    def put(self, top: str, blob: Blob) -> None:
        """What a name stands for from now on."""
        self.made[top] = blob
        self.labels.discard(top)
        self.unread[blob.item] = (top, blob.training)

    def bottoms(self, one: Given) -> list[Blob | None]:
        """What a layer reads, None for labels. Raises Fault for what is not there, Silent for what was not said."""
        found: list[Blob | None] = []
        for number, bottom in enumerate(one.bottoms):
            name = bottom
            if name not in self.made and name not in self.labels and name in self.tops:  # as netscope lets it
                name = self.tops[name]
                self.gathering.notes.append(f"{one.name} reads {bottom}, the name of a layer, which makes {name}")
            if name not in self.made and name not in self.labels:
                if number and ends.ends(one):
                    self.labels.add(name)  # of data that a network for use has none of
                    found.append(None)
                    continue
                if self.damaged:
                    raise Silent
                hint = did_you_mean(name, [*self.made])
                raise Fault(mistakes.UnknownName(clipped(name, 40), hint), net.bottom_span(one, name))
            blob = self.made.get(name)
            if blob is None and name not in self.labels and not ends.ends(one):
                raise Silent
            found.append(blob)
        return found

    def end(self, one: Given, read: Sequence[Blob | None], before: Sequence[int]) -> None:
        """What ends a network: what it compares is an output, by its activation where nothing else reads it."""
        self.labels |= set(one.tops)
        self.made |= dict.fromkeys(one.tops)
        if why := ends.LEFT.get(one.kind):
            self.left.setdefault(why, []).append(one.name)
        keyword = ends.MEASURES.get(one.kind)
        for target in read[1:]:
            if target is not None and not target.learned:
                self.unread.pop(target.item, None)
        if not read or read[0] is None or not keyword or before[0]:
            return
        blob = read[0]
        if self.unread.pop(blob.item, None) is None:
            return
        head, _, last = one.name.rpartition("/")
        name = "prob" if last.rstrip("0123456789") == "loss" else f"{last}_prob"
        name = f"{head}/{name}" if head else name
        item = self.gathering.add(name, make(keyword), [blob.item], blob.dims, one.span, training=blob.training)
        self.unread[item] = (name, blob.training)

    def data(self, one: Given) -> None:
        """A layer that reads data: its first top is an input, and the others are labels, but where a size says more."""
        sizes = [size or self.sizes.get(top) for top, size in zip(one.tops, sources.sizes(one), strict=True)]
        crop = sources.cropped(one)
        known = f", which it cuts to {crop}x{crop}" if crop else ""
        for number, (top, dims) in enumerate(zip(one.tops, sizes, strict=True)):
            if top in self.made or top in self.labels:
                continue  # the same for another phase
            if number and dims is None and top not in self.wanted:
                self.labels.add(top)
            else:
                self.input(one.name if len(one.tops) == 1 or not number else top, top, dims, one.span, known)
        if changes := sources.changes(one):
            note = f"{one.name} wants pixels {listed(changes)}, as the file makes them"
            self.gathering.notes += [note] * (note not in self.gathering.notes)

    def input(self, name: str, top: str, dims: tuple[int, ...] | None, span: Span, known: str) -> None:
        """An input, of the size that was asked for or that the file says. Raises Fault where there is none."""
        sized = self.size(name, top)
        if sized is None and (dims is None or len(dims) < 2):
            size = f"{known.split()[-1]}x3" if known else "224x224x3"
            option = size if not self.gathering.items and not self.made else f"{clipped(top, 40)}={size}"
            self.made.setdefault(top, None)
            raise Fault(mistakes.NoSize(clipped(top, 40), option, known))
        batch = dims[0] if dims else 1
        found: Dims = sized or (dims or (1, 1))[1:]
        item = self.gathering.add(name, make("INPUT", dims=(*found[1:], found[0])), (), found, span)
        self.made[top] = Blob(item, found, batch)

    def size(self, name: str, top: str) -> Dims | None:
        """The size that is asked for, by name or, of the first input, without one."""
        for one in (top, name, *[""] * (not self.gathering.items)):
            if one in self.wanted:
                self.met.add(one)
                return dims_of(self.wanted[one])
        return None


def _readers(given: Sequence[Given]) -> Counter[tuple[int, str]]:
    """For each layer and each name that it reads or makes, how many layers read that blob, ends apart.

    A name stands for another blob once a layer makes it anew.
    """
    maker: dict[str, int] = {}
    read: Counter[tuple[int, str]] = Counter()
    for number, one in enumerate(given):
        if not ends.ends(one):
            read.update((maker.get(name, -1), name) for name in one.bottoms)
        maker |= dict.fromkeys(one.tops, number)
    found: Counter[tuple[int, str]] = Counter()
    maker.clear()
    for number, one in enumerate(given):
        found.update({(number, name): read[maker.get(name, -1), name] for name in set(one.bottoms)})
        maker |= dict.fromkeys(one.tops, number)
    return found
