"""Pictures say what the network is: every layer and shape, blocks, repeats, devices, training, shared weights."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
import svg_reader
from click.testing import CliRunner

import netdsl
from netdsl import draw, resources
from netdsl.cli import draw as command
from netdsl.cli.common import UsageError
from netdsl.draw.drawing import Box, Cluster, Drawing, clusters
from netdsl.draw.flow import cuts, digraph, label, routes
from netdsl.draw.fold import fold

NETWORKS = [path.stem for path in resources.bundled()]
PROGRAMS = sorted(Path(__file__).parent.joinpath("programs", "valid").glob("*.net"))

RESIDUAL = """
block unit(n) = CONV n 3 p1 nobias -> BN
block same(n) = [ unit(n) -> RELU -> unit(n) | SKIP ] -> ADD -> RELU
INPUT 8x8x4 -> same(4) x3 -> FC 2
"""


def drawn(text: str, *, expand: bool = False) -> Drawing:
    return fold(netdsl.loads(text).shaped, expand=expand)


def rows(drawing: Drawing) -> list[list[str]]:
    """What each box says."""
    return [
        [" ".join(filter(None, (row.keyword, row.arguments, row.name))) for row in box.rows] for box in drawing.boxes
    ]


def edges(drawing: Drawing) -> list[str]:
    return [f"{edge.source} {edge.shape} {edge.target}" for edge in drawing.edges]


def box(drawing: Drawing, id: str) -> Box:
    return next(box for box in drawing.boxes if box.id == id)


def cluster(drawing: Drawing, id: str) -> Cluster:
    return next(one for one in clusters(drawing.items) if one.id == id)


def read(text: str) -> tuple[Counter[str], list[tuple[str, str]]]:
    """The nodes that DOT text declares, and the ends of its edges."""
    name = r'"((?:[^"\\]|\\.)*)"'
    nodes = Counter[str]()
    for found in re.finditer(rf"^\s*{name} \[(?!ordering)", text, re.MULTILINE):
        nodes[found[1]] += 1
    return nodes, [(found[1], found[2]) for found in re.finditer(rf"{name} -> {name}", text)]


def flows(text: str) -> Iterator[tuple[str, str]]:
    """From which box something flows to which, through the forks and corners on the way."""
    further: dict[str, list[str]] = {}
    for line in text.splitlines():
        found = re.search(r'"([^"]+)" -> "([^"]+)" \[(.*)', line)
        if found and "invis" not in found[3]:
            # a column's side is drawn from its top down, and the side of a U too, but the flow goes up
            side = found[1].startswith("corner ") and found[1].endswith(".2") and found[2].endswith(".1")
            a, b = (found[2], found[1]) if side or 'dir="back"' in found[3] else found.groups()[:2]
            further.setdefault(a, []).append(b)
    for source in further:
        if source.startswith(("fork ", "corner ")):
            continue
        pending = list(further[source])
        while pending:
            at = pending.pop()
            if at.startswith(("fork ", "corner ")):
                pending += further[at]
            else:
                yield source, at


def test_a_name_is_what_the_program_gives_wherever_the_label_stands() -> None:
    drawing = drawn(
        "INPUT 4 -> a:  # the first\n FC 4 -> group2: ( FC 3 -> TANH ) -> b: ( b: FC 2 -> [ FC 1 ] -> ADD )"
    )
    assert rows(drawing) == [
        ["INPUT 4"],
        ["FC 4 a"],
        ["FC 3 group2", "TANH"],
        ["FC 2 b"],
        ["FC 1"],
        ["ADD"],
        ["OUTPUT b"],
    ]


def test_names_of_a_network_that_a_graph_made_are_drawn() -> None:
    graph = netdsl.loads("INPUT 4 -> a: ( stem: FC 4 -> RELU -> [ FC 4 | SKIP ] -> ADD ) -> FC 2").graph
    del graph.graph["outline"]
    drawing = fold(netdsl.from_graph(graph).shaped)
    assert [(one.id, one.name, one.call) for one in clusters(drawing.items)] == [("a", "a", "")]
    assert rows(drawing)[1:] == [["FC 4 stem", "RELU"], ["FC 4"], ["ADD"], ["FC 2"], ["OUTPUT"]]


def test_what_is_repeated_twice_over_is_drawn_once() -> None:
    text = """
block unit(n) = [ CONV n 3 p1 -> BN | SKIP ] -> ADD -> RELU
INPUT 8x8x4 -> twice: unit(4) x2 -> thrice: twice() x3 -> FC 4 -> f: FC 4 x2 -> g: f() x3 -> FC 2
"""
    drawing = drawn(text)
    copies = [(one.id, one.name, one.call, one.copies) for one in clusters(drawing.items)]
    assert copies == [
        ("twice.1", "twice", "unit(4)", 2),
        ("thrice.1", "thrice", "twice()", 3),
        ("thrice.1.1", "", "twice()", 2),
        ("g.1", "g", "f()", 3),
    ]
    assert [box.copies for box in drawing.boxes if box.id.startswith(("f.", "g."))] == [2, 2]
    whole = drawn(text, expand=True)
    assert cluster(whole, "thrice.3.2").copy == (2, 2)
    assert [one.id for one in clusters(whole.items)].count("thrice.3") == 1


# What is drawn


def test_what_follows_a_layer_shares_its_box() -> None:
    drawing = drawn(
        "INPUT 8x8x3 -> c1: CONV 4 3 p1 -> BN -> RELU -> MAXPOOL 2 -> f: FC 10 -> DROPOUT 0.3 -> p: SOFTMAX"
    )
    assert rows(drawing) == [
        ["INPUT 8×8×3"],
        ["CONV 4 3 p1 c1", "BN", "RELU"],
        ["MAXPOOL 2"],
        ["FC 10 f", "DROPOUT 0.3", "SOFTMAX p"],
        ["OUTPUT p"],
    ]
    assert edges(drawing) == [
        "input1 8x8x3 c1",
        "c1 8x8x4 maxpool1",
        "maxpool1 4x4x4 f",
        "f 10 output 1",
    ]


def test_a_layer_that_others_read_keeps_its_follower_out() -> None:
    drawing = drawn("INPUT 8x8x3 -> c: CONV 3 1 -> r: RELU\n[ c | r ] -> ADD -> TANH")
    assert ["CONV 3 1 c"] in rows(drawing)
    assert ["RELU r"] in rows(drawing)
    assert ["ADD", "TANH"] in rows(drawing)


def test_an_output_keeps_its_follower_out() -> None:
    drawing = drawn("INPUT 8x8x3 -> c: CONV 3 1 -> r: RELU\noutput c, r")
    assert rows(drawing) == [["INPUT 8×8×3"], ["CONV 3 1 c"], ["RELU r"], ["OUTPUT c"], ["OUTPUT r"]]


def test_an_input_takes_nothing_in() -> None:
    assert rows(drawn("INPUT 8x8x3 -> NORMALIZE mean=0.5 -> RELU -> FC 2"))[0] == ["INPUT 8×8×3"]


def test_a_fork_gives_an_edge_for_each_branch() -> None:
    drawing = drawn("INPUT 8x8x3 -> a: CONV 4 1 -> [ b: CONV 4 3 p1 | SKIP | c: CONV 4 1 ] -> sum: ADD")
    assert edges(drawing) == [
        "input1 8x8x3 a",
        "a 8x8x4 b",
        "a 8x8x4 c",
        "b 8x8x4 sum",
        "a 8x8x4 sum",
        "c 8x8x4 sum",
        "sum 8x8x4 output 1",
    ]


def test_a_repeat_is_drawn_once_with_its_number() -> None:
    drawing = drawn(RESIDUAL)
    same = cluster(drawing, "same1.1")
    assert (same.call, same.copies, same.copy) == ("same(4)", 3, None)
    assert len(list(drawing.boxes)) == 6  # INPUT, two convolutions, ADD, FC, the output
    assert edges(drawing) == [
        "input1 8x8x4 same1.1.unit1.conv1",
        "same1.1.unit1.conv1 8x8x4 same1.1.unit2.conv1",
        "same1.1.unit2.conv1 8x8x4 same1.1.add1",
        "input1 8x8x4 same1.1.add1",
        "same1.1.add1 8x8x4 fc1",
        "fc1 2 output 1",
    ]


def test_a_repeat_is_drawn_in_full_on_demand() -> None:
    drawing = drawn(RESIDUAL, expand=True)
    found = [one for one in clusters(drawing.items) if one.call == "same(4)"]
    assert [(one.copies, one.copy) for one in found] == [(1, (1, 3)), (1, (2, 3)), (1, (3, 3))]
    assert len(list(drawing.boxes)) == 3 * 3 + 3
    assert "same1.1.add1 8x8x4 same1.2.unit1.conv1" in edges(drawing)


def test_a_folded_repeat_gives_the_shape_of_its_last_copy() -> None:
    drawing = drawn("block layer() = [ SKIP | CONV 4 3 p1 ] -> CONCAT\nINPUT 8x8x2 -> layer() x3 -> FC 5")
    assert "input1 8x8x2 layer1.1.conv1" in edges(drawing)
    assert "layer1.1.concat1 8x8x14 fc1" in edges(drawing)


def test_a_name_within_a_later_copy_stands_at_the_copy_that_is_drawn() -> None:
    drawing = drawn("INPUT 8x8x4 -> g: ( c: CONV 4 1 -> RELU ) x3\n[ g.2.c | g ] -> sum: ADD")
    assert "g.1.c 8x8x4 sum" in edges(drawing)
    assert {edge.source for edge in drawing.edges} <= {one.id for one in drawing.boxes}


def test_what_only_a_later_copy_has_is_drawn() -> None:
    drawing = drawn(
        "INPUT 8x8x4 -> g: ( c: CONV 4 1 -> tap: CONV 2 1 ) x1 -> FC 3\nINPUT 4x4x4 -> h: ( t: CONV 4 1 ) x2"
    )
    assert {"g.1.tap", "h.1.t"} <= {one.id for one in drawing.boxes}


def test_a_repeated_layer_is_one_box_with_its_number() -> None:
    drawing = drawn("INPUT 8x8x3 -> c: CONV 4 3 p1 x3 -> RELU -> FC 2")
    assert (box(drawing, "c.1").copies, rows(drawing)[1:3]) == (3, [["CONV 4 3 p1 c"], ["RELU"]])
    full = drawn("INPUT 8x8x3 -> c: CONV 4 3 p1 x3 -> RELU -> FC 2", expand=True)
    assert rows(full)[1:4] == [["CONV 4 3 p1 c.1"], ["CONV 4 3 p1 c.2"], ["CONV 4 3 p1 c.3", "RELU"]]


def test_repeats_within_repeats_keep_both_numbers() -> None:
    drawing = drawn("INPUT 8x8x4 -> ( ( CONV 4 1 ) x2 ) x3 -> FC 2")
    assert cluster(drawing, "group1.1").copies == 3
    assert box(drawing, "group1.1.group1.1.conv1").copies == 2


@pytest.mark.parametrize("expand", [False, True])
def test_zero_copies_leave_nothing(expand: bool) -> None:
    drawing = drawn("INPUT 8x8x4 -> CONV 4 1 x0 -> ( RELU ) x1 -> FC 2", expand=expand)
    assert edges(drawing) == ["input1 8x8x4 group1.1.relu1", "group1.1.relu1 8x8x4 fc1", "fc1 2 output 1"]
    assert not list(clusters(drawing.items))


def test_a_block_is_a_cluster_named_as_written() -> None:
    drawing = drawn("block pair(n, m=2) = CONV n 1 -> CONV m 1\nINPUT 4x4x1 -> pair(3) -> last: pair(5, m=6)")
    assert [(one.name, one.call) for one in clusters(drawing.items)] == [("", "pair(3)"), ("last", "pair(5, m=6)")]


def test_a_block_that_is_one_box_gives_it_its_name() -> None:
    drawing = drawn("block unit(n) = CONV n 1 -> RELU\nINPUT 4x4x1 -> stem: unit(3) -> unit(3) -> body: ( CONV 2 1 )")
    assert rows(drawing)[1:4] == [["CONV 3 1 stem", "RELU"], ["CONV 3 1", "RELU"], ["CONV 2 1 body"]]


def test_labels_are_told_from_the_names_that_elements_get() -> None:
    drawing = drawn("block pair() = CONV 2 1 -> CONV 2 1\nINPUT 4x4x1 -> pair1: pair() -> pair() -> conv1: CONV 3 1")
    assert [one.name for one in clusters(drawing.items)] == ["pair1", ""]
    assert ["CONV 3 1 conv1"] in rows(drawing)


def test_an_output_has_the_name_that_the_program_gives_it() -> None:
    program = """
        block head() = CONV 4 1 -> FC 2
        INPUT 4x4x4 -> head1: head()
        INPUT 4x4x4 -> body: ( CONV 4 1 -> last: CONV 2 1 )
        INPUT 4x4x4 -> c: CONV 4 1 x2
        INPUT 4x4x4 -> head()
    """
    found = [one.rows[0].name for one in drawn(program).boxes if one.kind == "output"]
    assert found == ["head1", "body", "c", ""]


def test_devices_are_told() -> None:
    program = """
        block tower() = CONV 4 3 p1 -> MAXPOOL 2
        INPUT 8x8x3 -> [ tower() @0 | tower() @1 ] -> CONCAT -> FC 2
    """
    drawing = drawn(program)
    assert drawing.devices == (0, 1)
    assert [one.device for one in clusters(drawing.items)] == [0, 1]
    text = digraph.dot(drawing)
    assert "<B>@1</B>" in text
    assert "device 1" in text
    assert "device 0" not in digraph.dot(drawn("INPUT 8x8x3 -> FC 2"))


def test_a_change_of_device_parts_boxes() -> None:
    assert rows(drawn("INPUT 8x8x3 -> CONV 4 1 @0 -> RELU @1"))[1:3] == [["CONV 4 1"], ["RELU"]]


def test_training_heads_are_apart() -> None:
    program = """
        block head() = AVGPOOL global -> FC 3
        INPUT 8x8x3 -> mid: CONV 4 1 -> RELU -> prob: FC 2
        mid -> aux: head()
        output prob
        output training aux
    """
    drawing = drawn(program)
    assert cluster(drawing, "aux").training
    assert [edge.training for edge in drawing.edges if edge.target.startswith("aux")] == [True, True]
    assert [(one.rows[0].name, one.training) for one in drawing.boxes if one.kind == "output"] == [
        ("prob", False),
        ("aux", True),
    ]
    text = digraph.dot(drawing)
    assert 'STYLE="DASHED"' in text
    assert 'style="dashed"' in text
    assert "training alone" in text


def test_shared_weights_are_told() -> None:
    program = """
        block encoder() = CONV 4 3 p1 -> MAXPOOL 2
        left: INPUT 8x8x3 -> enc: encoder()
        right: INPUT 8x8x3 -> c: CONV 3 1 -> RELU -> d: c() -> twin: enc()
        [ enc | twin ] -> SUB
    """
    drawing = drawn(program)
    assert cluster(drawing, "enc").note == ""
    assert cluster(drawing, "twin").note == "weights of enc"
    assert (box(drawing, "c").note, box(drawing, "d").note) == ("", "weights of c")
    assert "weights of enc" in digraph.dot(drawing)
    assert [one.rows[0].name for one in drawing.boxes if one.kind == "input"] == ["left", "right"]


@pytest.mark.parametrize("depth", [None, 0])
def test_shared_weights_of_what_is_repeated_are_told(depth: int | None) -> None:
    text = "INPUT 4 -> e: ( FC 4 -> [ FC 4 ] -> ADD ) -> two: e() x2 -> f: ( FC 4 -> FC 4 ) x2 -> four: f() x4 -> FC 2"
    drawing = fold(netdsl.loads(text).shaped, depth=depth)
    notes = {item.id: item.note for item in drawing.items}
    assert (notes["e"], notes["two.1"], notes["f.1"], notes["four.1"]) == ("", "weights of e", "", "weights of f")


# DOT text


def test_edges_into_a_cluster_come_in_together_and_part_inside() -> None:
    drawing = drawn(RESIDUAL)
    found = routes.routes(drawing)
    fork = "fork input1 in same1.1"
    assert found.forks == {"same1.1": [fork]}
    assert [(way.source, way.target) for way in found.ways[:3]] == [
        ("input1", fork),
        (fork, "same1.1.unit1.conv1"),
        (fork, "same1.1.add1"),
    ]
    assert [way.shape is not None for way in found.ways[:3]] == [True, False, False]
    assert all(found.levels[way.source] < found.levels[way.target] for way in found.ways)


@pytest.mark.parametrize("path", [*resources.bundled(), *PROGRAMS], ids=lambda path: path.stem)
def test_every_network_draws(path: Path) -> None:
    shaped = netdsl.load(path).shaped
    ways: list[tuple[bool, digraph.Direction]] = [(False, "TB"), (True, "TB"), (False, "LR")]
    for expand, direction in ways:
        drawing = fold(shaped, expand=expand)
        text = digraph.dot(drawing, direction)
        nodes, ends = read(text)
        assert set(nodes.values()) == {1}
        assert {end for pair in ends for end in pair} <= nodes.keys()
        assert {one.id for one in drawing.boxes} <= nodes.keys()
        assert Counter(flows(text)) == Counter((edge.source, edge.target) for edge in drawing.edges)
        assert {str(edge.shape).replace("x", "×") for edge in drawing.edges} <= set(re.findall(r"[0-9×]+", text))
        if expand:
            layers = sum(len(one.rows) for one in drawing.boxes if one.kind != "output")
            assert layers == len(shaped.nodes)


def test_the_same_network_gives_the_same_text() -> None:
    shaped = netdsl.load("googlenet").shaped
    assert draw.dot(shaped) == draw.dot(netdsl.load("googlenet").shaped)
    assert draw.dot(shaped) != draw.dot(shaped, direction="LR")


def test_a_long_network_is_cut_into_columns() -> None:
    drawing = fold(netdsl.load("vgg16").shaped)
    (cut,) = cuts.cuts(drawing, routes.routes(drawing))
    assert len(cut.targets) == 1
    short = fold(netdsl.load("one_7x7").shaped)
    assert cuts.cuts(short, routes.routes(short)) == ()


def test_a_cut_never_goes_between_inputs() -> None:
    layers = " -> CONV 4 3 p1 -> MAXPOOL 2 s1" * 12
    drawing = drawn(f"a: INPUT 64x64x3{layers} -> x: RELU\nb: INPUT 64x64x3{layers} -> y: RELU\n[ x | y ] -> ADD")
    assert cuts.cuts(drawing, routes.routes(drawing)) == ()


def test_a_cluster_too_long_for_a_column_is_continued() -> None:
    layers = " -> ".join(["CONV 4 3 p1"] * 60)
    drawing = cuts.parted(drawn(f"block long() = {layers}\nINPUT 8x8x4 -> long() -> FC 2"))
    parts = [item for item in drawing.items if isinstance(item, Cluster)]
    assert len(parts) > 2
    assert {part.call for part in parts} == {"long()"}
    assert [part.note for part in parts] == ["", *["continued"] * (len(parts) - 1)]


def test_text_is_escaped() -> None:
    drawing = drawn('network "a & b <i> \\"é\\" \\\\ ]]>"\nmeta paper = "A <b> & C"\nINPUT 4x4x1 -> FC 2')
    picture = svg_reader.root(draw.draw(netdsl.loads('network "é <&> \\"q\\""\nINPUT 4x4x1 -> FC 2').shaped, "svg"))
    assert 'é <&> "q"' in "".join(picture.itertext())
    text = digraph.dot(drawing)
    assert "a &amp; b &lt;i&gt; &quot;é&quot; \\ ]]&gt;" in text
    assert "A &lt;b&gt; &amp; C" in text
    assert label.font("a\x00b\tc") == "a\ufffdb c"
    assert label.font("") == ""


@pytest.mark.parametrize(
    ("style", "format"),
    [("flow", "dot"), ("flow", "svg"), ("flow", "html"), ("columns", "svg"), ("columns", "html"), ("volumes", "svg")],
)
def test_no_text_of_a_picture_hides_or_turns_another(style: draw.Style, format: str) -> None:
    bad = "\x07 \x7f \x85 \u2028 \u202e \u200b \ufffe \ufdd0"
    block = 'block b(n, t="") = CONV n 1 -> CONV 2 1 table="0 \x85\u2028 1"'
    net = netdsl.loads(f'network "t{bad}"\nmeta year = "y{bad}"\n{block}\nINPUT 8x8x2 -> c: b(4, "u{bad}") -> b(2) x2')
    text = draw.draw(net.shaped, format, style=style).decode()
    assert not set(bad) - {" "} & set(text)
    assert "\ufffd" in text
    if format == "svg":
        svg_reader.root(text.encode())


def test_the_caption_tells_what_the_network_is() -> None:
    text = unescape(draw.dot(netdsl.load("vgg16").shaped))
    for told in ("VGG-16", "138,357,544 parameters", "15.47 G MACs", "2014", "Simonyan, Zisserman", "convolution"):
        assert told in text


# Pictures and the command


@pytest.mark.parametrize("name", ["lenet5_modern", "alexnet_two_gpus"])
def test_a_picture_is_well_formed_and_says_all(name: str) -> None:
    shaped = netdsl.load(name).shaped
    svg = draw.draw(shaped, "svg")
    told = re.sub(r"\s+", " ", " ".join(svg_reader.root(svg).itertext()).replace("\u00a0", " "))
    drawing = fold(shaped)
    for one in drawing.boxes:
        for row in one.rows:
            assert row.keyword in told
            assert row.arguments in told
            assert row.name in told
    for edge in drawing.edges:
        assert str(edge.shape).replace("x", "×") in told
    for one in clusters(drawing.items):
        assert one.call in told


def test_a_page_holds_its_picture() -> None:
    shaped = netdsl.loads('network "a < b"\nINPUT 4x4x1 -> FC 2').shaped
    page = draw.draw(shaped, "html").decode()
    assert "<title>a &lt; b</title>" in page
    assert page.count("<svg") == page.count("</svg>") == 1
    assert "<?xml" not in page
    assert "http-equiv" not in page
    assert not re.search(r'(src|href)="(?!#)', page.replace("xmlns:xlink", ""))


def test_the_command_writes_what_its_suffix_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = CliRunner().invoke
    assert run(command.command, ["one_7x7"], catch_exceptions=False).exit_code == 0
    assert (tmp_path / "one_7x7.svg").read_bytes().startswith((b"<svg", b"<?xml"))
    assert run(command.command, ["one_7x7", "-o", "a.DOT", "--set", "channels=8"]).exit_code == 0
    assert "56×56×8" in (tmp_path / "a.DOT").read_text(encoding="utf-8")
    assert run(command.command, ["one_7x7", "-o", "b.html", "--direction", "LR"]).exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.DOT", "b.html", "one_7x7.svg"]


def test_the_command_tells_what_a_picture_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.net").write_text('network "网"\nINPUT 4x4x1 -> FC 2', encoding="utf-8")
    run = CliRunner().invoke
    for style in draw.STYLES:
        found = run(command.command, ["a.net", "--style", style, "-o", "a.png"], catch_exceptions=False)
        assert found.stderr.startswith("warning: no font at hand has 网 (U+7F51): ")
        assert found.stdout == "a.png: 网\n"
        assert run(command.command, ["a.net", "--style", style], catch_exceptions=False).stderr == ""


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("a.gif", r"\.gif is no format"),
        ("a", "no suffix"),
        (".svg", "no suffix"),
        ("missing/a.dot", "missing"),
    ],
)
def test_the_command_refuses_what_it_cannot_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=message):
        CliRunner().invoke(command.command, ["one_7x7", "-o", out], catch_exceptions=False)
    assert not list(tmp_path.iterdir())
