"""A compiled file, loaded: its module, made ready for its device."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from netdsl.runtime import cpu, cuda, private
from netdsl.runtime.file import Compiled, NotCompiledError, opened
from netdsl.runtime.module import lacks_memory, place, reader
from netdsl.runtime.switches import apart

if TYPE_CHECKING:
    from torch import Tensor


class Loaded:
    """A compiled network; called with N x channels x spatial float32, it gives a tensor, or a NamedTuple of several.

    `title`, `meta`, `inputs` and `outputs` are what the file says; dims are of one example, spatial sizes first,
    channels last.
    """

    @apart()
    def __init__(
        self, path: Path, device: str | None = None, threads: int | None = None, *, trust: bool = False
    ) -> None:
        if path.suffix == ".pt2":
            raise NotCompiledError(path, "it is for torch.export, and not TorchScript")
        with opened(path) as compiled:
            self._prepare(compiled, device, threads, trust)

    def _prepare(self, compiled: Compiled, device: str | None, threads: int | None, trust: bool) -> None:
        """Load a file, and make it ready for its device and for the batch that it was compiled for."""
        made = self.card = compiled.card
        self.title, self.meta, self.inputs, self.outputs = made.title, made.meta, made.inputs, made.outputs
        found = place(compiled, device)
        own = [torch.device(name) for name in self.card.devices.values()]
        self.devices = own or [torch.device(found or "cpu")] * len(self.inputs)
        if threads is not None:
            torch.set_num_threads(threads)
        if slower := private.lacking((*private.READER, private.AUTOCAST), "files are loaded and run in slower ways"):
            warnings.warn(slower, stacklevel=5)
        read = reader(compiled, trust=trust)
        module = read(found)
        gpu = any(device.type == "cuda" for device in (*self.devices, *cuda.devices(module)))
        modules = [module] if gpu else [module, read(found)]
        del module, read  # which hold the weights that cpu.prepare may do without
        try:
            if gpu:
                self._run = cuda.prepare(modules.pop())
            else:
                self._run = cpu.prepare(modules, self._examples(self.card.batch), self.card.unfused)
            self.warm(self.card.batch)
        except RuntimeError as error:
            if gpu or lacks_memory(error):
                raise
            raise NotCompiledError(compiled.path, "it does not run on what it says that it takes") from error

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.card!r} on {', '.join(dict.fromkeys(map(str, self.devices)))}>"

    def warm(self, batch: int) -> None:
        """Make ready for batches of a size, which else happens when the first of them comes. Raises ValueError."""
        if not isinstance(batch, Integral) or batch < 1:
            raise ValueError(f"batch is a whole number from 1, not {batch!r}")
        self(*self._examples(batch))

    def _examples(self, batch: int) -> tuple[Tensor, ...]:
        sizes = [(batch, dims[-1], *dims[:-1]) for dims in self.inputs.values()]
        return tuple(
            [torch.zeros(size, dtype=torch.float32, device=one) for size, one in zip(sizes, self.devices, strict=True)]
        )

    @torch.no_grad()
    def __call__(self, *inputs: Tensor) -> Any:
        """The outputs of a batch, which is moved to where the network takes it."""
        if torch.is_autocast_enabled(self.devices[0].type):
            with apart():
                return self(*inputs)
        if len(inputs) != len(self.devices):
            raise RuntimeError(self._unlike(inputs))
        try:
            return self._run(tuple([one.to(device) for one, device in zip(inputs, self.devices, strict=True)]))
        except RuntimeError as error:
            if unlike := self._unlike(inputs):
                raise RuntimeError(unlike) from error
            raise

    def _unlike(self, inputs: Sequence[Tensor]) -> str:
        """What is unlike the inputs that the file is for, which is the likely cause of an error; nothing if none is."""
        if len(inputs) != len(self.inputs):
            return f"it takes one tensor for each of {', '.join(self.inputs)}, and not {len(inputs)}"
        for (name, dims), one in zip(self.inputs.items(), inputs, strict=True):
            wanted = [dims[-1], *dims[:-1]]
            if list(one.shape[1:]) != wanted or one.dtype != torch.float32:
                given = f"{str(one.dtype).removeprefix('torch.')} of {' x '.join(map(str, one.shape))}"
                return f"{name} is float32 of {' x '.join(map(str, ['batch', *wanted]))}, and not {given}"
        return ""
