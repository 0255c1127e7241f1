"""What an output means, from the layers that it comes from; and what `netdsl run` makes of that."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from command_line import run
from PIL import Image

import netdsl
from netdsl import runtime
from netdsl.compile import meaning
from netdsl.runtime.picture import pixels
from netdsl.runtime.preparation import Preparation

MEANINGS = [
    ("INPUT 8x8x3 -> FC 4", "scores"),
    ("INPUT 8x8x3 -> FC 4 -> RELU", "scores"),
    ("INPUT 8x8x3 -> FC 4 -> SOFTMAX", "probabilities"),
    ("INPUT 8x8x3 -> FC 4 -> SOFTMAX -> DROPOUT -> FLATTEN -> RESHAPE 4 -> SKIP", "probabilities"),
    ("INPUT 8x8x3 -> FC 4 -> SOFTMAX -> RELU", "scores"),
    ("INPUT 8x8x3 -> FC 4 -> SOFTMAX -> FC 3", "scores"),
    ("INPUT 8x8x3 -> FC 4 -> LOGSOFTMAX", "log-probabilities"),
    ("INPUT 8x8x3 -> FC 4 -> SIGMOID", "independent"),
    ("INPUT 8x8x3 -> FC 4 -> HARDSIGMOID", "independent"),
    ("INPUT 8x8x3 -> FC 4 -> RBF 5", "distances"),
    ("INPUT 8x8x3 -> FC 4 -> RBF 5 -> FLATTEN", "distances"),
    ("INPUT 8x8x3 -> CONV 4 3 s2 -> SOFTMAX", "probabilities"),
    ("INPUT 8x8x3 -> CONV 4 3 p1 -> SOFTMAX -> AVGPOOL global", "probabilities"),
    ("INPUT 8x8x3 -> CONV 4 3 -> SOFTMAX -> AVGPOOL 2", "probabilities"),
    ("INPUT 8x8x3 -> CONV 4 3 p1 -> SOFTMAX", "map"),
    ("INPUT 8x8x3 -> CONV 4 3 -> MAXPOOL 2 -> UPSAMPLE 2 -> SOFTMAX", "map"),
    ("INPUT 8x8x3 -> CONV 4 3 -> MAXPOOL 2 -> DECONV 4 2 s2 -> CONV 4 3", "map"),
    ("INPUT 8x8x3 -> CONV 4 3 -> UPSAMPLE 2 -> FC 4", "scores"),
    ("INPUT 8x8x3 -> CONV 4 3 -> PAD 1 -> CONV 4 2", "scores"),
    ("INPUT 8x8x3 -> CONV 4 3 -> [ AVGPOOL global -> SIGMOID | SKIP ] -> MUL -> CONV 2 3", "scores"),
    ("INPUT 9 -> [ FC 4 -> SOFTMAX | FC 4 -> SOFTMAX ] -> MEAN", "probabilities"),
    ("INPUT 9 -> [ FC 4 -> SOFTMAX | FC 4 -> SOFTMAX ] -> CONCAT", "probabilities"),
    ("INPUT 9 -> [ FC 4 -> SOFTMAX | FC 4 ] -> MEAN", "scores"),
    ("INPUT 9 -> [ FC 4 -> LOGSOFTMAX | FC 4 -> LOGSOFTMAX ] -> MEAN", "scores"),
    ("INPUT 9 -> [ FC 4 -> SIGMOID | FC 4 -> SOFTMAX ] -> MUL", "independent"),
    ("INPUT 9 -> [ FC 4 -> SIGMOID | FC 4 ] -> MUL", "scores"),
    ("INPUT 9 -> FC 4 -> SOFTMAX -> SLICE 0 2", "probabilities"),
    ("INPUT 9 -> FC 4 -> RBF 6 -> SHUFFLE 2 -> SLICE 0 3 -> RELU -> SCALE -> TANH", "distances"),
    ("INPUT 9 -> FC 4 -> [ RBF 6 | RBF 6 ] -> ADD", "distances"),
    ("INPUT 9 -> FC 4 -> RBF 6 -> FC 4", "scores"),
]


@pytest.mark.parametrize(("text", "wanted"), MEANINGS, ids=[text for text, _ in MEANINGS])
def test_the_meaning_follows_from_the_layers(text: str, wanted: str) -> None:
    shaped = netdsl.loads(text).shaped
    assert meaning.of(shaped, shaped.graph.outputs[0]) == wanted


def test_a_file_says_what_each_output_means(tmp_path: Path) -> None:
    text = "INPUT 8x8x3 -> a: CONV 4 3 -> b: FC 3 -> c: SOFTMAX\na -> aux: SIGMOID\noutput c, b\noutput training aux"
    net = netdsl.loads(text, name="net.net")
    net.compile(tmp_path / "net.pt")
    assert runtime.card(tmp_path / "net.pt").meanings == {"c": "probabilities", "b": "scores"}
    net.compile(tmp_path / "net.pt", train=True)
    meanings = {"c": "probabilities", "b": "scores", "aux": "independent"}
    assert runtime.card(tmp_path / "net.pt").meanings == meanings
    net.compile(tmp_path / "net.pt2")
    assert runtime.card(tmp_path / "net.pt2").meanings == {"c": "probabilities", "b": "scores"}


Values = np.ndarray[Any, np.dtype[np.float64]]


def softmax(values: Values) -> Values:
    raised = np.exp(values - values.max())
    return raised / raised.sum()


HEADS: dict[str, tuple[str, Callable[[Values], Values], Callable[[Values], Values | None]]] = {
    "scores": ("FC 4", lambda x: -x, softmax),
    "probabilities": ("FC 4 -> SOFTMAX", lambda x: -x, lambda x: x),
    "log-probabilities": ("FC 4 -> LOGSOFTMAX", lambda x: -x, np.exp),
    "independent": ("FC 4 -> SIGMOID", lambda x: -x, lambda x: x),
    "distances": ("FC 6 -> TANH -> RBF 4", lambda x: x, lambda x: softmax(-x)),
}


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("meaning") / "picture.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (9, 9, 3), dtype=np.uint8)).save(path)
    return path


def classes(file: Path, picture: Path) -> tuple[Any, list[Any]]:
    """What `netdsl run` says in JSON, and the classes of the picture."""
    data = json.loads(run("run", str(file), str(picture), "--format", "json", "--crop", "1").out)
    return data, data["pictures"][0]["classes"]


@pytest.mark.parametrize("wanted", HEADS)
def test_the_likeliest_class_comes_first(wanted: str, picture: Path, tmp_path: Path) -> None:
    text, order, probabilities = HEADS[wanted]
    netdsl.loads(f"INPUT 8x8x3 -> {text}", name="net.net").compile(tmp_path / "net.pt")
    given = torch.from_numpy(pixels(picture, (8, 8, 3), Preparation(crop=1))[None])
    values = torch.jit.load(tmp_path / "net.pt")(given)[0].detach().double().numpy()
    data, found = classes(tmp_path / "net.pt", picture)
    assert data["meaning"] == wanted
    best = np.argsort(order(values))
    assert [one["class"] for one in found] == best.tolist()
    assert [one["value"] for one in found] == pytest.approx(values[best].tolist(), rel=1e-5)
    likely = probabilities(values)
    assert likely is not None
    assert [one["probability"] for one in found] == pytest.approx(likely[best].tolist(), rel=1e-4)


def test_a_map_tells_the_share_of_places(picture: Path, tmp_path: Path) -> None:
    netdsl.loads("INPUT 8x8x3 -> CONV 4 3 p1 -> SOFTMAX", name="net.net").compile(tmp_path / "net.pt")
    given = torch.from_numpy(pixels(picture, (8, 8, 3), Preparation(crop=1))[None])
    largest = torch.jit.load(tmp_path / "net.pt")(given)[0].argmax(0).flatten()
    shares = (torch.bincount(largest, minlength=4) / 64).tolist()
    _, found = classes(tmp_path / "net.pt", picture)
    assert {one["class"]: one["value"] for one in found} == dict(enumerate(shares))
    assert [one["value"] for one in found] == sorted(shares, reverse=True)
    assert {one["probability"] for one in found} == {None}


@pytest.mark.parametrize(
    ("text", "line", "headings"),
    [
        ("FC 4", "net: fc1, normalised", "value softmax"),
        ("FC 4 -> LOGSOFTMAX", "net: logsoftmax1, normalised", "log probability"),
        ("FC 4 -> SIGMOID", "net: sigmoid1, each class by itself, normalised", "probability"),
        ("FC 1 -> SIGMOID", "net: sigmoid1, normalised", "probability"),
        ("RBF 4", "net: rbf1, distances, of which the least is likeliest, normalised", "distance softmax"),
        ("CONV 4 3 p1", "net: conv1, share of 8x8 places, normalised", "share"),
        ("CONV 1 3 p1", "net: conv1, mean of 8x8 places, normalised", "value"),
        ("CONV 4 3", "net: conv1, mean of 6x6 places, normalised", "value softmax"),
    ],
)
def test_the_table_says_what_its_numbers_are(
    text: str, line: str, headings: str, picture: Path, tmp_path: Path
) -> None:
    netdsl.loads(f"INPUT 8x8x3 -> {text}", name="net.net").compile(tmp_path / "net.pt")
    first, _, second, *_ = run("run", str(tmp_path / "net.pt"), str(picture)).out.splitlines()
    assert first.startswith(line)
    assert second.split() == ["picture", "class", *headings.split()]


@pytest.mark.parametrize(("text", "same"), [("FC 4 -> SOFTMAX", True), ("FC 4", False)])
def test_an_older_file_is_looked_at(text: str, same: bool, picture: Path, tmp_path: Path) -> None:
    netdsl.loads(f"INPUT 8x8x3 -> {text}", name="net.net").compile(tmp_path / "net.pt")
    with zipfile.ZipFile(tmp_path / "net.pt") as archive, zipfile.ZipFile(tmp_path / "old.pt", "w") as old:
        for name in archive.namelist():
            if not name.endswith("/extra/meanings.json"):
                old.writestr(name, archive.read(name))
    data, found = classes(tmp_path / "old.pt", picture)
    assert data["meaning"] is None
    assert all((one["value"] == one["probability"]) == same for one in found)
    assert sum(one["probability"] for one in found) == pytest.approx(1)
