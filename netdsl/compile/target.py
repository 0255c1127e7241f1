"""What a file is compiled for: a kind of device, a precision, and how many examples run at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from netdsl.measure import units

PRECISIONS: Mapping[str, Sequence[str]] = {
    "portable": ("fp32",),
    "cpu": ("fp32", "bf16"),
    "cuda": ("fp32", "tf32", "fp16", "bf16"),
}
"""The precisions that each target has."""


@dataclass(frozen=True)
class Target:
    """What a file is made for.

    `portable` runs anywhere, in float32. `cpu` has oneDNN's kernels, with weights packed when the file is loaded, and
    `cuda` cuDNN's. `batch` is the number of examples that it is made ready for; others run too.
    """

    name: str = "portable"
    precision: str = "fp32"
    batch: int = 1

    @classmethod
    def of(cls, name: str, precision: str, batch: int) -> Target:
        """What is asked for. Raises ValueError for what there is not."""
        if name not in PRECISIONS:
            raise ValueError(f"a target is one of {', '.join(PRECISIONS)}, not {name}")
        made = cls(name, precision, units.whole("batch", batch))
        if not made.available:
            raise ValueError(f"the target {name} has {' and '.join(PRECISIONS[name])}, and no {precision}")
        return made

    @property
    def portable(self) -> bool:
        """Whether a file runs anywhere."""
        return self.name == "portable"

    @property
    def available(self) -> bool:
        """Whether the target has the precision."""
        return self.precision in PRECISIONS[self.name]


PORTABLE = Target()
