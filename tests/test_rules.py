"""What passes make of layers: which rely on a default, and that four things are enough for a package to say of one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from netdsl.cli.main import cli
from netdsl.compile.inits import gains
from netdsl.compile.onnx import operators
from netdsl.draw import captions
from netdsl.explain import readings
from netdsl.layers import table
from netdsl.layers.base import Layer
from netdsl.layers.rules import Rule
from netdsl.measure import saves
from netdsl.see import back

RULES: dict[str, Rule[Any]] = {
    one.name: one
    for one in (
        *(captions.title, captions.boxed, captions.caption),
        *(readings.reading, readings.notes, readings.answers),
        *(saves.saves, saves.least_batch),
        operators.onnx,
        back.back,
        gains.gain,
    )
}
OWN = list(dict.fromkeys(layer for keyword in table.keywords() if (layer := table.find(keyword))))

# Of each rule, the layers of which it says something; all others rely on its default.
SAID = {
    "title": "LSTM RELU RELU6 LEAKYRELU PRELU SELU GELU SILU HARDSWISH HARDSIGMOID LOGSOFTMAX DWCONV MAXPOOL AVGPOOL "
    "DROPPATH PIXELSHUFFLE PIXELUNSHUFFLE SUB MUL ABS ADD MAX PAD",
    "boxed": "LRN POSITIONS SOFTMAX LOGSOFTMAX",
    "caption": "INPUT CONV DWCONV DECONV ATTENTION LSTM GRU MAXPOOL AVGPOOL",
    "reading": "INPUT CONV DWCONV DECONV ATTENTION LSTM GRU FC RBF MAXPOOL AVGPOOL",
    "notes": "INPUT CONV DWCONV DECONV ATTENTION LSTM GRU FC RBF MAXPOOL AVGPOOL FLATTEN RESHAPE CROP UPSAMPLE "
    "CONCAT MUL",
    "answers": "LRN BN DROPOUT",
    "least_batch": "BN",
    "onnx": " ".join(
        layer.keyword for layer in OWN if layer.role not in ("input", "dropout") and layer.keyword != "SKIP"
    ),
    "saves": " ".join(layer.keyword for layer in OWN if layer.keyword not in ("INPUT", "SKIP")),
}
SAID["back"] = " ".join(
    layer.keyword for layer in OWN if layer.keyword not in ("INPUT", "ATTENTION", "LSTM", "GRU", "RBF")
)
SAID["gain"] = "RELU RELU6 LEAKYRELU PRELU ELU GELU SILU MISH HARDSWISH SOFTPLUS TANH"
BY_KEYWORD = {
    "title": {*captions._TITLES, *captions._SHORT},
    "boxed": captions._BOXED,
    "notes": set(readings._NOTES),
}


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.name)
def test_which_layers_rely_on_a_default(rule: Rule[object]) -> None:
    said = {layer.keyword for layer in OWN if any(one in rule._rules for one in layer.__mro__ if one is not Layer)}
    said |= BY_KEYWORD.get(rule.name, set())
    assert said == set(SAID[rule.name].split())


MINIMAL = """\
from dataclasses import dataclass

from netdsl.layers.base import Layer
from netdsl.layers.shape import Shape


@dataclass(frozen=True)
class Halve(Layer):
    keyword = "HALVE"
    role = "pooling"

    def shape(self, x):
        return Shape(tuple(size // 2 for size in x.spatial), x.channels)

    def lower(self, x):
        from torch import nn

        return nn.MaxPool2d(2)
"""
COMMANDS = {
    "check": [],
    "summary": [],
    "explain": [],
    "explain one": ["halve1"],
    "memory": [],
    "compare": [],
    "diff": ["lenet5"],
    "emit": ["--stage", "optimized"],
    "draw": ["-o", "out.svg"],
    "draw columns": ["--style", "columns", "-o", "out.svg"],
    "draw volumes": ["--style", "volumes", "-o", "out.svg"],
    "draw html": ["-o", "out.html"],
    "transform": ["--convolutional", "-o", "out.net"],
    "compile": ["-o", "out.pt"],
    "compile onnx": ["-o", "out.onnx"],
    "compile cpu": ["--target", "cpu", "-o", "out.pt"],
    "layers": [],
}


@pytest.fixture
def minimal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """Runs a command beside a network with HALVE, which a module brings that says four things of it."""
    monkeypatch.chdir(tmp_path)
    Path("minimal_halve.py").write_text(MINIMAL)
    Path("net.net").write_text("INPUT 8x8x3\n-> CONV 4 3 p1 -> HALVE -> RELU -> HALVE -> FC 2\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    entries = {"HALVE": EntryPoint("HALVE", "minimal_halve:Halve", table.GROUP)}
    monkeypatch.setattr(table, "_entry_points", lambda: entries)
    table._loaded.cache_clear()

    def run(*arguments: str) -> str:
        found = CliRunner().invoke(cli, arguments)
        assert found.exit_code in (0, int(arguments[0] == "diff")), found.output
        return found.output

    yield run
    table._loaded.cache_clear()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_layer_that_says_four_things_works_in_every_command(minimal: Callable[..., str], command: str) -> None:
    name = command.split()[0]
    if command == "compile onnx":
        pytest.importorskip("onnx")
        pytest.importorskip("onnxscript")
    output = minimal(name, "HALVE" if name == "layers" else "net.net", *COMMANDS[command])
    written = [one for one in Path().glob("out.*") if one.suffix not in (".pt", ".onnx")]
    told = output + "".join(one.read_text(encoding="utf-8") for one in written)
    assert "halve" in told.lower() or name in ("check", "compile", "compare")
