"""Where a compiled file is loaded."""

from __future__ import annotations

from pathlib import Path

import torch

from netdsl.runtime.file import Card


def place(path: Path, card: Card, device: str | None) -> str | None:
    """The device to map a file to; None for one with devices of its own, which stays on these.

    Raises RuntimeError where such a file is asked for elsewhere.
    """
    if card.devices:
        if device is not None:
            raise RuntimeError(f"{path} was compiled with --devices, and runs on these; ask for no other")
        return None
    if device is None:
        return "cuda" if card.target == "cuda" and torch.cuda.is_available() else "cpu"
    return device
