"""TorchScript files: written whole or not at all, and alike byte for byte where the networks are alike."""

from __future__ import annotations

import os
import re
import warnings
import zipfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from errno import EINVAL, EIO, EISDIR, ENOSPC, EOPNOTSUPP
from hashlib import sha256
from pathlib import Path
from shutil import disk_usage
from tempfile import TemporaryDirectory

import torch


def save(module: torch.jit.ScriptModule, path: Path, extra: Mapping[str, str]) -> None:
    """Write a module, with texts that `torch.jit.load(path, _extra_files=…)` gives back. Raises OSError."""
    _make_room(path, module)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", r"`torch\.jit\.\w+` is deprecated", DeprecationWarning)
            torch.jit.save(module, str(path), _extra_files=dict(extra))  # pyright: ignore[reportUnknownMemberType]
    except RuntimeError as error:  # torch's writer has no other
        raise OSError(EIO, str(error).partition("\n")[0].rpartition("] . ")[2], str(path)) from error
    _tidy(path)


def _make_room(path: Path, module: torch.jit.ScriptModule) -> None:
    """Raise OSError where the disk cannot hold a module's file: on a full disk torch's writer ends the process."""
    size = sum(tensor.nbytes for tensor in (*module.parameters(), *module.buffers())) + _CODE
    if disk_usage(path.parent).free < size:
        raise OSError(ENOSPC, os.strerror(ENOSPC), str(path))
    if hasattr(os, "posix_fallocate"):  # which knows of quotas and limits too
        with path.open("wb") as file:
            try:
                os.posix_fallocate(file.fileno(), 0, size)
            except OSError as error:
                if error.errno not in (EINVAL, EOPNOTSUPP):
                    raise
        path.unlink()


def _tidy(path: Path) -> None:
    """Take out what differs from run to run, which all stands behind the tensors.

    TorchScript writes a class's constants in the order of a Python set, the places of the source files on this
    machine, and a digest of them all.
    """
    with zipfile.ZipFile(path, "a") as archive:
        entries = archive.infolist()
        first = next(index for index, one in enumerate(entries) if one.filename.endswith("/data.pkl"))
        records = {one.filename: archive.read(one) for one in entries[first:]}
        archive.start_dir = entries[first].header_offset
        for name in records:
            del archive.NameToInfo[name]
        del archive.filelist[first:]
        digest = sha256(repr([(one.filename, one.CRC) for one in archive.filelist]).encode())
        for name, data in records.items():
            if name.endswith(".debug_pkl"):
                continue
            if name.endswith(".py"):
                data = _CONSTANTS.sub(_sorted, data)
            if name.endswith("/.data/serialization_id"):
                data = str(int(digest.hexdigest(), 16))[:40].encode()
            digest.update(name.encode() + data)
            archive.writestr(zipfile.ZipInfo(name), data)


_CODE = 2**20
"""Room for what is no tensor: more than the code of a thousand layers takes."""

_CONSTANTS = re.compile(rb"(?:^  \w+ : Final\[.*\n)+", re.MULTILINE)


def _sorted(lines: re.Match[bytes]) -> bytes:
    return b"".join(sorted(lines[0].splitlines(keepends=True)))


@contextmanager
def replacing(path: Path) -> Generator[Path]:
    """A place to write a file of the same name, which takes `path` over at the end, or vanishes. Raises OSError."""
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        raise OSError(code := EISDIR if target.is_dir() else EINVAL, os.strerror(code), str(path))
    try:
        with TemporaryDirectory(prefix=".netdsl-", dir=target.parent) as folder:
            temporary = Path(folder) / path.name
            yield temporary
            if target.exists():
                temporary.chmod(target.stat().st_mode)
            temporary.replace(target)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
