"""The style `volumes`: what is drawn, to which scale, and that words can be read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest

import netdsl
from netdsl import resources
from netdsl.draw import volumes
from netdsl.draw.palette import LIGHT, Theme

VALID = sorted((Path(__file__).parent / "programs" / "valid").glob("*.net"))
BUNDLED = resources.bundled()
SVG = "{http://www.w3.org/2000/svg}"


@dataclass(frozen=True)
class Box:
    """A rectangle on the sheet."""

    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: Box, slack: float = 0.3) -> bool:
        return (
            self.left + slack < other.right
            and other.left + slack < self.right
            and self.top + slack < other.bottom
            and other.top + slack < self.bottom
        )

    def within(self, other: Box) -> bool:
        return (
            other.left <= self.left
            and self.right <= other.right
            and other.top <= self.top
            and self.bottom <= other.bottom
        )


@dataclass(frozen=True)
class Picture:
    """An SVG, read."""

    root: ElementTree.Element

    @property
    def sheet(self) -> Box:
        left, top, width, height = map(float, self.root.attrib["viewBox"].split())
        return Box(left, top, left + width, top + height)

    @property
    def texts(self) -> list[tuple[str, Box]]:
        return [(element.text or "", text_box(element)) for element in self.root.iter(f"{SVG}text")]

    @property
    def words(self) -> list[str]:
        return [words for words, _ in self.texts]

    def polygons(self, name: str) -> list[Box]:
        """The outlines of the shapes of one group, in the order in which they are drawn."""
        (group,) = (group for group in self.root.iter(f"{SVG}g") if group.get("id") == name)
        return [outline(polygon) for polygon in group.iter(f"{SVG}polygon")]

    @property
    def volumes(self) -> list[str]:
        """The paths of what has a volume, in the order in which they are drawn."""
        names = [group.get("id", "") for group in self.root.iter(f"{SVG}g")]
        return [name.removeprefix("volume.") for name in names if name.startswith("volume.")]

    def front(self, path: str) -> Box:
        """The front of a box, or the foremost sheet of a stack."""
        shapes = self.polygons(f"volume.{path}")
        return shapes[-1] if self.stacked else shapes[0]

    @property
    def stacked(self) -> bool:
        return "one sheet a map" in " ".join(self.words)

    @property
    def power(self) -> float:
        """The power of the scale, as the caption states it."""
        (caption,) = (words for words in self.words if "drawn" in words)
        found = re.search(r"size\^([0-9.]+),", caption)
        assert found or "to scale" in caption
        return float(found[1]) if found else 1.0


def text_box(element: ElementTree.Element) -> Box:
    """Where the letters of a text are: from the height of capitals to the depth of a `g`."""
    x, y, size = (float(element.attrib[name]) for name in ("x", "y", "font-size"))
    width = float(element.attrib["textLength"])
    x -= {"start": 0.0, "middle": width / 2, "end": width}[element.get("text-anchor", "start")]
    return Box(x, y - 0.72 * size, x + width, y + 0.21 * size)


def outline(polygon: ElementTree.Element) -> Box:
    points = [tuple(map(float, point.split(","))) for point in polygon.attrib["points"].split()]
    xs, ys = zip(*points, strict=True)
    return Box(min(xs), min(ys), max(xs), max(ys))


def drawn(name: str | Path, theme: Theme = LIGHT) -> Picture:
    network = netdsl.loads(name) if isinstance(name, str) and "->" in name else netdsl.load(name)
    return Picture(ElementTree.fromstring(volumes.svg(network.shaped, theme)))


@pytest.mark.parametrize("path", [*BUNDLED, *VALID], ids=lambda path: path.stem)
def test_words_neither_overlap_nor_are_cut(path: Path) -> None:
    picture = drawn(path)
    texts = picture.texts
    for words, box in texts:
        assert box.within(picture.sheet), f"{words} is cut"
    for at, (one, box) in enumerate(texts):
        for two, other in texts[at + 1 :]:
            assert not box.overlaps(other), f"{one!r} and {two!r} overlap"


@pytest.mark.parametrize("path", [*BUNDLED, *VALID], ids=lambda path: path.stem)
def test_shapes_lie_on_the_sheet(path: Path) -> None:
    picture = drawn(path)
    for kind in ("polygon", "polyline"):
        for shape in picture.root.iter(f"{SVG}{kind}"):
            assert outline(shape).within(picture.sheet), shape.get("points")


@pytest.mark.parametrize("path", BUNDLED, ids=lambda path: path.stem)
def test_heights_follow_the_stated_scale(path: Path) -> None:
    picture, network = drawn(path), netdsl.load(path)
    shapes = {node.path: shape for node, shape in zip(network.shaped.nodes, network.shaped.shapes, strict=True)}
    maps = [path for path in picture.volumes if path in shapes and shapes[path].positions > 1]
    assert len(maps) > 1
    first = picture.front(maps[0])
    for one in maps[1:]:
        found = picture.front(one)
        expected = (shapes[one].spatial[0] / shapes[maps[0]].spatial[0]) ** picture.power
        assert (found.bottom - found.top) / (first.bottom - first.top) == pytest.approx(expected, abs=0.002)
