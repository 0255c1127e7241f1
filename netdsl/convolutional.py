"""What `Network.convolutional` gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from netdsl.graph.node import ShapedGraph
from netdsl.text.shown import Line, bounded, preformatted

if TYPE_CHECKING:
    from torch import Tensor

    from netdsl.transform.convolutional import Rewritten

Network = TypeVar("Network")


@dataclass(frozen=True, repr=False)
class Convolutional(Line, Generic[Network]):
    """A network rewritten by `Network.convolutional`, and the new `network`."""

    before: ShapedGraph
    rewritten: Rewritten
    network: Network

    @property
    def about(self) -> str:
        """Its line."""
        return self.rewritten.about

    def _repr_html_(self) -> str:
        """Its program, for notebooks."""
        return preformatted(bounded(self.text))

    @property
    def text(self) -> str:
        """Its program, as a .net file."""
        return self.rewritten.program.text

    def weights(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The state dict for the new network's module, from that of the old one's: the same numbers."""
        from netdsl.compile.state_dict import converted

        return converted(state, self.before, self.rewritten.after, self.rewritten.nodes)
