"""What values show of themselves in a session of Python and in notebooks: little, and nothing unsafe."""

from __future__ import annotations

import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netdsl
from netdsl import runtime
from netdsl.draw.render import RenderError
from netdsl.explain.code import page
from netdsl.graph.node import Node
from netdsl.text.codes import CODES
from netdsl.text.diagnostic import NetError
from netdsl.text.shown import Line, Page, bounded

_MOST = 200 * 121
"""Characters of a page at most."""


@pytest.fixture(scope="module")
def net() -> netdsl.Network:
    return netdsl.load("resnet152")


def error() -> NetError:
    """An exception of many errors."""
    with pytest.raises(NetError) as caught:
        netdsl.loads("INPUT 8 " + "-> CNOV 3 " * 400)
    return caught.value


def warning() -> netdsl.Diagnostic:
    """A warning about a long line."""
    (found,) = netdsl.loads("INPUT 224x224x3 -> CONV 96 11x11 s4 " + "-> RELU " * 400).warnings
    return found


VALUES: dict[str, Callable[[netdsl.Network], object]] = {
    "a network": lambda net: net,
    "its graph": lambda net: net.shaped,
    "its graph without shapes": lambda net: net.shaped.graph,
    "a node": lambda net: net.shaped.nodes[400],
    "its place": lambda net: net.shaped.nodes[400].site,
    "its calls": lambda net: net.shaped.nodes[400].calls,
    "its layer": lambda net: net.shaped.nodes[400].layer,
    "a layer with a table": lambda _: netdsl.load("lenet5").shaped.nodes[5].layer,
    "a part of its outline": lambda net: next(one for one in net.shaped.graph.outline.walk() if one.scope),
    "a claim": lambda net: net.shaped.graph.expectations[0],
    "a source": lambda net: net.shaped.graph.source,
    "a span": lambda net: net.shaped.nodes[400].site.span,
    "a networkx graph": lambda net: net.graph,
    "a summary": lambda net: net.summary(),
    "totals": lambda net: net.summary().totals,
    "figures": lambda net: net.summary().figures[400],
    "liveness": lambda net: net.summary().liveness,
    "a schedule": lambda net: net.summary().schedule,
    "memory": lambda net: net.memory(fit="3GB"),
    "what training keeps": lambda net: net.memory().layers[40],
    "what inference takes": lambda net: net.memory().inference[0],
    "a picture": lambda net: net.draw(),
    "a picture's page": lambda net: net.draw(format="html"),
    "training": lambda net: net.memory().training,
    "an explanation": lambda net: net.explain(),
    "an explanation of a layer": lambda net: net.explain(net.shaped.nodes[1].path),
    "an answer": lambda net: net.explain().answers[0],
    "a table of it": lambda net: net.explain().answers[0].lines[0],
    "a comparison": lambda net: net.compare(*[netdsl.load("vgg16")] * 200),
    "a row of it": lambda net: net.compare().entries[0],
    "a difference": lambda net: net.diff(netdsl.load("vgg16")),
    "a change": lambda net: net.diff(netdsl.load("vgg16")).layers[0],
    "a fact": lambda net: net.diff(netdsl.loads('network "' + "n" * 2000 + '"\nINPUT 8 -> FC 2')).facts[0],
    "what becomes of weights": lambda net: net.diff(netdsl.load("resnet18")).tensors,
    "a convolutional network": lambda net: net.convolutional(),
    "what was rewritten": lambda net: net.convolutional().rewritten,
    "a program": lambda net: net.convolutional().rewritten.program,
    "a warning": lambda _: warning(),
    "an error": lambda _: error().diagnostics[0],
    "an exception": lambda _: error(),
    "the page of a code": lambda _: page(CODES["shape-mismatch"]),
}


@pytest.mark.parametrize("name", VALUES)
def test_every_value_shows_little(net: netdsl.Network, name: str) -> None:
    value = VALUES[name](net)
    shown = repr(value)
    assert 0 < len(shown) <= _MOST
    assert "object at 0x" not in shown or name == "a networkx graph"
    if isinstance(value, Line):
        assert "\n" not in shown
        assert len(shown) < 200
    html = getattr(value, "_repr_html_", None)
    if html is not None:
        assert 0 < len(html()) <= 2 * _MOST


@pytest.mark.parametrize("name", ["a network", "a source", "a summary", "a warning", "an explanation", "a difference"])
def test_what_shows_itself_can_still_be_compared_and_kept(net: netdsl.Network, name: str) -> None:
    value = VALUES[name](net)
    assert value == value
    if name == "a warning":
        assert repr(pickle.loads(pickle.dumps(value))) == repr(value)


def test_a_network_shows_its_title_and_shapes(net: netdsl.Network) -> None:
    assert repr(net) == str(net) == '<Network "ResNet-152": 516 layers, 224x224x3 -> 1000>'


def test_tables_show_themselves_as_they_print() -> None:
    net = netdsl.load("vgg16")
    for value in (net.summary(), net.memory(), net.explain(), net.compare()):
        assert repr(value) == str(value)


def test_a_long_page_shows_its_ends() -> None:
    shown = bounded("\n".join(map(str, range(1000)))).split("\n")
    assert len(shown) == 200
    assert shown[183:187] == ["183", "… 801 lines more, which print() shows …", "985", "986"]
    assert shown[-1] == "999"
    assert bounded("a\nb") == "a\nb"
    assert len(bounded("a" * 1000)) == 120


def test_html_is_safe() -> None:
    hostile = netdsl.loads('network "<script>alert(1)</script>\u202e"\nINPUT 8 -> FC 2\n')
    for value in (hostile.summary(), hostile.memory(), hostile.explain(), hostile.compare(), hostile.diff(hostile)):
        html = value._repr_html_()
        assert html.startswith("<pre>")
        assert "<script>" not in html
        assert "\u202e" not in html
    assert "<script>" not in (hostile._repr_svg_() or "")
    assert "\x1b" not in repr(netdsl.loads("INPUT 8 -> FC 2", name="\x1b[2J.net").shaped.graph.source)


def test_a_compiled_file_shows_a_line(tmp_path: Path) -> None:
    file = netdsl.loads('network "Ti\\"ny\u202e"\nINPUT 4 -> FC 2\n').compile(tmp_path / "tiny.pt")
    shown = repr(runtime.card(file))
    assert re.fullmatch(r"<Card '.*': input1 4 -> fc1 2; portable, fp32, batch 1>", shown)
    assert shown.isascii()
    assert repr(runtime.load(file)) == f"<Loaded {shown} on cpu>"


def test_params_have_any_name() -> None:
    text = "param inputs = 3\nparam name = 2\nparam params = 1\nINPUT 8 -> FC inputs -> FC name -> FC params\n"
    net = netdsl.loads(text, params={"inputs": 5, "name": 6, "params": 7})
    assert [shape.dims for shape in net.shaped.shapes] == [(8,), (5,), (6,), (7,)]
    assert netdsl.load("vgg16", params={"classes": 10}).summary().data["outputs"] == {"prob": [10]}
    with pytest.raises(TypeError, match="classes: given by name, and in params too"):
        netdsl.load("vgg16", classes=10, params={"classes": 10})
    with pytest.raises(NetError, match="has no param clases"):
        netdsl.load("vgg16", params={"clases": 10})


def test_names_and_folders_are_paths_too(tmp_path: Path) -> None:
    (tmp_path / "units.net").write_text("block unit() = RELU\n")
    text = 'use "units.net"\nINPUT 3 -> unit()\n'
    assert netdsl.loads(text, name=tmp_path / "main.net").title == "main"
    for folder in (str(tmp_path), tmp_path):
        assert netdsl.loads(text, include=folder).shaped


def test_a_text_uses_files_beside_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lib.net").write_text("block unit(n) = CONV n 3 p1 -> RELU\n")
    (tmp_path / "else").mkdir()
    monkeypatch.chdir(tmp_path / "else")
    text = 'use "lib.net"\nINPUT 8x8x3 -> unit(4)\n'
    assert len(netdsl.loads(text, name=str(tmp_path / "main.net")).shaped.nodes) == 3
    with pytest.raises(NetError, match="missing-file"):
        netdsl.loads(text)
    with pytest.raises(NetError, match="missing-file"):
        netdsl.loads(text, name="a\0b")
    monkeypatch.chdir(tmp_path)
    assert len(netdsl.loads(text).shaped.nodes) == 3
    assert netdsl.loads("INPUT 8 -> FC 2", name="<cell 3>").title == "cell 3"
    assert netdsl.loads("INPUT 8 -> FC 2", name="<b>c.net").title == "<b>c"


def test_numbers_of_python_and_numpy_are_params() -> None:
    program = "param n = 3\nparam r = 0.5\nINPUT 8x8x3 -> FC n -> DROPOUT r"
    numbers: dict[str, Any] = {"n": np.int64(5), "r": np.float32(0.25), "inputs": np.array([4, 4, 3])}
    net = netdsl.loads(program, **numbers)
    assert [shape.dims for shape in net.shaped.shapes] == [(4, 4, 3), (5,), (5,)]
    assert netdsl.loads(program, n=True).shaped.shapes[-1].dims == (1,)
    wrong: list[dict[str, Any]] = [{"n": b"5"}, {"n": None}, {"inputs": 5}]
    for given in wrong:
        with pytest.raises(TypeError, match=r"a param is|dims are"):
            netdsl.loads(program, **given)
    with pytest.raises(RenderError, match="choose TB or LR"):
        net.draw(direction="lr")  # pyright: ignore[reportArgumentType]


def test_values_with_long_names_show_little() -> None:
    long = "n" * 3000
    text = f'network "{long}"\nmeta note = "{long}"\nblock b() = {long}: FC 3\nINPUT 8x8x3 -> {long}: b() -> FC 2\n'
    net = netdsl.loads(text, name="folder/" * 400 + "net.net")
    pending: list[object] = [
        net,
        net.summary(),
        net.memory(),
        net.explain(),
        net.compare(),
        net.explain(f"{long}.{long}"),
    ]
    pending += [net.diff(netdsl.load("lenet5")), netdsl.load("lenet5").diff(net), *CODES.values()]
    seen: dict[int, object] = {}
    while pending:
        value = pending.pop()
        if id(value) in seen or isinstance(value, Node):
            continue
        seen[id(value)] = value
        if isinstance(value, tuple | list):
            pending += value  # pyright: ignore[reportUnknownArgumentType]
        elif is_dataclass(value) and type(value).__module__ != "netdsl.text.tree":
            assert isinstance(value, Page) or len(repr(value)) < 300, type(value)
            pending += [getattr(value, field.name) for field in fields(value)]
            pending += [getattr(value, name) for name in ("changes", "liveness", "nodes") if hasattr(value, name)]
    assert len({type(value) for value in seen.values()}) > 25


def test_a_picture_shows_itself_and_stays_the_bytes_of_its_file(tmp_path: Path) -> None:
    net = netdsl.loads("INPUT 8x8x3 -> CONV 4 3")
    picture = net.draw(tmp_path / "a.svg")
    assert isinstance(picture, bytes)
    assert picture == (tmp_path / "a.svg").read_bytes()
    assert repr(picture) == str(picture) == f"<Picture svg, {len(picture):,} bytes>"
    assert picture._repr_svg_() == picture.decode()
    assert pickle.loads(pickle.dumps(picture)) == picture
    formats = {format: net.draw(format=format) for format in ("svg", "png", "pdf", "dot", "html")}
    assert {name: one.format for name, one in formats.items()} == {name: name for name in formats}
    assert formats["png"]._repr_png_() == formats["png"]
    assert formats["png"]._repr_svg_() is None
    chart = netdsl.load("vgg16").compare().chart()
    assert (chart.format, chart._repr_png_()) == ("svg", None)


def test_numbers_that_are_none_are_told(tmp_path: Path) -> None:
    net = netdsl.loads("INPUT 8x8x3 -> CONV 4 3 -> RELU")
    calls: dict[str, Callable[[Any], object]] = {
        "batch": lambda given: net.summary(batch=given),
        " batch": lambda given: net.memory(batch=given),
        "fit, a number of bytes,": lambda given: net.memory(fit=given),
        "limit": lambda given: netdsl.loads("INPUT 8", limit=given),
        "  batch": lambda given: net.compile(tmp_path / "a.pt", batch=given),
        "depth": lambda given: net.draw(depth=given),
    }
    for name, call in calls.items():
        for wrong in (1.5, (3,), -1, float("nan"), [2]):
            message = f"{name.strip()} is a whole number from {int(name != 'depth')}, not {wrong!r}"
            with pytest.raises((ValueError, RenderError), match=re.escape(message)):
                call(wrong)
        call(np.int64(2) if name != "fit, a number of bytes," else np.int64(10**9))
    for seeded in (net.module, lambda seed: net.compile(tmp_path / "a.pt", seed=seed)):  # pyright: ignore
        with pytest.raises(ValueError, match=r"seed is a whole number, not 1\.5"):
            seeded(seed=1.5)  # pyright: ignore
    assert net.summary(batch=np.int64(3)).json() == net.summary(batch=3).json()  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="batch is a whole number from 1, not 0"):
        runtime.load(net.compile(tmp_path / "a.pt")).warm(0)


def test_words_and_values_that_are_none_are_told(tmp_path: Path) -> None:
    net: Any = netdsl.loads("INPUT 8x8x3 -> CONV 4 3 -> RELU")
    with pytest.raises(ValueError, match="'x' is no size: write 3GB, 512MB or a number of bytes"):
        net.memory(fit="x")
    with pytest.raises(ValueError, match="keep is one of saved, all, not 'x'"):
        net.memory(keep="x")
    for name in ("x.xyz", "x", "x.h5", "x.PT"):
        with pytest.raises(ValueError, match=f"{name}: a compiled network is a file .pt, .pt2, .onnx or .py"):
            net.compile(tmp_path / name)
    with pytest.raises(ValueError, match=r"the format pt2 writes \.pt2"):
        net.compile(tmp_path / "x.pt", format="pt2")
    assert not list(tmp_path.iterdir())
    for call in (net.compare, net.diff):
        with pytest.raises(TypeError, match=r"a network is what netdsl\.load gives, not 'vgg16'"):
            call("vgg16")
    with pytest.raises(ValueError, match="key is one of name, file, year"):
        net.compare().sorted("size")
    text: Any = b"INPUT 8"
    for read in (netdsl.loads, netdsl.format):
        with pytest.raises(TypeError, match="a program is text, not bytes"):
            read(text)
    assert runtime.card(str(net.compile(tmp_path / "x.pt"))).outputs


def test_a_prompt_completes_public_names_before_they_are_imported() -> None:
    shown = "import netdsl; print(*{*netdsl.__all__} - {*dir(netdsl)})"
    assert subprocess.run([sys.executable, "-c", shown], capture_output=True, text=True, check=True).stdout == "\n"
