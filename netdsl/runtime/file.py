"""What a compiled file says of itself, read without loading it."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_WIDEST = 120
"""Characters of a card in one line."""


@dataclass(frozen=True)
class NotCompiledError(Exception):
    """A file that `netdsl compile` did not write."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.path} is no compiled network: {self.reason}"


@dataclass(frozen=True)
class Card:
    """The texts of a compiled file. Dims are of one example, spatial sizes first, channels last.

    `source` is the text of the program, without the files that it uses. `devices` has those that the inputs have to be
    on, by name; it is empty for a file that runs on whatever device it is loaded on.
    """

    title: str
    meta: Mapping[str, str | int | float]
    inputs: Mapping[str, Sequence[int]]
    outputs: Mapping[str, Sequence[int]]
    target: str
    precision: str
    batch: int
    source: str
    devices: Mapping[str, str]

    def __repr__(self) -> str:
        dims = (
            ", ".join(f"{name} {'x'.join(map(str, sizes))}" for name, sizes in named.items())
            for named in (self.inputs, self.outputs)
        )
        about = f"{self.title!a}: {' -> '.join(dims)}; {self.target}, {self.precision}, batch {self.batch}"
        return f"<{type(self).__name__} {about[:_WIDEST]}>"


def card(path: Path) -> Card:
    """What a compiled file says of itself. Raises NotCompiledError, and OSError for a file that cannot be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = {name.partition("/extra/")[2]: name for name in archive.namelist() if "/extra/" in name}

            def text(name: str) -> str:
                return archive.read(names[name]).decode("utf-8")

            made = json.loads(text("target.json"))
            return Card(
                text("title.txt"),
                json.loads(text("meta.json")),
                json.loads(text("inputs.json")),
                json.loads(text("outputs.json")),
                made["target"],
                made["precision"],
                made["batch"],
                text("source.net"),
                dict(made.get("devices", {})),
            )
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError):  # RuntimeError: by means that zipfile lacks
        raise NotCompiledError(path, "it is no TorchScript file, or is damaged") from None
    except (KeyError, UnicodeDecodeError, ValueError):
        raise NotCompiledError(path, "it does not say what it was compiled from and for") from None
