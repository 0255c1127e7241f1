"""What is measured: where, with how many examples at once, in which precision, and how often."""

from __future__ import annotations

from dataclasses import dataclass

PRECISIONS = ("fp32", "tf32", "bf16", "fp16")
DEVICES = ("cpu", "cuda")


@dataclass(frozen=True)
class Setting:
    """How a network is run by every contestant.

    `threads` are those of a CPU, by default as many as PyTorch takes; `examples` are those whose outputs are held
    against float64, `runs` the rounds of timing.
    """

    device: str = "cpu"
    batch: int = 1
    precision: str = "fp32"
    threads: int | None = None
    runs: int = 15
    examples: int = 16
    seed: int = 0

    @property
    def batches(self) -> int:
        """How many batches give at least `examples` examples."""
        return -(-self.examples // self.batch)
