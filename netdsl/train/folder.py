"""The folder of a training: what its files are called, and the network that they are of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from netdsl.graph.build import OverrideError, Overrides, build
from netdsl.graph.node import ShapedGraph
from netdsl.graph.program import UnreadableFile, read
from netdsl.layers.arguments import show
from netdsl.text.diagnostic import NetError, Report
from netdsl.text.parse import literal
from netdsl.train.errors import NotATrainingError

LAST, BEST, COMPILED = "last.safetensors", "best.safetensors", "best.pt"
LOG, CURVES, RECIPE, NETWORK, RESULT = "log.jsonl", "curves.svg", "recipe.toml", "network.net", "result.json"


@dataclass(frozen=True)
class About:
    """What a training is of, in words that find it again: a program, what was asked to differ from it, and data."""

    file: str = ""
    """Where the program lay, beside which what it uses is sought."""
    params: Mapping[str, str] = field(default_factory=dict[str, str])
    inputs: Mapping[str, Sequence[int]] = field(default_factory=dict[str, Sequence[int]])
    include: Sequence[str] = ()
    data: str = ""

    @classmethod
    def of(cls, path: Path | None, overrides: Overrides, data: Path) -> About:
        """What was asked for."""
        return cls(
            "" if path is None else str(path.resolve()),
            {name: show(value) for name, value in overrides.params.items()},
            {name: list(dims) for name, dims in overrides.inputs.items()},
            [str(one.resolve()) for one in overrides.include],
            str(data.resolve()),
        )

    @property
    def overrides(self) -> Overrides:
        """What was asked to differ from the program."""
        params = {name: value for name, text in self.params.items() if (value := literal(text)) is not None}
        inputs = {name: tuple(dims) for name, dims in self.inputs.items()}
        return Overrides(params, inputs, [Path(one) for one in self.include])


def is_training(folder: Path) -> bool:
    """Whether a training was begun in a folder."""
    return (folder / LAST).is_file()


def state(folder: Path) -> dict[str, Any]:
    """What a folder goes on from. Raises NotATrainingError, and OSError for a file that cannot be read."""
    if not is_training(folder):
        reason = f"there is no {LAST} in it" if folder.is_dir() else "there is no such folder"
        raise NotATrainingError(folder, reason)
    from netdsl.train import checkpoint

    return checkpoint.read(folder / LAST)


def about(folder: Path) -> About:
    """What the training in a folder is of. Raises what state does."""
    return About(**state(folder)["about"])


def network(folder: Path, known: About | None = None) -> ShapedGraph:
    """The network that was trained in a folder: its program as it was then, with what was asked to differ.

    Files that the program uses are sought where they lay. Raises NetError where it has errors now, and what state does.
    """
    found = known or about(folder)
    report, path = Report(), folder / NETWORK
    try:
        source = read(path, str(path), report)
        lay = Path(found.file) if found.file else None
        shaped = None if source is None else build(source, lay, report, found.overrides)
    except (UnreadableFile, OverrideError) as error:
        raise NotATrainingError(path, str(error)) from None
    if shaped is None:
        raise NetError(report.diagnostics())
    return shaped
