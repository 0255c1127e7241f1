"""From a shaped graph to torch: a torch.fx GraphModule, and from that a file, of TorchScript or of torch.export."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netdsl.compile.entry import code, compile, module, optimized_module

__all__ = ["code", "compile", "module", "optimized_module"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    from netdsl.compile import entry

    return getattr(entry, name)
