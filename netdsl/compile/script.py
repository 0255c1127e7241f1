"""From a torch.fx GraphModule to a TorchScript module: by scripting, each kind of module once.

TorchScript names a type by its Python class and, where one class gives many types, by a number that counts all it has
made in the process. So that a network gives the same code wherever and whenever it is compiled, each module is
scripted under a class named by its content: `netdsl._4b1f….Conv2d`. Modules of equal content are of one type, and all
but the first are copies of the first with tensors of their own, which takes a fraction of the time.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, cast

import torch
from torch import Tensor, fx, nn

from netdsl.compile.errors import ScriptError
from netdsl.compile.progress import Progress, silent
from netdsl.layers.modules import recurrent
from netdsl.runtime import parser
from netdsl.runtime.quiet import quiet

_PACKAGE = "netdsl._"
_SCRIPTED: Mapping[type[nn.Module], type[nn.Module]] = {recurrent.LSTM: recurrent.ScriptedLSTM}
"""The class for a file of modules whose code has to say more there."""
_classes: dict[tuple[type[nn.Module], str], type[nn.Module]] = {}


def script(network: fx.GraphModule, progress: Progress = silent) -> torch.jit.ScriptModule:
    """The network in TorchScript, with the same tensors. Raises ScriptError."""
    with quiet("torch.jit"), parser.TURN:
        return _assembled(network, progress)


def _assembled(network: fx.GraphModule, progress: Progress) -> torch.jit.ScriptModule:
    """The scripted modules of a network, put together."""
    made: dict[type[nn.Module], torch.jit.ScriptModule] = {}
    shells = {name: _shell(child) for name, child in _children(network).items()}
    root = nn.Module().train(network.training)
    _adopt(root, shells)
    content = _content(root)
    for done, (name, shell) in enumerate(shells.items()):
        progress("scripting", done, len(shells))
        root.add_module(name, _script(shell, name, made))
    forward = type(network).forward
    if content is None:
        root.__class__ = type("Network", (nn.Module,), {"__module__": "netdsl", "forward": forward})
    else:
        root.__class__ = _named(nn.Module, "Network", f"{network.code}{content}", forward)
    return _scripted(root, "")


def _shell(module: nn.Module) -> nn.Module:
    """A module with the same tensors, of a class named by its content; of its own where that cannot be told."""
    kind = _SCRIPTED.get(type(module), type(module))
    shell = object.__new__(kind)  # copy.copy would have a module that packs its weights do so
    vars(shell).update(vars(module))
    _adopt(shell, {name: _shell(child) for name, child in _children(module).items()})
    content = _content(shell)
    if content is not None:
        shell.__class__ = _named(kind, type(module).__name__, content)
    return shell


def _script(shell: nn.Module, path: str, made: dict[type[nn.Module], torch.jit.ScriptModule]) -> torch.jit.ScriptModule:
    kind = type(shell)
    if kind in made:
        return _twin(made[kind], shell)
    if kind.forward is nn.Module.forward:  # a scope
        _adopt(shell, {name: _script(child, f"{path}.{name}", made) for name, child in _children(shell).items()})
    scripted = _scripted(shell, path)
    if kind.__module__.startswith(_PACKAGE):
        made[kind] = scripted
    return scripted


def _twin(first: torch.jit.ScriptModule, shell: nn.Module) -> torch.jit.ScriptModule:
    """A copy of a scripted module with the tensors of another of the same content."""
    twin = copy.copy(first)
    for tensors in ("_parameters", "_buffers"):
        for name, tensor in cast("dict[str, Tensor | None]", vars(shell)[tensors]).items():
            if tensor is not None:
                setattr(twin, name, tensor)
    for name, child in _children(shell).items():
        setattr(twin, name, _twin(getattr(first, name), child))
    return twin


def _scripted(module: nn.Module, path: str) -> torch.jit.ScriptModule:
    try:
        return torch.jit.script(module)  # pyright: ignore[reportUnknownMemberType]
    except Exception as error:  # of a package's layer, what PyTorch meets in it: OSError where there is no source
        raise ScriptError(path, type(module).__name__, str(error).strip()) from error


def _children(module: nn.Module) -> dict[str, nn.Module]:
    children = cast("dict[str, nn.Module | None]", vars(module)["_modules"])
    return {name: child for name, child in children.items() if child is not None}


def _adopt(module: nn.Module, children: dict[str, Any]) -> None:
    """Give a module other children, and leave those that it shares its dict with their own."""
    vars(module)["_modules"] = {**vars(module)["_modules"], **children}


def _content(module: nn.Module) -> str | None:
    """All that its TorchScript type follows from, apart from its class; None where an attribute is not plain data."""
    facts: list[object] = []
    for name, value in vars(module).items():
        match name:
            case "_parameters" | "_buffers":
                facts.append([(one, tensor is None) for one, tensor in value.items()])
            case "_modules":
                kinds = [(one, child and type(child).__module__) for one, child in value.items()]
                if not all(kind is None or kind.startswith(_PACKAGE) for _, kind in kinds):
                    return None
                facts.append(kinds)
            case "_non_persistent_buffers_set":
                facts.append(sorted(value))
            case _:
                if not _plain(value):
                    return None
                facts.append((name, value))
    return repr(facts)


def _plain(value: object) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_plain, cast("list[object]", value)))
    return value is None or isinstance(value, bool | int | float | str) or (isinstance(value, dict | set) and not value)


def _named(
    base: type[nn.Module], name: str, content: str, forward: Callable[..., Any] | None = None
) -> type[nn.Module]:
    """The class for modules of some content: the same in every process, and the same object within one."""
    digest = sha256(f"{base.__module__}.{base.__qualname__}: {content}".encode()).hexdigest()[:16]
    if (base, digest) not in _classes:
        own: dict[str, Any] = {"__module__": f"{_PACKAGE}{digest}", "__doc__": base.__doc__}
        if forward is not None:
            own["forward"] = forward
        _classes[base, digest] = type(name, (base,), own)
    return _classes[base, digest]
