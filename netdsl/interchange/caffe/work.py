"""A layer of Caffe while it is said: what it reads, its fields, and what it gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, NamedTuple

from netdsl.interchange import mistakes
from netdsl.interchange.caffe.fields import Fields
from netdsl.interchange.gathering import Dims, Fault, Gathering, shape_of
from netdsl.text.source import Span

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from netdsl.layers.base import Layer

PASSED = """name type bottom top phase include exclude loss_weight param blobs propagate_down blobs_lr weight_decay
    blob_share_mode blobs_share transform_param loss_param"""
"""Fields of any layer that say nothing of what it computes, or that are read elsewhere."""


class Blob(NamedTuple):
    """What a layer gives: the item that makes it, and its dims, channels first."""

    item: str
    dims: Dims
    batch: int
    training: bool = False
    learned: bool = False
    """Whether weights lie before it."""

    @property
    def rank(self) -> int:
        """How many axes it has, the batch too."""
        return len(self.dims) + 1


@dataclass(frozen=True)
class Given:
    """A layer as the file has it."""

    name: str
    kind: str
    fields: Fields
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    span: Span
    """Its name or, without one, where it starts."""
    phases: frozenset[str]
    """In which of TRAIN and TEST it is there."""


@dataclass
class Shared:
    """Which item first used weights of these names."""

    owners: dict[tuple[str, ...], str] = field(default_factory=dict[tuple[str, ...], str])
    names: set[str] = field(default_factory=set[str])


@dataclass
class Work:
    """A layer, with all that its rule asks for."""

    given: Given
    inputs: Sequence[Blob]
    gathering: Gathering
    shared: Shared
    blobs: Sequence[NDArray[np.float32]]
    """Its weights, of a .caffemodel."""
    model: str
    """The name of that file; "" where there is none."""
    alone: bool
    """Whether nothing but this layer reads its first input."""
    training: bool

    @property
    def fields(self) -> Fields:
        """Its own fields."""
        return self.given.fields

    @property
    def x(self) -> Blob:
        """What it reads first."""
        return self.inputs[0]

    def axis(self, fields: Fields, name: str = "axis", default: int = 1) -> int:
        """An axis, counted from the batch, which is 0; below 0 from the end. Raises Fault."""
        rank, axis = self.x.rank, int(fields.real(name, default))
        if not -rank <= axis < rank:
            raise Fault(mistakes.WrongValue(name, str(axis), f"an axis of {rank}"))
        return axis % rank

    def give(
        self,
        layer: Layer,
        dims: Dims,
        *,
        inputs: Sequence[str] | None = None,
        roles: Sequence[str] = (),
        params: int = 0,
        macs: int = 0,
        weights: Mapping[str, NDArray[np.float32]] | None = None,
        turned: bool = False,
        name: str = "",
        what: str = "",
    ) -> str:
        """Add an item. `roles` are what its blobs are called in netdsl, in order; `what` it is of a layer of several.

        Raises Fault and LayerError.
        """
        read = [self.x.item] if inputs is None else inputs
        names = self.parameters(len(roles))
        owner = self.owner(names)
        found = dict(weights or {})
        if roles and not owner:
            found |= self.weights(layer, read, roles, turned)
        item = self.gathering.add(
            name or self.given.name + (f"_{what}" if what else ""),
            layer,
            read,
            dims,
            self.given.span,
            weights={} if owner else found,
            shares=owner,
            training=self.training,
        )
        self.own(names, item)
        self.gathering.count(item, 0 if owner else params, macs)
        return item

    def weights(
        self, layer: Layer, read: Sequence[str], roles: Sequence[str], turned: bool
    ) -> dict[str, NDArray[np.float32]]:
        """The blobs by netdsl's names, in its shapes; the first of them transposed where it is `turned`."""
        if not self.there():
            return {}
        dims = {one.name: one.dims for one in layer.weights(*[shape_of(self.gathering.dims[one]) for one in read])}
        if len(self.blobs) != len(roles):
            raise self.unfit(f"{len(self.blobs)} blobs for {self.given.name}, which has {len(roles)}")
        found: dict[str, NDArray[np.float32]] = {}
        for role, blob in zip(roles, self.blobs, strict=True):
            if blob.size != prod(dims[role]):
                wanted = "x".join(map(str, dims[role]))
                raise self.unfit(f"{blob.size:,} values for the {role} of {self.given.name}, which is {wanted}")
            turn = turned and len(dims[role]) == 2
            found[role] = blob.reshape(dims[role][::-1]).T if turn else blob.reshape(dims[role])
        return found

    def there(self) -> bool:
        """Whether there are blobs for the layer. Raises Fault where a file that has some has none of it."""
        if self.model and not self.blobs:
            raise self.unfit(f"it has no weights for {self.given.name}")
        return bool(self.blobs)

    def unfit(self, why: str) -> Fault:
        """That weights do not fit."""
        return Fault(mistakes.BadWeights(self.model, why))

    def owner(self, names: tuple[str, ...]) -> str | None:
        """The item whose weights this layer uses, since they have the same names. Raises Fault for a part of them."""
        if names in self.shared.owners:
            return self.shared.owners[names]
        if any(name in self.shared.names for name in names if name):
            raise Fault(mistakes.Unsaid("its weights", "it shares some of them with another layer, and some not"))
        return None

    def own(self, names: tuple[str, ...], item: str) -> None:
        """Remember the names of this layer's weights."""
        if names and all(names):
            self.shared.owners.setdefault(names, item)
        self.shared.names.update(name for name in names if name)

    def parameters(self, count: int) -> tuple[str, ...]:
        """The names of so many weights, of `param { name: … }` or V1's `param: …`; () where none has one."""
        found: list[str] = []
        for one in self.fields.message.named("param"):
            inner = [] if one.message is None else one.message.named("name")
            found.append(one.text if one.message is None else inner[0].text if inner else "")
        return (*found, *[""] * (count - len(found))) if any(found) else ()

    def takes(self, count: int, more: bool = False) -> None:
        """Hold the number of inputs against what the layer takes. Raises Fault."""
        given = len(self.inputs)
        if given < count or (given > count and not more):
            takes = f"{count} input{'s' * (count > 1)}{' or more' * more}"
            raise Fault(mistakes.WrongCount(self.given.kind, takes, given))
