"""A clone passes wherever it lies, whoever runs it, and whatever the locale, the clock and the umask are.

Copies of this tree are made in folders that a clone may be in, and `make test` runs in each the tests that start
processes, write files or follow paths. The packages are those of the Python that runs this.
"""

from __future__ import annotations

import os
import shutil
import site
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = ["cli", "render", "pages", "docs", "diff", "packaging"]
CHOSEN = "shell or stream or disk or folder or dot or lead or git or revision or README"
OTHER_USER = "65534"  # nobody


@dataclass(frozen=True)
class Place:
    """A folder to clone into, and the variables of those who work there."""

    folder: str
    variables: dict[str, str] = field(default_factory=dict[str, str])
    umask: int = 0o022
    other_user: bool = False


PLACES = [
    Place("netdsl", {"HOME": "/proc", "TZ": "Pacific/Chatham", "COLUMNS": "40", "GIT_DIR": "/nowhere"}),
    Place("réseau neuf", {"LC_ALL": "pt_BR.UTF-8", "TZ": "No/Where"}, umask=0o077, other_user=True),
]


@pytest.fixture
def parent() -> Iterator[Path]:
    """A folder that every user can pass, which pytest's own are not."""
    with tempfile.TemporaryDirectory(prefix="netdsl-clones-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        folder.chmod(0o755)


@pytest.mark.skipif(sys.platform == "win32", reason="make and its shell are not those of Windows")
@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.folder)
def test_a_clone_passes(place: Place, parent: Path) -> None:
    clone = parent / place.folder
    copy(clone)
    environment(clone)
    (clone / "tmp").mkdir()
    user = as_another_user() if place.other_user else []
    if user:
        subprocess.run(["chown", "-R", OTHER_USER, clone], check=True)
    parent.chmod(0o555)
    arguments = f"-q -n 0 -p no:cacheprovider -k '{CHOSEN}' {' '.join(f'tests/test_{name}.py' for name in FILES)} 2>&1"
    dropped = ("LC_", "LANG", "HOME", "TZ", "XDG_", "PYTEST", "MAKE", "MFLAGS", "PYTHON", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    done = subprocess.run(
        [*user, "make", "test", f"ARGS={arguments}"],
        cwd=clone,
        env={**kept, "TMPDIR": str(clone / "tmp"), **place.variables},
        umask=place.umask,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


def copy(clone: Path) -> None:
    """Put what a clone of this tree would have into a folder; what git does not keep is not in it."""
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("this tree is no clone")
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, clone / name)


def environment(clone: Path) -> None:
    """Give a clone a .venv that `make` takes as it is: with the packages of this Python, and the clone itself."""
    venv.create(clone / ".venv", symlinks=True, with_pip=False)
    (packages,) = clone.glob(".venv/lib/python*/site-packages")
    here = [path for path in map(Path, sys.path) if path.name in ("site-packages", "dist-packages")]
    assert here, site.getsitepackages()
    (packages / "packages.pth").write_text("\n".join(["../../../..", *map(str, here), ""]), encoding="utf-8")
    for stamp in ("runtime.stamp", "dev.stamp"):
        (clone / ".venv" / stamp).touch()


def as_another_user() -> list[str]:
    """The words that run a command as another user than root, who may read this Python; none where nobody is root."""
    if os.geteuid() != 0:
        return []
    change = ["setpriv", f"--reuid={OTHER_USER}", f"--regid={OTHER_USER}", "--clear-groups"]
    reads = "-all,+dac_read_search"  # where the Python is root's own: to read it, and to write nothing
    for words in (change, [*change, f"--inh-caps={reads}", f"--ambient-caps={reads}"]):
        command = [*words, "env", sys.executable, "-c", "import pytest"]
        if shutil.which("setpriv") and not subprocess.run(command, capture_output=True, check=False).returncode:
            return words
    return []
