"""Files written whole or not at all."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from errno import EACCES, EISDIR
from functools import partial
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory, TemporaryFile
from typing import IO, TypeAlias
from zlib import crc32

File: TypeAlias = IO[bytes]


def replace(path: Path, data: bytes) -> None:
    """Write a file, whole or not at all. Raises OSError."""
    with replacing(path) as file:
        file.write(data)


@contextmanager
def replacing(path: Path) -> Generator[File]:
    """A file to write, which takes the place of `path` in the end, whole or not at all. Raises OSError about `path`.

    Links are followed, and a file keeps its permissions and its owner. What is no regular file, as a pipe or a device,
    is written to, and never replaced.

    Until the end the file has no name where the system has such files (Linux), so that nothing is left behind, whatever
    ends the process.
    """
    with _about(path):
        if (stream := _stream(path)) is not None:
            with TemporaryFile() as file:
                yield file
                file.seek(0)
                with os.fdopen(stream(), "wb") as out:
                    shutil.copyfileobj(file, out)
            return
        target = Path(os.path.realpath(path))
        with _beside(target) as file:
            yield file
            file.flush()
            _resemble(file, target)
            _place(file, target)


def check(path: Path) -> None:
    """Raise OSError where no file can be written at `path`, as long as that costs nothing."""
    with _about(path):
        if _stream(path) is None:
            with _beside(Path(os.path.realpath(path))):
                pass


@contextmanager
def called(file: File, name: str) -> Generator[Path]:
    """A path of that name by which a file that is open can be opened, for writers that ask for one."""
    with TemporaryDirectory(prefix="netdsl-") as folder:
        path = Path(folder, name)
        path.symlink_to(_opened(file) or str(file.name))
        yield path


@contextmanager
def _about(path: Path) -> Generator[None]:
    """What fails within is an OSError about `path`, and not about a file that nobody asked for."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error


def _stream(path: Path) -> Callable[[], int] | None:
    """What opens a path that is no regular file: a pipe, a device, or what this process holds open, as /dev/stdout is.

    Raises OSError for a folder, and for a file that may not be written.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(mode):
        raise OSError(EISDIR, os.strerror(EISDIR))
    if not os.access(path, os.W_OK):
        raise OSError(EACCES, os.strerror(EACCES))
    at = path
    while at.is_symlink():
        if at.parent.resolve() == Path("/proc/self/fd").resolve():
            return partial(os.dup, int(at.name))
        at = at.parent.resolve() / at.readlink()
    return None if stat.S_ISREG(mode) else partial(os.open, path, os.O_WRONLY)


@contextmanager
def _beside(target: Path) -> Generator[File]:
    """A new file in a target's folder, without a name where there are such; gone in the end, unless it was placed."""
    unnamed = _unnamed(target.parent)
    if unnamed is not None:
        with unnamed:
            yield unnamed
        return
    with NamedTemporaryFile(prefix=".netdsl-", dir=target.parent, delete=False) as file:
        os.chmod(file.name, 0o666 & ~_umask())
        try:
            yield file
        finally:
            with suppress(FileNotFoundError):
                os.unlink(file.name)


def _unnamed(folder: Path) -> File | None:
    """A new file of a folder's disk without a name; None where the system or the disk has no such files."""
    try:
        file = os.fdopen(os.open(folder, os.O_TMPFILE | os.O_RDWR, 0o666), "w+b")
    except (AttributeError, OSError):  # whatever else is wrong with the folder, a named file meets too
        return None
    if _opened(file) is None:
        file.close()
        return None
    return file


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _opened(file: File) -> str | None:
    """The name that the system has for an open file; None for a system without."""
    path = f"/proc/self/fd/{file.fileno()}"
    return path if os.path.exists(path) else None


def _resemble(file: File, target: Path) -> None:
    """Give a file the permissions and the owner of the one that it replaces, as far as may be."""
    with suppress(FileNotFoundError):
        before = target.stat()
        if hasattr(os, "fchown"):
            with suppress(PermissionError):
                os.fchown(file.fileno(), before.st_uid, before.st_gid)
        os.chmod(_opened(file) or file.name, stat.S_IMODE(before.st_mode))


def _place(file: File, target: Path) -> None:
    """Let a file be the target, in one step."""
    if isinstance(file.name, str):
        os.replace(file.name, target)
        return
    with suppress(FileExistsError):
        _link(file, target)
        return
    # A file without a name can take no other's place: it has one of its own for a moment, which the next to write
    # this target takes away, should the process end between the two steps.
    aside = target.parent / f".netdsl-{crc32(os.fsencode(target.name)):08x}"
    try:
        while True:
            with suppress(FileNotFoundError):
                aside.unlink()
            with suppress(FileExistsError):
                _link(file, aside)
                with suppress(FileNotFoundError):  # another one who writes here took it away
                    os.replace(aside, target)
                    return
    except BaseException:
        with suppress(FileNotFoundError):
            aside.unlink()
        raise


def _link(file: File, path: Path) -> None:
    """Give a file without a name one. Raises FileExistsError."""
    handle = file.fileno()  # Python follows links only where it is given a folder, which an absolute path does without
    os.link(f"/proc/self/fd/{handle}", path, src_dir_fd=handle, follow_symlinks=True)
