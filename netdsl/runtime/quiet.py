"""What a library warns of, or logs, while netdsl calls it, kept from netdsl's users.

PyTorch has deprecated TorchScript, which netdsl compiles to: each of its functions says so at each call, in words and
by a category that change with the releases of PyTorch and of Python. `warnings.catch_warnings` swaps the filters of the
whole process, and leaves them wrong where two threads overlap. Here the library's own modules find, under the name
`warnings`, a stand-in that is silent where netdsl calls, and passes on what they warn anyone else of. What C++ warns of
meets a filter that stays, and matches where netdsl calls alone; what the library logs meets one of its own handlers'.
"""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from types import FunctionType, ModuleType
from typing import Any, cast

_QUIET = ContextVar("quiet", default=0)
"""Up to which level of logging a library is silent that netdsl calls in this thread; 0 where it calls none."""


class _Warnings(ModuleType):
    """The module `warnings` as a library's modules have it."""

    def __init__(self, original: ModuleType) -> None:
        super().__init__(original.__name__, original.__doc__)
        vars(self).update(_original=original)

    def warn(self, message: Warning | str, category: Any = None, stacklevel: int = 1, *more: Any, **named: Any) -> None:
        if not _QUIET.get():
            least = 2 if named.get("skip_file_prefixes") else 1
            self._original.warn(message, category, max(stacklevel, least) + 1, *more, **named)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._original, name, value)


class _Anything:
    """Stands for the pattern of a filter; it matches in a thread that is quiet."""

    def match(self, text: str) -> bool:
        return bool(_QUIET.get())


_FILTER = ("ignore", _Anything(), Warning, None, 0)


def _heard(record: logging.LogRecord) -> bool:
    """Whether what was logged is no warning, or nobody is quiet so far."""
    return not logging.WARNING <= record.levelno <= _QUIET.get()


@contextmanager
def quiet(package: str, level: int = logging.WARNING) -> Generator[None]:
    """Drop whatever the modules of an imported package warn of in this thread, until the end of the block.

    What they log as a warning is dropped too, where the library shows it of itself, and up to another level as well
    where that is asked for: of what is raised, and told by whoever calls.
    It is no package whose functions TorchScript reads, as torch is: no stand-in for `warnings` is known there.
    """
    assert package != "torch"
    for namespace in _namespaces(package):
        original = namespace.get("warnings")
        if isinstance(original, ModuleType) and not isinstance(original, _Warnings):
            namespace["warnings"] = _Warnings(original)
    filters = cast("list[object]", warnings.filters)
    if filters[:1] != [_FILTER]:
        with suppress(ValueError):
            filters.remove(_FILTER)
        filters.insert(0, _FILTER)
    for handler in _handlers(package.partition(".")[0]):
        handler.addFilter(_heard)
    before = _QUIET.set(level)
    try:
        yield
    finally:
        _QUIET.reset(before)


_loaded = dict[str, tuple[int, tuple[str, ...]]]()
"""How many modules were loaded when last looked at, and which of them were a package's."""


def _namespaces(package: str) -> Iterator[dict[str, Any]]:
    """The globals of a package's modules, and of the functions that it offers, which others may have wrapped."""
    count, names = _loaded.get(package, (0, ()))
    if count != len(sys.modules):  # thousands, which many a picture need not look through
        modules = list(sys.modules)
        names = tuple([name for name in modules if name == package or name.startswith(f"{package}.")])
        _loaded[package] = len(modules), names
    for name in names:
        if (module := sys.modules.get(name)) is not None:
            yield vars(module)
    for name in getattr(sys.modules[package], "__all__", ()):
        value = getattr(sys.modules[package], name)
        if isinstance(value, FunctionType):
            yield value.__globals__


def _handlers(library: str) -> Iterator[logging.Handler]:
    """What shows the records of a library's loggers."""
    for name, logger in list(logging.root.manager.loggerDict.items()):
        if isinstance(logger, logging.Logger) and (name == library or name.startswith(f"{library}.")):
            yield from list(logger.handlers)
