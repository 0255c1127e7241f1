"""A compiled file's module, from exactly what was checked: an archive made anew of the members that were read."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from functools import cache, cached_property
from typing import Any, cast

import torch

from netdsl.runtime import private
from netdsl.runtime.archive import Archive, ArchiveError
from netdsl.runtime.checked import code, pickles
from netdsl.runtime.file import TEXTS

_CODE, _PICKLES, _SUMS = 2**23, 2**25, 2**24
"""Bytes of code, and of a pickle, that are read at most, and of tensors whose checksums are compared."""
_VERSIONS = ("version", ".data/version")
_PICKLED = ("constants.pkl", "data.pkl")
_PLACES = {"version": "version"} | {name: f".data/ts_code/0/{name}" for name in _PICKLED}
"""Where members stand for PyTorch's reader of packages, which takes the data of tensors from elsewhere."""
_IGNORED = ("byteorder", ".data/serialization_id", ".format_version", ".storage_alignment")


class Checked:
    """The code and the data of an archive, read once, and found to do nothing but compute.

    Raises ArchiveError for a damaged file, code.CodeError and pickles.PickleError for one that may do more.
    """

    def __init__(self, archive: Archive) -> None:
        names = archive.names
        data = [name for name in names if name.startswith("data/") and name[5:].isdigit()]
        texts = [name for name in names if name.startswith("code/__torch__/") and name.endswith(".py")]
        known = {*data, *texts, *_VERSIONS, *_IGNORED, *_PICKLED, *[f"extra/{name}" for name in TEXTS]}
        if strange := [name for name in names if name not in known]:
            raise ArchiveError(f"it holds {strange[0]}, which netdsl does not write")
        archive.check(data, _SUMS)
        if sum(archive.members[name].file_size for name in texts) > _CODE:
            raise ArchiveError(f"its code takes more than {_CODE:,} bytes")
        self.archive, self.data = archive, data
        self.members = {name: archive.read(name, _CODE) for name in texts}
        found = code.read(self.members, cache(private.returns))
        sizes = {name: archive.members[name].file_size for name in data}
        for name in _PICKLED:
            self.members[name] = archive.read(name, _PICKLES)
            root = pickles.check(name, self.members[name], found, sizes)
            if name == "data.pkl":
                right = isinstance(root, pickles.Object)
            else:
                right = type(root) is tuple and all(isinstance(one, pickles.Tensor) for one in cast("Any", root))
            if not right:
                raise pickles.PickleError(f"{name} holds no network")
        version = next((name for name in _VERSIONS if name in names), _VERSIONS[0])
        self.members["version"] = archive.read(version, 20)
        if not self.members["version"].strip().isdigit():
            raise ArchiveError("it does not say of which version it is")

    @cached_property
    def storages(self) -> Any:
        """The data of all tensors, by key, which modules share."""
        storages = private.FOUND["_C.DeserializationStorageContext"]()
        for name in self.data:
            held = torch.empty(self.archive.members[name].file_size, dtype=torch.uint8)
            self.archive.fill(name, memoryview(cast("Any", held.numpy())))
            storages.add_storage(name.removeprefix("data/"), held)
        return storages

    def module(self, device: str | None) -> torch.jit.ScriptModule:
        """A module, on a device or on its own ones. Raises whatever PyTorch does where it cannot make it."""
        where = None if device is None else torch.device(device)
        if private.lacking(private.READER, ""):
            return self._copied(where)
        unit, _, reader, read, wrap = (private.FOUND[path] for path in private.READER)
        members = {_PLACES.get(name, f".data/ts_code/{name}"): data for name, data in self.members.items()}
        return wrap(read(unit(), reader(_packed(members)), self.storages, where, "0"))

    def _copied(self, where: torch.device | None) -> torch.jit.ScriptModule:
        """A module with tensors of its own, by PyTorch's public way."""
        data = {name: self.archive.read(name, self.archive.length) for name in self.data}
        read = cast("Any", torch.jit.load)  # pyright: ignore[reportUnknownMemberType]
        return read(_packed(self.members | data), map_location=where)


def _packed(members: Mapping[str, bytes]) -> io.BytesIO:
    """An archive of members."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, data in members.items():
            archive.writestr(f"checked/{name}", data)
    made.seek(0)
    return made
