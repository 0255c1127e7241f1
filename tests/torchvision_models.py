"""torchvision's models, to compare ours with: `models = torchvision_models.load()`.

torchvision from a package index is built for another PyTorch than the CPU's, so that its C++ operators cannot be loaded
beside that one. Its models need none of them; but its import describes some to PyTorch, which must know their names.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module
from types import ModuleType

import pytest
import torch

_DESCRIBED = ("nms", "qnms")
_SIGNATURE = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
_KEPT: list[torch.library.Library] = []  # an operator lasts as long as the library that defined it


@cache
def load() -> ModuleType:
    """The module `torchvision.models`; where torchvision is not installed, the test is skipped."""
    try:
        return import_module("torchvision.models")
    except ModuleNotFoundError:
        pytest.skip("torchvision is not installed")
    except RuntimeError:  # operator torchvision::nms does not exist
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in _DESCRIBED:
        library.define(name + _SIGNATURE)
    _KEPT.append(library)
    return import_module("torchvision.models")
