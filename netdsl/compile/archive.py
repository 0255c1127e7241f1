"""Files of compiled networks, written whole or not at all; TorchScript's alike byte for byte where networks are."""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from errno import EINVAL, EIO, EOPNOTSUPP
from hashlib import sha256
from pathlib import Path
from typing import IO

import torch
from torch import fx

from netdsl import files
from netdsl.compile.plan import Plan
from netdsl.compile.progress import Progress
from netdsl.compile.script import script
from netdsl.runtime.quiet import quiet
from netdsl.runtime.switches import kept

_CODE = 2**20
"""Room for what is no tensor: more than the code of a thousand layers takes."""

_CONSTANTS = re.compile(rb"(?:^  \w+ : Final\[.*\n)+", re.MULTILINE)


def write(network: fx.GraphModule, plan: Plan, path: Path, texts: Mapping[str, str], progress: Progress) -> None:
    """Write a network in TorchScript, with texts that `torch.jit.load(path, _extra_files=…)` gives back.

    Raises ScriptError and OSError.
    """
    module = script(network, progress)
    progress("writing", 0, 1)
    size = sum(tensor.nbytes for tensor in (*module.parameters(), *module.buffers())) + _CODE
    with replacement(path, size) as temporary:
        with quiet("torch.jit"), kept():
            torch.jit.save(module, str(temporary), _extra_files=dict(texts))  # pyright: ignore[reportUnknownMemberType]
        _tidy(temporary)


@contextmanager
def replacement(path: Path, size: int) -> Generator[Path]:
    """Where torch's writer may put up to `size` bytes, which then take the place of `path`. Raises OSError."""
    with files.replacing(path) as file:
        _make_room(file, size)
        _forget(path)
        with files.called(file, path.name) as place:  # of the same name, which the archive's own folder has too
            try:
                yield place
            except RuntimeError as error:  # torch's writer has no other
                raise OSError(EIO, str(error).partition("\n")[0].rpartition("] . ")[2]) from error


def _make_room(file: IO[bytes], size: int) -> None:
    """Raise OSError where the disk cannot hold a file: once it is full, torch's writer ends the process."""
    if hasattr(os, "posix_fallocate"):  # which knows of quotas and limits too
        try:
            os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            if error.errno not in (EINVAL, EOPNOTSUPP):
                raise
        file.truncate(0)


def _forget(path: Path) -> None:
    """Let the system drop what it caches of a file about to be replaced: its pages serve the new one."""
    if hasattr(os, "posix_fadvise") and path.is_file():
        with suppress(OSError), path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _tidy(path: Path) -> None:
    """Take out what differs from run to run, which all stands behind the tensors.

    TorchScript writes a class's constants in the order of a Python set, the places of the source files on this
    machine, and a digest of them all.
    """
    with zipfile.ZipFile(path, "a") as archive:
        records = cut(archive, "/data.pkl")
        digest = sha256(repr([(one.filename, one.CRC) for one in archive.filelist]).encode())
        for name, data in records.items():
            if name.endswith(".debug_pkl"):
                continue
            if name.endswith(".py"):
                data = _CONSTANTS.sub(_sorted, data)
            if name.endswith("/.data/serialization_id"):
                data = str(int(digest.hexdigest(), 16))[:40].encode()
            digest.update(name.encode() + data)
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)


def cut(archive: zipfile.ZipFile, suffix: str) -> dict[str, bytes]:
    """Take out what stands in an archive from the first name with a suffix on; gives it by name.

    Raises OSError where there is none: torch's writer does not tell of all that the disk refuses.
    """
    entries = archive.infolist()
    first = next((index for index, one in enumerate(entries) if one.filename.endswith(suffix)), None)
    if first is None:
        raise OSError(EIO, os.strerror(EIO))
    records = {one.filename: archive.read(one) for one in entries[first:]}
    archive.start_dir = entries[first].header_offset
    for name in records:
        del archive.NameToInfo[name]
    del archive.filelist[first:]
    return records


def _sorted(lines: re.Match[bytes]) -> bytes:
    return b"".join(sorted(lines[0].splitlines(keepends=True)))
