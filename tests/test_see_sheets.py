"""Pages of what features see: read out of the SVG, tiles and words stand apart, and tiles hold what was found."""

from __future__ import annotations

import base64
import io
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from svg_reader import SVG, Area, texts

import netdsl
from netdsl.data import Stored
from netdsl.runtime.preparation import Preparation
from netdsl.see.view import Seen, View

XLINK = "{http://www.w3.org/1999/xlink}href"


@dataclass
class Tile:
    """An image on a page, and its values."""

    area: Area
    mode: str
    values: NDArray[np.uint8]


def tiles(root: ElementTree.Element) -> list[Tile]:
    """All images, in order."""
    found: list[Tile] = []
    for one in root.iter(f"{SVG}image"):
        x, y, width, height = (float(one.attrib[name]) for name in ("x", "y", "width", "height"))
        picture = Image.open(io.BytesIO(base64.b64decode(one.attrib[XLINK].partition(",")[2])))
        found.append(Tile(Area(x, y, x + width, y + height), picture.mode, np.asarray(picture)))
    return found


@pytest.fixture(scope="module")
def view() -> View:
    network = netdsl.loads("INPUT 12x12x3 -> conv1: CONV 5 3 -> RELU -> c: CONV 30 3 -> RELU -> FC 2 -> SOFTMAX\n")
    return network.see(network.module(seed=3).state_dict(), preparation=Preparation((0.5,), (0.2,), "pad"))


@pytest.fixture(scope="module")
def some() -> Stored:
    values = np.random.default_rng(0).integers(0, 256, (11, 12, 12, 3), np.uint8)
    return Stored(np.zeros(11, np.int64), values, np.arange(11), Path("some.npz"))


Ask = Callable[[View, Stored], "Seen[Any]"]
PAGES: dict[str, tuple[Ask, int]] = {
    "kernels": (lambda view, some: view.filters(), 5),
    "kernels and maps": (lambda view, some: view.filters("conv1", some.some(np.array([0]))), 11),
    "rows": (lambda view, some: view.filters("c"), 24 * 5),
    "rows and maps": (lambda view, some: view.filters("c", some.some(np.array([0]))), 24 * 6 + 1),
    "occlusion": (lambda view, some: view.occlude(some.some(np.arange(2)), size=3, step=2), 8),
    "deconvolution": (lambda view, some: view.deconv("c", some, [*range(7)]), 0),
    "one picture": (lambda view, some: view.deconv("conv1", some.some(np.array([0])), [1, 3]), 0),
}


@pytest.mark.parametrize("page", PAGES)
def test_tiles_and_words_stand_apart_within_the_page(page: str, view: View, some: Stored) -> None:
    ask, count = PAGES[page]
    seen = ask(view, some)
    root = ElementTree.fromstring(seen.draw(theme="dark"))
    shown = tiles(root)
    assert len(shown) == (count or 2 * sum(map(len, seen.found.values())))
    assert {one.mode for one in shown} <= {"L", "RGB"}  # on the way to PDF, transparency is lost
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    areas = [*(one.area for one in shown), *(one.area for one in texts(root))]
    inside = Area(15, 15, width - 15, height - 15)
    assert [one for one in areas if not inside.holds(one)] == []
    assert [pair for pair in combinations(areas, 2) if pair[0].overlaps(pair[1])] == []
    assert height - max(one.bottom for one in areas) < 40
    assert width < 900


def test_mid_grey_is_zero_and_the_largest_weight_is_black_or_white(view: View) -> None:
    found = view.filters()
    for kernel, one in zip(found.found.kernels, tiles(ElementTree.fromstring(found.draw())), strict=True):
        wanted = 127.5 + 127.5 * kernel / np.abs(kernel).max()
        assert np.abs(one.values.transpose(2, 0, 1) - wanted).max() <= 0.51
        assert {0, 255} & {*one.values.ravel().tolist()}


def test_patterns_stand_on_the_left_and_what_made_them_on_the_right(view: View, some: Stored) -> None:
    found = view.deconv("c", some, [4])
    shown = tiles(ElementTree.fromstring(found.draw()))
    for place, (patch, left, right) in enumerate(zip(found.found[4], shown[::2], shown[1::2], strict=True)):
        assert np.array_equal(right.values, np.rint(255 * patch.seen.transpose(1, 2, 0)))
        assert (
            np.abs(left.values / 127.5 - 1 - (patch.pattern / np.abs(patch.pattern).max()).transpose(1, 2, 0)).max()
            < 0.01
        )
        assert right.area.left - left.area.left == pytest.approx(shown[1].area.left - shown[0].area.left)
        assert (left.area.left > shown[0].area.left, left.area.top > shown[0].area.top) == (place % 3 > 0, place > 2)


def test_the_colours_of_a_map_go_from_its_least_to_its_largest(view: View, some: Stored) -> None:
    (one,) = (found := view.occlude(some.some(np.array([3])), size=4, step=2)).found
    root = ElementTree.fromstring(found.draw())
    picture, heat, marked, bar = tiles(root)
    assert np.array_equal(picture.values, np.rint(255 * one.picture.transpose(1, 2, 0)))
    values = one.odds if np.ptp(one.likely) < 0.02 else one.likely
    brightness = heat.values.astype(int) @ (299, 587, 114)
    assert np.array_equal(values.argsort(axis=None)[[0, -1]], brightness.argsort(axis=None, kind="stable")[[0, -1]])
    assert brightness.min() == (bar.values[-1, 0].astype(int) @ (299, 587, 114))
    assert brightness.max() == (bar.values[0, 0].astype(int) @ (299, 587, 114))
    told = [one.said for one in texts(root)]
    assert {f"{values.min():.3g}", f"{values.max():.3g}"} <= set(told)
    red = marked.values[..., 0].astype(int) - marked.values[..., 2]
    assert np.array_equal(red > 60, one.pixels)


def test_a_png_is_small(view: View, some: Stored, tmp_path: Path) -> None:
    view.deconv("c", some).draw(tmp_path / "seen.png")
    with Image.open(tmp_path / "seen.png") as picture:
        assert picture.format == "PNG"
        assert len(picture.convert("L").getcolors() or []) > 8
    assert (tmp_path / "seen.png").stat().st_size < 300_000


def test_the_maps_of_filters_are_what_the_layer_gives(view: View, some: Stored) -> None:
    found = view.filters("conv1", some.some(np.array([2]))).found
    assert found.maps is not None
    x = torch.as_tensor(view.subject.preparation.prepared(some.picture(2), view.subject.dims))
    module: Any = view.subject.module
    assert np.array_equal(found.maps, module.conv1(x[None])[0].detach().numpy())
