"""What PyTorch and Pillow warn of, or log, while netdsl calls them reaches no user; what they warn the user of does."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
import threading
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor

import netdsl
from netdsl import runtime
from netdsl.runtime.picture import pixels
from netdsl.runtime.quiet import quiet

SCRIPT = import_module("torch.jit._script")
TEXT = "INPUT 8x8x3 -> CONV 4 3 p1 -> BN -> RELU -> FC 4 -> prob: SOFTMAX\noutput conv1\noutput prob"

EVERYTHING = """
import numpy, sys, torch
torch.version.cuda = torch.version.cuda or "13.0"
sys.modules["triton"] = None  # as on Windows: PyTorch logs what it lacks
from pathlib import Path
from types import SimpleNamespace
if "later" in sys.argv:  # for which PyTorch has other words
    for module in (torch.jit._script, torch.jit._serialization):
        module.sys = SimpleNamespace(**{**vars(sys), "version_info": (3, 14)})
import netdsl
from netdsl import runtime
from netdsl.compile import code
from netdsl.runtime import once
from netdsl.runtime.file import opened
net = netdsl.loads(%r)
code(net.shaped, scripted=True)
net.compile("portable.pt")
net.compile("cpu.pt", target="cpu")
net.compile("bf16.pt", target="cpu", precision="bf16")
if "later" not in sys.argv:
    net.compile("exported.pt2")
for name in ("portable.pt", "cpu.pt", "bf16.pt"):
    fast = runtime.load(name)
    fast.warm(2)
    fast(torch.rand(3, 3, 8, 8))
    with opened(Path(name)) as compiled:
        once.answers(compiled, [numpy.zeros((1, 3, 8, 8), numpy.float32)], 1)
print("done")
"""


@pytest.mark.parametrize("python", ["this", "later"])
def test_no_deprecation_of_pytorchs_is_told(python: str, tmp_path: Path) -> None:
    arguments = ["-W", "error", "-c", EVERYTHING % TEXT, python]
    done = subprocess.run([sys.executable, *arguments], capture_output=True, encoding="utf-8", cwd=tmp_path)
    assert (done.stdout, done.stderr, done.returncode) == ("done\n", "", 0)


LOUD = """
import warnings
from functools import wraps

def loud(function, category):
    @wraps(function)
    def call(*arguments, **named):
        warnings.warn("this will go away", category, stacklevel=2)
        return function(*arguments, **named)
    return call
"""


@pytest.fixture(params=[DeprecationWarning, FutureWarning, UserWarning, RuntimeWarning])
def category(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> type[Warning]:
    """What PyTorch warns of TorchScript by, as in a later release."""
    later: dict[str, Any] = {"__name__": "later"}
    exec(LOUD, later)
    for name in ("script", "load", "save", "freeze"):
        monkeypatch.setattr(torch.jit, name, later["loud"](getattr(torch.jit, name), request.param))
    return request.param


@pytest.mark.usefixtures("category")
def test_no_category_or_wording_is_told(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fast = runtime.load(netdsl.loads(TEXT).compile(tmp_path / "small.pt"))
        fast.warm(2)


def twice(x: Tensor) -> Tensor:
    return x + x


def test_a_users_own_call_is_warned_as_without_netdsl(category: type[Warning], monkeypatch: pytest.MonkeyPatch) -> None:
    def told() -> list[tuple[type[Warning], str, str, int]]:
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            torch.jit.script(twice)
        return [(one.category, str(one.message), one.filename, one.lineno) for one in found]

    monkeypatch.setattr(SCRIPT, "warnings", warnings)  # as it was before netdsl called
    before = told()
    with quiet("torch.jit"):
        assert told() == []
    assert told() == before
    assert [one for one in before if one[:2] == (category, "this will go away")]


@pytest.mark.usefixtures("category")
@pytest.mark.parametrize("category", [FutureWarning], indirect=True)
def test_threads_hear_what_is_theirs(tmp_path: Path) -> None:
    """A thread that compiles while another one has filters of its own is silent in it, and leaves them."""
    net, done, failed = netdsl.loads(TEXT), threading.Event(), list[Exception]()

    def compile(number: int) -> None:
        try:
            while not done.is_set():
                runtime.load(net.compile(tmp_path / f"{number}.pt"))
        except Exception as error:
            failed.append(error)

    with quiet("torch.jit"):
        filters = warnings.filters[:]
    threads = [threading.Thread(target=compile, args=[number]) for number in range(2)]
    for thread in threads:
        thread.start()
    told: list[str] = []
    for _ in range(50):
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            torch.jit.script(twice)
        told += [str(one.message) for one in found if "go away" in str(one.message)]
    done.set()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(told) == 50
    assert warnings.filters == filters


def test_what_pytorchs_cpp_warns_of_is_dropped() -> None:
    always = torch.is_warn_always_enabled()
    torch.set_warn_always(True)
    try:
        with quiet("torch.jit"):
            torch.ones(2, 3, 4).permute(0, 1, 2).T.sum()
        with pytest.warns(UserWarning, match="deprecated"):
            torch.ones(2, 3, 4).permute(0, 1, 2).T.sum()
    finally:
        torch.set_warn_always(always)


@pytest.mark.parametrize("name", ["torch", "torch.utils"])
def test_what_pytorch_logs_as_a_warning_is_dropped(name: str) -> None:
    logger, log, told = logging.getLogger(name), logging.getLogger("torch.utils.later"), io.StringIO()
    handler = logging.StreamHandler(told)
    logger.addHandler(handler)
    try:
        with quiet("torch.export"):
            log.warning("triton not found")
            log.error("out of memory")
        log.warning("asked for")
    finally:
        logger.removeHandler(handler)
    assert told.getvalue() == "out of memory\nasked for\n"


def test_what_is_raised_is_not_logged_as_an_error_too() -> None:
    log, told = logging.getLogger("torch.utils.later"), io.StringIO()
    handler = logging.StreamHandler(told)
    log.addHandler(handler)
    try:
        with quiet("torch.export", logging.ERROR):
            log.error("sizes differ")
            log.critical("out of memory")
        log.error("asked for")
    finally:
        log.removeHandler(handler)
    assert told.getvalue() == "out of memory\nasked for\n"


def test_a_module_is_wrapped_once() -> None:
    for _ in range(2):
        with quiet("torch.jit"):
            pass
    found: Any = SCRIPT.warnings
    assert vars(found)["_original"] is warnings
    assert found.filters is warnings.filters


def test_what_is_set_on_the_stand_in_is_set() -> None:
    told: list[str] = []
    with quiet("torch.jit"):
        pass
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        SCRIPT.warnings.showwarning = lambda message, *_: told.append(str(message))
        warnings.warn("heard", UserWarning, stacklevel=1)
    assert told == ["heard"]


def test_a_picture_is_read_in_silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("RGB", (30, 50), (255, 0, 51)).save(tmp_path / "large.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert pixels(tmp_path / "large.png", (8, 8, 3)).shape == (3, 8, 8)
        with pytest.raises(Image.DecompressionBombWarning), Image.open(tmp_path / "large.png"):
            pass
