"""Layers that stay as they are while others are trained."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase

from torch import nn

from netdsl.text.fit import listed
from netdsl.text.mistake import Mistake, Wrong
from netdsl.text.suggest import did_you_mean


class NothingFrozen(Mistake, code="unknown-name"):
    pattern: str
    hint: str
    words = "{pattern} names no layer with weights"


class AllFrozen(Mistake, code="invalid-argument"):
    patterns: str
    words = "with {patterns} frozen, nothing is left to train"
    advice = "leave the last layers out"


class FreezeError(Wrong):
    """Frozen layers that there are not, or too many of them."""


def freeze(module: nn.Module, patterns: Sequence[str]) -> list[str]:
    """Take layers of a network out of training, and give their paths: weights stay, and statistics of normalisations.

    A pattern is a path, of a layer or of what it stands in, where `*`, `?` and `[…]` stand for any letters.
    Raises FreezeError.
    """
    modules: dict[str, nn.Module] = dict(module.named_modules())  # pyright: ignore[reportUnknownArgumentType]
    layers = {path: one for path, one in modules.items() if path and _weighted(one)}
    frozen: dict[str, None] = {}
    for pattern in patterns:
        found = [path for path in layers if any(fnmatchcase(name, pattern) for name in _names(path))]
        if not found:
            known = dict.fromkeys(name for path in layers for name in _names(path))
            raise FreezeError(NothingFrozen(pattern, did_you_mean(pattern, known) or _others(pattern, list(known))))
        frozen |= dict.fromkeys(found)
    for path in frozen:
        layer = layers[path]
        for weight in layer.parameters(recurse=False):
            weight.requires_grad_(False)
        if _has_statistics(layer):
            layer.register_forward_pre_hook(_at_rest)
    if patterns and not any(weight.requires_grad for weight in module.parameters()):
        raise FreezeError(AllFrozen(", ".join(patterns)))
    return list(frozen)


def _others(pattern: str, known: Sequence[str]) -> str:
    """What may be meant by a name that is like none of those that are known."""
    if "," in pattern:
        return "give each by itself"
    outer = pattern.rpartition(".")[0]
    return f"did you mean {outer}?" if outer in known else f"choose among {listed(known, ' and ')}"


def _at_rest(layer: nn.Module, inputs: object) -> None:
    """Let a normalisation work by its statistics, which stay, however often the network is told to train."""
    layer.eval()


def _weighted(layer: nn.Module) -> bool:
    return next(layer.parameters(recurse=False), None) is not None or _has_statistics(layer)


def _has_statistics(layer: nn.Module) -> bool:
    return getattr(layer, "running_mean", None) is not None


def _names(path: str) -> Iterator[str]:
    """What a layer is called: its path and those around it, as modules and as the network have them."""
    yield from _around(path)
    if "_." in path or path.endswith("_"):
        yield from _around(".".join(part.rstrip("_") or part for part in path.split(".")))


def _around(path: str) -> Iterable[str]:
    parts = path.split(".")
    return [".".join(parts[:depth]) for depth in range(1, len(parts) + 1)]
