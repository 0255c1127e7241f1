"""Networks as git keeps them: a file of a revision, with the files that it uses."""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory


class RevisionError(Exception):
    """Why git has no such file, in its own words."""


class NotInRevisionError(RevisionError):
    """A revision that has no such file."""


@contextmanager
def checkout(revision: str, path: str) -> Generator[Path]:
    """A file as it was in a revision, in a folder of its own that lasts as long as the context.

    The path counts from the current folder, or from the top of the repository as `git show REVISION:PATH` has it. What
    lies beside the file and below with its suffix comes along, so that it finds what it uses. Raises RevisionError.
    """
    inside = _git("rev-parse", "--show-prefix").decode().strip()
    found = PurePosixPath(inside, path)
    try:
        _git("cat-file", "-e", f"{revision}:{found}")
    except RevisionError:
        found = PurePosixPath(path)
        try:
            _git("cat-file", "-e", f"{revision}:{found}")
        except RevisionError as error:
            _git("cat-file", "-e", revision)
            raise NotInRevisionError(*error.args) from None
    folder = f"{revision}:{found.parent}" if found.parent.name else revision
    top = _git("rev-parse", "--show-toplevel").decode().rstrip("\n")
    data = _git("-C", top, "archive", "--format=tar", folder, "--", f":(glob)**/*{found.suffix}")
    with TemporaryDirectory() as place, tarfile.open(fileobj=io.BytesIO(data)) as archive:
        archive.extractall(place, filter=_kept)
        target = Path(place, found.name)
        if not target.exists():
            raise RevisionError("it is a link to what does not come along")
        yield target


def _kept(member: tarfile.TarInfo, folder: str) -> tarfile.TarInfo | None:
    """What to take out of an archive: all but links that lead out of the folder."""
    try:
        return tarfile.data_filter(member, folder)
    except tarfile.FilterError:
        return None


def _git(*arguments: str) -> bytes:
    """What git prints. Raises RevisionError with what it complains of."""
    try:
        return subprocess.run(["git", *arguments], capture_output=True, check=True).stdout
    except FileNotFoundError:
        raise RevisionError("a revision needs git, and there is none on PATH") from None
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode("utf-8", "replace").strip().splitlines() or ["git failed"]
        raise RevisionError(said[0].removeprefix("fatal: ")) from None
