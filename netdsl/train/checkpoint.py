"""A training as it stands in a file, from which it goes on: tensors by name, and all else as JSON beside them.

Nothing in it is run when it is read: safetensors holds numbers alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

from torch import Tensor

from netdsl import files
from netdsl.train.errors import NotATrainingError

_FACTS = "netdsl"
"""The name of the JSON among the texts of a file."""
_DIGEST = "digest"
VERSION = 1
State = Mapping[str, Any]
"""Nested mappings and lists of tensors, numbers, words and None."""


def write(path: Path, state: State) -> None:
    """Write a state, whole or not at all. Raises OSError."""
    from safetensors.torch import save

    tensors: dict[str, Tensor] = {}
    facts = _apart(state, "", tensors, set())
    text = json.dumps({"version": VERSION, "state": facts})
    files.replace(path, save(tensors, {_FACTS: text, _DIGEST: _digest(text)}))


def read(path: Path) -> dict[str, Any]:
    """The state that a file holds. Raises NotATrainingError, and OSError for a file that cannot be read."""
    from safetensors import SafetensorError, safe_open

    with path.open("rb"):
        pass
    try:
        with cast("Any", safe_open(path, "pt")) as file:
            texts: dict[str, str] = file.metadata() or {}
            facts = json.loads(texts.get(_FACTS, "{}"))
            if _FACTS in texts and texts.get(_DIGEST) != _digest(texts[_FACTS]):
                raise ValueError("its digest is another")
            if facts.get("version", 0) != VERSION:
                reason = "a newer netdsl wrote it" if facts.get("version", 0) > VERSION else "it holds weights alone"
                raise NotATrainingError(path, reason)
            keys: list[str] = file.keys()
            tensors: dict[str, Tensor] = {name: file.get_tensor(name) for name in keys}
        return cast("dict[str, Any]", _joined(facts["state"], tensors))
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotATrainingError(path, f"it is damaged ({error})") from None


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _apart(value: Any, name: str, tensors: dict[str, Tensor], places: set[int]) -> Any:
    """A value as JSON, whose tensors are put into `tensors` under names that say where they stand."""
    match value:
        case Tensor():
            tensor = value.detach().cpu().contiguous()
            place = tensor.untyped_storage().data_ptr()  # a file has each number once
            tensors[name] = tensor.clone() if place in places else tensor
            places.add(place)
            return {"tensor": name}
        case Mapping():
            items = cast("Mapping[Any, Any]", value).items()
            return {
                "items": [
                    [key, _apart(one, f"{name}/{key}" if name else str(key), tensors, places)] for key, one in items
                ]
            }
        case list() | tuple():
            each = cast("list[Any]", value)
            return [_apart(one, f"{name}/{at}", tensors, places) for at, one in enumerate(each)]
        case _:
            return value


def _joined(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    """What `_apart` took apart; a tuple has become a list."""
    match value:
        case {"tensor": name}:
            return tensors[name]
        case {"items": items}:
            return {key: _joined(one, tensors) for key, one in items}
        case list():
            return [_joined(one, tensors) for one in cast("list[Any]", value)]
        case _:
            return value
