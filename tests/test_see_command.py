"""`netdsl see`: what FILE may be, what is written, and what is told."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from command_line import run
from PIL import Image
from safetensors.torch import load_file

import netdsl
from netdsl import compile
from netdsl.runtime.preparation import Preparation


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as a training leaves it, with pictures beside it."""
    monkeypatch.chdir(tmp_path)
    program = "INPUT 12x12x1 -> conv1: CONV 3 3 -> RELU -> pool1: MAXPOOL 2 -> fc2: FC 2 -> prob: SOFTMAX\n"
    Path("run").mkdir()
    shaped = netdsl.loads(program, name="net.net").shaped
    compile.compile(
        shaped, Path("run/best.pt"), classes=("dot", "dash"), preparation=Preparation((0.2,), (0.4,), "pad")
    )
    Path("net.net").write_text(program)
    Path("some").mkdir()
    for seed in range(3):
        values = np.random.default_rng(seed).integers(0, 256, (10, 10), np.uint8)
        Image.fromarray(values).save(f"some/{seed}.png")
    return tmp_path


def test_the_command_takes_a_training_s_folder_its_weights_and_its_classes(folder: Path) -> None:
    assert run("see", "run", "--filters").out == "run-filters.png: net: the filters of conv1\n"
    done = run("see", "run", "some/0.png", "some/1.png", "--occlude", "--class", "dash", "-o", "o.svg")
    assert (done.status, done.err) == (0, "")
    assert run("see", "run", "some", "--occlude", "-o", "all.svg").out.count("\n") == 4
    first, second, last = done.out.splitlines()
    assert first.startswith("0.png: dash at 0.")
    assert second.startswith("1.png: dash at 0.")
    assert last == "o.svg: net: what it goes by"
    words = re.findall(r"<text[^>]*>([^<]+)</text>", Path("o.svg").read_text(encoding="utf-8"))
    assert "1.png" in words
    done = run(
        "see", "run/best.pt", "--deconv", "--layer", "pool1", "--over", "some", "--channels", "2, 0", "-o", "d.pdf"
    )
    assert (done.status, done.err) == (0, "")
    assert [line.split(":")[0] for line in done.out.splitlines()] == ["channel 2", "channel 0", "d.pdf"]
    assert Path("d.pdf").read_bytes().startswith(b"%PDF")


def test_a_training_s_folder_says_its_params_and_python_takes_it_too(folder: Path) -> None:
    program = "param classes = 5\nINPUT 12x12x1 -> conv1: CONV 3 3 -> RELU -> FC classes -> SOFTMAX\n"
    Path("two.net").write_text(program)
    draw = np.random.default_rng(0)
    np.savez("two.npz", x_train=draw.integers(0, 256, (40, 12, 12), np.uint8), y_train=np.arange(40) % 2)
    network = netdsl.load("two.net", classes=2)
    network.train("two.npz", "trained", epochs=1, batch=20, show=False)
    done = run("see", "trained", "--filters", "-o", "f.svg")
    assert (done.status, done.err) == (0, "")
    done = run("see", "trained", "--deconv", "--layer", "conv1", "--over", "two.npz", "--channels", "0", "-o", "d.svg")
    assert (done.status, done.err) == (0, "")
    view = network.see("trained")
    assert view.subject.classes == ("0", "1")
    best = load_file("trained/best.safetensors")
    assert np.array_equal(view.filters().found.kernels, best["conv1.weight"].numpy())
    assert network.see(best, classes=("no", "yes")).occlude("some/0.png", "yes").found[0].called == "yes"
    assert "no --set" in run("see", "trained", "--filters", "--set", "classes=2").err
    assert run("summary", "trained").err.endswith("  = help: the program of this training is trained/network.net\n")
    assert run("probe", "two.net", "--weights", "trained").err.endswith("write --weights trained/best.safetensors\n")
    last = Path("trained/last.safetensors")
    whole = last.read_bytes()
    last.write_bytes(whole[:-9])
    done = run("see", "trained", "--filters", "-o", "f.svg")
    assert (done.status, "best.pt beside it is taken as it is" in " ".join(done.err.split())) == (2, True)
    assert "other params or inputs" in done.err
    assert run("see", "trained", "--filters", "--set", "classes=2", "-o", "f.svg").status == 0
    last.write_bytes(whole)
    Path("trained/best.pt").unlink()
    done = run("see", "trained", "--filters", "-o", "f.svg")
    assert done.status == 0
    assert "there is no best.pt in trained yet" in done.err


def test_untrained_weights_are_told(folder: Path) -> None:
    done = run("see", "net.net", "--filters", "-o", "f.png")
    assert done.status == 0
    assert "the weights are untrained" in done.err


MISTAKES = {
    "run": "error: what is to be seen?",
    "run --filters --occlude": "--filters and --occlude are a picture each",
    "run --occlude": "--occlude: there is no picture",
    "run --filters some/0.png some/1.png": "filters are shown beside one picture, and not 2",
    "run --filters --layer fc2 some/0.png": "fc2 makes a vector of a picture, and no maps",
    "run --filters --class dot": "--filters takes no --class",
    "run --deconv --over some": "--deconv: of which layer?",
    "run --deconv --layer conv1": "--deconv looks at PICTUREs, or at --over DATA",
    "run --deconv --layer conv1 --over some some/0.png": "--deconv looks at PICTUREs, or at --over DATA",
    "run --deconv --layer conv1 --over some --channels one": "--channels one: not numbers of channels",
    "run --deconv --layer pol1 --over some": "did you mean pool1?",
    "run --deconv --layer prob --over some": "take a layer before it, such as fc2",
    "run --occlude some/0.png --class dsh": "did you mean dash?",
    "run --occlude some/0.png --class 2": "there is no class 2",
    "run --occlude net.net": "net.net: is no picture that can be read",
    "run --occlude no.png": "no.png: No such file or directory",
    "run --filters --layer fc2 --set units=3": "unknown-param",
    "run --filters -o seen.gif": ".gif is no format of a picture",
    "run --filters -o no/seen.svg": "no/seen.svg: there is no folder no",
    "run --occlude some/0.png --size 13": "a square of 13 pixels covers all of a picture of 12x12",
    "run --occlude some/0.png --size 2 --step 3": "help: move it by 2",
    "run --occlude run": "there are no pictures to look at",
    "run --occlude" + 41 * " some/0.png": "a page has room for 40 pictures, and not for 41",
    "run --deconv --layer conv1 --channels 3 --over some": "channel 3: conv1 has 3 channels, from 0 to 2",
    "run --deconv --layer conv1 --over nowhere.npz": "nowhere.npz",
    "some --filters": "some holds no training: there is no best.pt in it",
}


@pytest.mark.parametrize("words", MISTAKES)
def test_mistakes_on_the_command_line_are_told_and_nothing_is_written(folder: Path, words: str) -> None:
    before = set(folder.rglob("*"))
    done = run("see", *words.split())
    assert (done.status, done.out) == (2, "")
    assert MISTAKES[words] in done.err
    assert set(folder.rglob("*")) == before
