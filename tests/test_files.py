"""What is written is whole or not at all, whatever it is written to, and whatever interrupts it."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest
import torch
from click.testing import CliRunner

import netdsl
from netdsl import files
from netdsl.cli.common import UsageError
from netdsl.cli.main import cli
from netdsl.text import format as formatter
from netdsl.text.source import Source

HERE = Path(__file__).parent
STEP = int(os.environ.get("NETDSL_INTERRUPT_EVERY", "16"))
"""Every how manyth call of a long command is interrupted; 1 takes minutes."""

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pipes, links and signals as on Unix")


def read_by(path: Path, write: Callable[[], object]) -> bytes:
    """What comes out of a pipe while something writes to it."""
    found: list[bytes] = []
    reader = Thread(target=lambda: found.append(path.read_bytes()))
    reader.start()
    write()
    reader.join()
    return found[0]


@pytest.mark.parametrize("linked", [False, True])
def test_a_pipe_is_written_to_and_stays(tmp_path: Path, linked: bool) -> None:
    pipe = tmp_path / "pipe.svg"
    os.mkfifo(pipe)
    path = tmp_path / "link.svg" if linked else pipe
    if linked:
        path.symlink_to(pipe)
    network = netdsl.loads("INPUT 4 -> FC 2")
    assert read_by(pipe, lambda: network.draw(path)) == network.draw()
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert path.is_symlink() == linked


def test_a_compiled_file_goes_through_a_pipe(tmp_path: Path) -> None:
    network = netdsl.loads("INPUT 4 -> FC 2")
    (tmp_path / "whole").mkdir()
    whole = network.compile(tmp_path / "whole" / "net.pt").read_bytes()
    pipe = tmp_path / "net.pt"
    os.mkfifo(pipe)
    assert read_by(pipe, lambda: network.compile(pipe)) == whole
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_device_is_written_to_and_stays(tmp_path: Path) -> None:
    link = tmp_path / "net.svg"
    link.symlink_to(os.devnull)
    netdsl.loads("INPUT 4 -> FC 2").draw(link)
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)
    assert link.is_symlink()


@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="a system without /dev/stdout")
def test_what_a_process_holds_open_is_written_where_it_stands(tmp_path: Path) -> None:
    code = (
        "import os; from pathlib import Path; from netdsl import files\n"
        "os.write(1, b'first '); files.replace(Path('/dev/stdout'), b'second '); os.write(1, b'third')"
    )
    with (tmp_path / "out").open("wb") as out:
        subprocess.run([sys.executable, "-c", code], stdout=out, check=True, cwd=HERE.parent)
    assert (tmp_path / "out").read_text() == "first second third"


@pytest.mark.parametrize("named", [False, True], ids=["without a name", "with a name"])
def test_a_file_is_new_or_keeps_its_permissions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: bool) -> None:
    if named:  # as on a system whose files all have names
        monkeypatch.setattr(files, "_unnamed", lambda folder: None)
    old, new, link = tmp_path / "old", tmp_path / "new", tmp_path / "link"
    old.write_bytes(b"before")
    old.chmod(0o640)
    link.symlink_to("old")
    umask = os.umask(0o027)
    try:
        files.replace(link, b"now")
        files.replace(new, b"now")
    finally:
        os.umask(umask)
    assert link.is_symlink()
    assert (old.read_bytes(), new.read_bytes()) == (b"now", b"now")
    assert [stat.S_IMODE(one.stat().st_mode) for one in (old, new)] == [0o640, 0o640]
    assert sorted(os.listdir(tmp_path)) == ["link", "new", "old"]

    def fails() -> None:
        with files.replacing(old) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fails()
    assert old.read_bytes() == b"now"
    assert sorted(os.listdir(tmp_path)) == ["link", "new", "old"]


def test_what_was_left_aside_is_taken_away_by_the_next(tmp_path: Path) -> None:
    path = tmp_path / "net.svg"
    files.replace(path, b"old")

    def dies() -> None:
        child = os.fork()
        if not child:
            os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # pyright: ignore
            files.replace(path, b"new")
        os.waitpid(child, 0)

    dies()
    assert len(os.listdir(tmp_path)) == 2
    assert path.read_bytes() == b"old"
    files.replace(path, b"newer")
    assert os.listdir(tmp_path) == ["net.svg"]
    assert path.read_bytes() == b"newer"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("none/net.svg", errno.ENOENT),
        (".", errno.EISDIR),
        ("file/net.svg", errno.ENOTDIR),
        ("n" * 300, errno.ENAMETOOLONG),
    ],
)
def test_a_bad_place_is_an_error_about_it(tmp_path: Path, name: str, code: int) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"\[Errno") as found:
        files.replace(tmp_path / name, b"data")
    assert (found.value.errno, found.value.filename) == (code, str(tmp_path / name))
    assert os.listdir(tmp_path) == ["file"]


def test_a_name_as_long_as_names_may_be_is_written(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 251 + ".svg")
    for data in (b"one", b"two"):
        files.replace(path, data)
        assert path.read_bytes() == data


@pytest.mark.skipif(shutil.which("gcc") is None or sys.platform != "linux", reason="counts system calls by a library")
def test_no_interruption_leaves_half_a_file(tmp_path: Path) -> None:
    library = tmp_path / "interrupt.so"
    build = ["gcc", "-shared", "-fPIC", "-O1", "-o", str(library), str(HERE / "interrupt.c"), "-ldl"]
    subprocess.run(build, check=True)
    done = subprocess.run(
        [sys.executable, str(HERE / "interruptions.py"), str(tmp_path), str(STEP)],
        env={**os.environ, "LD_PRELOAD": str(library), "PYTHONPATH": str(HERE.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.returncode, done.stderr
    *complaints, runs = done.stdout.splitlines()
    assert complaints == []
    assert int(runs) > 150


def test_a_full_disk_is_met_before_torch_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Writers of torch's end the process where a write fails: room is made beforehand."""

    def full(*_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    monkeypatch.setattr(torch.jit, "save", lambda *_, **__: pytest.fail("torch writes"))  # pyright: ignore
    with pytest.raises(OSError, match="No space left") as found:
        netdsl.loads("INPUT 4 -> FC 2").compile(tmp_path / "net.pt")
    assert found.value.filename == str(tmp_path / "net.pt")
    assert os.listdir(tmp_path) == []


def test_a_file_that_changes_while_it_is_formatted_keeps_the_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "net.net"
    path.write_text("INPUT 4 ->   FC 2\n")
    formatted = formatter.format

    def meanwhile(source: Source) -> str:
        path.write_text("INPUT 5 ->   FC 2\n")
        return formatted(source)

    monkeypatch.setattr(formatter, "format", meanwhile)
    done = CliRunner().invoke(cli, ["fmt", str(path)])
    assert isinstance(done.exception, UsageError)
    assert "changed meanwhile" in str(done.exception)
    assert path.read_text() == "INPUT 5 ->   FC 2\n"
