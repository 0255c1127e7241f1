"""What changed between two networks: matching, costs, reports, git and pictures."""

from __future__ import annotations

import json
import os
import random
import shlex
import subprocess
import sys
from pathlib import Path

import command_line
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_networks import programs

import netdsl
from netdsl.diff import NOTHING, Change, Difference, diff, likeness
from netdsl.diff.markdown import markdown
from netdsl.diff.picture import draw, drawing
from netdsl.diff.report import text
from netdsl.layers.base import Layer
from netdsl.layers.values import Param

ROOT = Path(__file__).parent.parent


def between(before: str, after: str, **params: Param) -> Difference:
    """The difference of two programs; params are for the second."""
    return diff(netdsl.loads(before).shaped, netdsl.loads(after, params=params).shaped)


def bundled(before: str, after: str) -> Difference:
    return diff(netdsl.load(before).shaped, netdsl.load(after).shaped)


def told(difference: Difference, *kinds: str) -> list[tuple[str, str]]:
    """What changed, with what became of it; layers that only follow are left out."""
    kinds = kinds or ("added", "removed", "changed")
    return [(change.kind, change.side.path) for change in difference.changes if change.kind in kinds]


def same_report(difference: Difference, lines: str) -> None:
    """The text holds these lines in a row."""
    shown = "\n".join(line.rstrip() for line in text(difference).splitlines())
    assert lines.strip("\n") in shown, shown


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


CHAIN = "INPUT 32x32x3 -> CONV 64 3 p1 -> RELU -> CONV 64 3 p1 -> RELU -> MAXPOOL 2 -> CONV 128 3 p1 -> RELU -> FC 10"


# What is matched


@pytest.mark.parametrize("name", ["alexnet_two_gpus", "googlenet", "inception_v3", "lenet5", "resnet152", "vgg16"])
def test_a_network_is_what_it_is(name: str) -> None:
    difference = bundled(name, name)
    assert not difference
    assert text(difference).endswith("no change")
    assert all(change.kind == "same" for change in difference.layers)


def test_vgg19_has_three_convolutions_more_than_vgg16() -> None:
    difference = bundled("vgg16", "vgg19")
    added = [change for change in difference.changes if change.side.keyword == "CONV"]
    assert [(change.side.layer, str(change.side.shape)) for change in added] == [
        ("CONV 256 3x3 p1", "56x56x256"),
        ("CONV 512 3x3 p1", "28x28x512"),
        ("CONV 512 3x3 p1", "14x14x512"),
    ]
    assert difference.count("added") == 6  # with their RELUs
    assert difference.count("changed", "removed", "follows") == 0
    assert difference.renames["conv3_1"] == "stage3.group1.1.conv1"
    assert sum(change.params for change in difference.changes) == 143_667_240 - 138_357_544


def test_zfnet_changes_the_first_two_convolutions_of_alexnet() -> None:
    difference = bundled("alexnet", "zfnet")
    assert [path for kind, path in told(difference, "changed") if path.startswith("conv")] == ["conv1", "conv2"]
    assert told(difference, "added", "removed") == []
    assert difference.renames == {"pool3": "pool5"}


def test_the_papers_resnet_has_its_strides_elsewhere_in_three_places() -> None:
    difference = bundled("resnet152", "resnet152_paper")
    changed = {change.side.path: change for change in difference.layers if change.kind == "changed"}
    strides = {
        f"conv{stage}.down1.residual1.unit{unit}.conv1": ("s2" in before, "s2" in after)
        for stage in (3, 4, 5)
        for unit, before, after in ((1, "", "s2"), (2, "s2", ""))
    }
    assert changed.keys() == {"maxpool1", *strides}
    for path, (before, after) in strides.items():
        change = changed[path]
        assert change.before is not None
        assert change.after is not None
        assert ("s2" in change.before.arguments.split(), "s2" in change.after.arguments.split()) == (before, after)
    assert not difference.renames
    assert difference.count("added", "removed") == 0


def test_more_copies_are_added_at_the_end_and_told_in_a_line_each() -> None:
    difference = bundled("resnet101", "resnet152")
    copies = {tuple(path.split(".")[:3]) for _, path in told(difference)}
    assert copies == {("conv3", "same1", str(copy)) for copy in range(4, 8)} | {
        ("conv4", "same1", str(copy)) for copy in range(23, 36)
    }
    same_report(
        bundled("resnet18", "resnet34"),
        """
+ conv3.same1.2–3 (14 layers)  same(128) ×1 → ×3  28x28x128   +591K  +462M
+ conv4.same1.2–5 (28 layers)  same(256) ×1 → ×5  14x14x256  +4.72M  +925M
""",
    )
    same_report(bundled("resnet34", "resnet18"), "− conv3.same1.2–3 (14 layers)  same(128) ×3 → ×1")


@pytest.mark.parametrize("stage", ["x1", "x2", "x3"])
def test_a_changed_stem_does_not_move_into_a_stage_that_grows(stage: str) -> None:
    blocks = """
block basic(n, s=1) = CONV n 3 s{s} p1 -> BN -> RELU -> CONV n 3 p1 -> BN
block same(n) = [ basic(n) | SKIP ] -> ADD -> RELU
INPUT 32x32x3
"""
    before = f"{blocks}-> CONV 64 3 p1 -> BN -> RELU -> same(64) {stage} -> AVGPOOL global -> FC 10"
    after = f"{blocks}-> CONV 64 7 p3 -> BN -> RELU -> same(64) x4 -> AVGPOOL global -> FC 10"
    for difference, kind in ((between(before, after), "added"), (between(after, before), "removed")):
        assert told(difference, "changed") == [("changed", "conv1")]
        assert {path.rsplit(".", maxsplit=path.count(".") - 1)[0] for _, path in told(difference, kind)} == {
            f"same1.{copy}" for copy in range(int(stage[1]) + 1, 5)
        }
        assert not difference.tensors.taken


def test_what_follows_an_inserted_layer_still_matches() -> None:
    after = CHAIN.replace("INPUT 32x32x3 ->", "INPUT 32x32x3 -> CONV 32 5 p2 -> RELU ->")
    difference = between(CHAIN, after)
    assert told(difference) == [("added", "conv1"), ("added", "relu1")]
    assert difference.renames["conv3"] == "conv4"
    assert [change.side.path for change in difference.changes if change.kind == "follows"] == ["conv2"]


def test_alike_layers_are_added_where_no_path_changes() -> None:
    difference = between("INPUT 8 -> FC 8 -> FC 8 -> SOFTMAX", "INPUT 8 -> FC 8 -> FC 8 -> FC 8 -> SOFTMAX")
    assert told(difference) == [("added", "fc3")]
    assert difference.renames == {}


def test_another_input_size_changes_shapes_and_no_layer() -> None:
    difference = between(CHAIN, CHAIN.replace("32x32x3", "36x36x3"))
    assert told(difference) == [("changed", "input1")]
    assert difference.count("follows") == 8
    assert difference.tensors.resized == 1  # fc1's weight
    same_report(difference, "~ input1  INPUT 32x32x3 → 36x36x3              32x32x3 → 36x36x3")


def test_a_layer_becomes_another_of_its_role() -> None:
    difference = between(CHAIN, CHAIN.replace("MAXPOOL 2", "AVGPOOL 2").replace("RELU", "GELU"))
    assert difference.count("changed") == 4
    assert difference.count("added", "removed") == 0


def test_a_labelled_layer_stays_itself_whatever_it_becomes() -> None:
    difference = between("INPUT 4x4x8 -> a: FC 3 -> b: SOFTMAX", "INPUT 4x4x8 -> a: CONV 3 4 -> b: FLATTEN")
    assert told(difference) == [("changed", "a"), ("changed", "b")]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("CONV 8 3x3 p1", "CONV 8 3 p1x1"),
        ("MAXPOOL 2", "MAXPOOL 2x2 s2"),
        ("CONV 8 3 s1", "CONV 8 3"),
    ],
)
def test_another_way_of_writing_is_no_change(one: str, other: str) -> None:
    assert not between(f"INPUT 8x8x3 -> {one}", f"INPUT 8x8x3 -> {other}")


def test_a_block_around_layers_changes_paths_alone() -> None:
    wrapped = (
        "block two(n) = CONV n 3 p1 -> RELU\nINPUT 32x32x3 -> two(64) -> two(64) -> MAXPOOL 2 -> two(128) -> FC 10"
    )
    difference = between(CHAIN, wrapped)
    assert difference
    assert difference.changes == ()
    assert difference.renames["conv2"] == "two2.conv1"
    assert difference.tensors.renamed["conv2.weight"] == "two2.conv1.weight"
    assert "6 layers renamed" in text(difference)


def test_a_renamed_scope_is_told_once() -> None:
    before = "block b(n) = (CONV n 3 p1 -> BN -> RELU) x3\nINPUT 8x8x3 -> one: b(4) -> two: b(8)"
    same_report(between(before, before.replace("two:", "second:")), "> two → second (9 layers)")


def test_names_of_nodes_in_arguments_may_be_renamed() -> None:
    before = "INPUT 8x8x4 -> e: CONV 4 1 -> MAXPOOL 2 -> UPSAMPLE like=e -> CONV 2 1"
    difference = between(before, before.replace("e: ", "enc: ").replace("like=e", "like=enc"))
    assert (difference.changes, difference.renames) == ((), {"e": "enc"})


# Wiring

SKIPS = "INPUT 8x8x4 -> a: CONV 4 1 -> b: CONV 4 3 p1 -> c: CONV 4 3 p1\n[ c | a ] -> ADD -> FC 3"


def notes(difference: Difference) -> dict[str, tuple[str, ...]]:
    return {change.side.path: change.notes for change in difference.changes if change.notes}


def test_a_skip_that_goes_elsewhere() -> None:
    difference = between(SKIPS, SKIPS.replace("| a", "| b"))
    assert notes(difference) == {"add1": ("reads c, b, not c, a",)}
    assert told(difference) == [("changed", "add1")]


def test_an_added_skip() -> None:
    before = "INPUT 8x8x4 -> a: CONV 4 1 -> c: CONV 4 3 p1 -> FC 3"
    after = "INPUT 8x8x4 -> a: CONV 4 1 -> c: CONV 4 3 p1\n[ c | a ] -> ADD -> FC 3"
    difference = between(before, after)
    assert told(difference) == [("added", "add1")]
    assert notes(difference) == {}


@pytest.mark.parametrize(("merge", "order"), [("CONCAT", True), ("SUB", True), ("ADD", False), ("MUL", False)])
def test_the_order_of_branches_where_it_counts(merge: str, order: bool) -> None:
    one, other = "CONV 4 3 p1 -> RELU", "CONV 4 1"
    programs = [f"INPUT 8x8x4 -> [ {a} | {b} ] -> {merge} -> FC 2" for a, b in ((one, other), (other, one))]
    difference = between(*programs)
    assert told(difference) == ([("changed", f"{merge.lower()}1")] if order else [])
    if order:
        assert "in another order" in notes(difference)[f"{merge.lower()}1"][0]
    assert difference.renames == {"conv1": "conv2", "conv2": "conv1"}


def test_two_layers_that_change_places() -> None:
    difference = between(
        "INPUT 8x8x4 -> CONV 4 1 -> RELU -> BN -> FC 3", "INPUT 8x8x4 -> CONV 4 1 -> BN -> RELU -> FC 3"
    )
    assert len(told(difference)) == 1
    assert [note for one in notes(difference).values() for note in one] == ["moved: reads conv1, not relu1"]


def test_the_order_of_statements_is_nothing() -> None:
    left, right = "left: INPUT 8x8x1 -> l: CONV 4 3", "right: INPUT 8x8x1 -> r: CONV 4 3"
    end = "[ l | r ] -> SUB -> FC 2"
    assert not between("\n".join([left, right, end]), "\n".join([right, left, end]))


def test_names_that_change_places_would_load_into_each_other() -> None:
    before = "left: INPUT 8x8x1 -> CONV 4 3\nright: INPUT 8x8x1 -> CONV 4 3\n[ conv1 | conv2 ] -> SUB -> FC 2"
    after = "right: INPUT 8x8x1 -> CONV 4 3\nleft: INPUT 8x8x1 -> CONV 4 3\n[ conv2 | conv1 ] -> SUB -> FC 2"
    difference = between(before, after)
    assert difference.changes == ()
    assert difference.renames == {"conv1": "conv2", "conv2": "conv1"}
    assert set(difference.tensors.taken) == {"conv1.weight", "conv1.bias", "conv2.weight", "conv2.bias"}


@pytest.mark.parametrize(
    ("before", "after", "note"),
    [
        ("INPUT 4 -> a: FC 4", "INPUT 4 -> a: FC 4 @1", "on device 1, not 0"),
        ("INPUT 4 -> a: FC 4 -> b: FC 4", "INPUT 4 -> a: FC 4 -> b: a()", "with the weights of a"),
        ("INPUT 4 -> a: FC 4 -> b: a()", "INPUT 4 -> a: FC 4 -> b: FC 4", "with weights of its own"),
        (
            "x: INPUT 4 -> a: FC 4\nx -> b: FC 3\noutput a, b",
            "x: INPUT 4 -> a: FC 4\nx -> b: FC 3\noutput a\noutput training b",
            "in training alone",
        ),
    ],
)
def test_what_else_changes_of_a_layer(before: str, after: str, note: str) -> None:
    difference = between(before, after)
    assert list(notes(difference).values()) == [(note,)]
    assert_sums(difference)


def test_facts_beside_the_layers() -> None:
    before = 'network "A"\nmeta year = 2014\nparam n = 4\nINPUT 8 -> a: FC n -> b: SOFTMAX\nexpect params = 36'
    after = before.replace('"A"', '"B"').replace("2014", "2015").replace("n = 4", "n = 5") + "\noutput a, b"
    one = netdsl.loads(before).shaped
    other = netdsl.loads(after.replace("= 36", "= 45")).shaped
    assert [(fact.name, fact.before, fact.after) for fact in diff(one, other).facts] == [
        ("title", "A", "B"),
        ("meta year", "2014", "2015"),
        ("param n", "4", "5"),
        ("outputs", "b", "a, b"),
    ]


def test_expectations_that_no_longer_hold(here: Path) -> None:
    (here / "a.net").write_text("INPUT 8 -> FC 4\nexpect params = 36\nexpect depth = 1\n")
    (here / "b.net").write_text("INPUT 8 -> FC 5\nexpect params = 36\nexpect depth = 1\n")
    assert "~ expect params = 36: holds → fails\n" in command_line.run("diff", "a.net", "b.net")[1]
    assert "~ expect params = 36: fails → holds\n" in command_line.run("diff", "b.net", "a.net")[1]


# Sums, symmetry, edits


def assert_sums(difference: Difference) -> None:
    """The parts make up the whole."""
    assert sum(change.params for change in difference.layers) == difference.after.params - difference.before.params
    assert sum(change.macs for change in difference.layers) == difference.after.macs - difference.before.macs
    tensors = difference.tensors
    kept = tensors.kept + len(tensors.renamed) + tensors.resized
    weights = [
        sum(
            len(node.layer.weights(*shaped.input_shapes(index)))
            for index, node in enumerate(shaped.nodes)
            if not node.shared
        )
        for shaped in (difference.first, difference.second)
    ]
    assert [kept + tensors.removed, kept + tensors.added] == weights


NAMES = ["alexnet", "alexnet_two_gpus", "googlenet", "lenet5", "nin", "resnet18", "resnet50", "vgg16", "zfnet"]


@pytest.mark.parametrize("before", NAMES)
def test_parts_make_up_the_whole(before: str) -> None:
    for after in ("googlenet", "resnet34", "vgg11"):
        difference = bundled(before, after)
        assert_sums(difference)
        assert len(difference.layers) == len(difference.first.nodes) + difference.count("added")
        for report in (text(difference), text(difference, all=True), text(difference, colour=True)):
            assert report
        assert max(map(len, text(difference).splitlines())) <= 80


def test_long_names_have_a_line_each(here: Path) -> None:
    for folder in ("a" * 30, "b" * 40):
        (here / folder).mkdir()
        (here / folder / "n.net").write_text("INPUT 8 -> FC 5\n")
    code, out, _ = command_line.run("diff", f"{'a' * 30}/n.net", f"{'b' * 40}/n.net")
    assert (code, out.splitlines()[:2]) == (0, [f"{'a' * 30}/n.net", f"→ {'b' * 40}/n.net"])


@settings(max_examples=60, deadline=None)
@given(programs(), programs())
def test_laws_of_a_difference(one: str, other: str) -> None:
    """A network is what it is; there and back are opposites; the parts make up the whole; all reports can be made."""
    first, second = netdsl.loads(one).shaped, netdsl.loads(other).shaped
    assert not diff(first, first)
    there, back = diff(first, second), diff(second, first)
    assert_sums(there)
    assert_sums(back)
    assert (there.count("added"), there.count("removed")) == (back.count("removed"), back.count("added"))
    assert there.count("changed") == back.count("changed")
    assert sum(change.macs for change in there.layers) == -sum(change.macs for change in back.layers)
    for report in (text(there), markdown(there), json.dumps(there.data)):
        assert report
    shown = drawing(there)
    boxes = {box.id for box in shown.boxes}
    assert len(boxes) == len(list(shown.boxes))
    assert all(edge.source in boxes and edge.target in boxes for edge in shown.edges)


WORDS = ("CONV 8 3 p1", "CONV 4 1", "BN", "RELU", "SIGMOID", "DROPOUT 0.5", "MAXPOOL 3 s1 p1", "LRN", "DWCONV 3 p1")
OTHERS = ("CONV 6 5 p2", "TANH", "AVGPOOL 3 s1 p1", "SCALE")


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.booleans())
def test_edits_of_a_chain_are_found_as_made(seed: int, labelled: bool) -> None:
    """Layers inserted, deleted, changed or renamed, far enough apart to be told from one another."""
    chance = random.Random(seed)
    layers = [(f"l{at}", chance.choice(WORDS)) for at in range(24)]
    edited: list[tuple[str, str]] = []
    expected: set[tuple[str, str]] = set()
    for at, (name, word) in enumerate(layers):
        edit = chance.choice(["insert", "delete", "change", "rename", ""]) if at % 4 == 2 else ""
        match edit:
            case "insert":
                edited += [("new" + name, chance.choice(OTHERS)), (name, word)]
                expected.add(("added", "new" + name))
            case "delete":
                expected.add(("removed", name))
            case "change":
                other = {"CONV": "CONV 8 7 p3", "DWCONV": "DWCONV 5 p2", "DROPOUT": "DROPOUT 0.25"}
                role = {
                    "RELU": "GELU",
                    "SIGMOID": "SILU",
                    "MAXPOOL": "MAXPOOL 5 s1 p2",
                    "BN": "IN",
                    "LRN": "LRN size=3",
                }
                edited.append((name, (other | role)[word.split()[0]]))
                expected.add(("changed", name))
            case "rename":
                edited.append(("re" + name, word))
                expected.add(("renamed", name))
            case _:
                edited.append((name, word))
    before, after = (
        "x: INPUT 9x9x8 -> " + " -> ".join(f"{name}: {word}" if labelled else word for name, word in chain)
        for chain in (layers, edited)
    )
    difference = between(before, after)
    if labelled:
        found = set(told(difference)) | {("renamed", name) for name in difference.renames}
        assert found == expected
    else:
        counts = [len([one for one in expected if one[0] == kind]) for kind in ("added", "removed", "changed")]
        edits = sum(difference.count(kind) for kind in ("added", "removed", "changed"))
        assert edits <= sum(counts)
    assert_sums(difference)


def test_ten_thousand_layers_are_compared_in_some_seconds() -> None:
    """Work, not time: so many prices are asked as there are layers in a narrow band, not as there are pairs."""
    from netdsl.diff.align import GAP, align

    asked = 0

    def price(a: int, b: int) -> int | None:
        nonlocal asked
        asked += 1
        return 0 if a == b else GAP * 3 // 2

    chance = random.Random(5)
    a = [chance.randrange(5) for _ in range(10_000)]
    b = [*a[:100], 9, *a[100:7000], *a[7001:]]
    pairs = align(a, b, price)
    assert len(pairs) == 9_999
    assert pairs == sorted(pairs)
    assert asked < 60 * len(a)
    assert len(align(a, [9, *a, *a[:4000], 9], price)) == 10_000


def test_copies_are_weighed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def act(layer: Layer) -> likeness.Act:
        asked.append(layer.written)
        return before(layer)

    before = likeness.act
    monkeypatch.setattr(likeness, "act", act)
    found = between(*[f"INPUT 8x8x4 -> ( CONV 4 3 p1 -> {norm} -> RELU ) x500\n" for norm in ("BN", "BN eps=0.1")])
    assert found.count("changed") == 500
    assert asked == ["INPUT 8x8x4", "CONV 4 3 p1", "BN", "RELU", "INPUT 8x8x4", "CONV 4 3 p1", "BN eps=0.1", "RELU"]


# Nothing, and networks that begin or end


def test_a_new_network_is_added_and_a_lost_one_removed() -> None:
    net = netdsl.load("vgg16").shaped
    new, gone = diff(NOTHING, net), diff(net, NOTHING)
    assert new.count("added") == gone.count("removed") == len(net.nodes)
    assert new.after.params == -sum(change.params for change in gone.layers) == 138_357_544
    assert not diff(NOTHING, NOTHING)
    for difference in (new, gone):
        assert text(difference)
        assert markdown(difference)
        assert draw(difference, "dot")


# Reports


def test_markdown_for_a_pull_request() -> None:
    lines = markdown(bundled("vgg16", "vgg19")).splitlines()
    assert "parameters 138,357,544 → 143,667,240 (+3.8%); MACs 15,470,264,320 → 19,632,062,464 (+26.9%)" in lines[0]
    assert (
        "| + | `stage3.group1.4` (2 layers) | `CONV 256 3x3 p1 -> RELU ×3` | `CONV 256 3x3 p1 -> RELU ×4` "
        "| 56x56x256 | +590,080 | +1,849,688,064 |" in lines
    )
    assert "<summary>38 renamed</summary>" in lines
    assert "| depth | 16 | 19 | +3 | +18.8% |" in lines
    for line in lines:  # the columns of a row are those of its table's head
        if line.startswith("|"):
            assert line.endswith("|")
    long = markdown(bundled("vgg16", "googlenet"))
    assert "changes</summary>" in long


def test_pipes_and_backticks_do_not_break_a_markdown_table() -> None:
    before = 'network "a|b`c"\nINPUT 4 -> FC 2'
    rows = [line for line in markdown(between(before, before.replace("a|", "x|"))).splitlines() if "title" in line]
    assert rows == ["| title | a\\|b\\`c | x\\|b\\`c |"]


def test_json_holds_all_of_it() -> None:
    data = json.loads(json.dumps(bundled("alexnet", "zfnet").data))
    assert data["totals"]["params"] == {"before": 62378344, "after": 62357608, "change": -20736}
    (conv1,) = [one for one in data["layers"] if one["path"] == ["conv1", "conv1"]]
    assert conv1["layer"] == ["CONV 96 11x11 s4", "CONV 96 7x7 s2 p1"]
    assert conv1["output"] == [[55, 55, 96], [110, 110, 96]]
    assert (conv1["change"], conv1["params"]) == ("changed", -20736)
    assert data["facts"]["meta year"] == ["2012", "2013"]


def test_colours_mark_the_kinds_of_changes() -> None:
    coloured = text(bundled("alexnet", "zfnet"), colour=True)
    assert "\x1b[33m~ conv1\x1b[0m" in coloured
    assert "\x1b" not in text(bundled("alexnet", "zfnet"))


# Pictures


def tints(difference: Difference) -> dict[str, set[str]]:
    """By box, what its rows tell."""
    return {box.id: {row.role for row in box.rows} for box in drawing(difference).boxes if box.kind != "output"}


def test_a_picture_of_a_small_change_is_small() -> None:
    shown = drawing(bundled("resnet101", "resnet152"))
    boxes = {box.id: box for box in shown.boxes}
    assert len(boxes) < 20
    assert {row.role for row in boxes["conv3.same1.4"].rows} == {"added"}
    assert [row.keyword for row in boxes["conv4.same1.23"].rows] == ["same1.23–35", "130"]


def test_colours_of_boxes_and_edges() -> None:
    difference = between(SKIPS, SKIPS.replace("| a", "| b").replace("FC 3", "SOFTMAX"))
    assert tints(difference) == {
        "input1": {"unchanged"},
        "a": {"unchanged"},
        "b": {"unchanged"},
        "c": {"unchanged"},
        "add1": {"changed"},
        "fc1 removed": {"removed"},
        "softmax1": {"added"},
    }
    edges = {(edge.source, edge.target): edge.tint for edge in drawing(difference).edges}
    assert edges["a", "add1"] == "removed"
    assert edges["b", "add1"] == "added"
    assert edges["c", "add1"] is None


def test_copies_that_fare_alike_are_drawn_once() -> None:
    program = "param w = 4\nblock b() = CONV w 3 p1 -> BN -> RELU\nINPUT 8x8x4 -> b() x5 -> FC 2"
    shown = drawing(between(program, program, w=6))
    assert [(item.id, item.copies) for item in shown.items if hasattr(item, "items")] == [("b1.1", 5)]


def test_a_scope_here_and_a_layer_there_of_one_name_are_two_boxes() -> None:
    before = "INPUT 8x8x4 -> conv1: (CONV 4 3 p1 -> LRN) -> FC 2"
    shown = drawing(between(before, "INPUT 8x8x4 -> conv1: CONV 4 3 p1 -> FC 2"))
    ids = [box.id for box in shown.boxes]
    assert len(ids) == len(set(ids))
    assert {edge.source for edge in shown.edges} <= set(ids)


@pytest.mark.parametrize("format", ["svg", "png", "pdf", "dot", "html"])
def test_pictures_in_all_formats(format: str) -> None:
    data = draw(between(SKIPS, SKIPS.replace("| a", "| b")), format)
    starts = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF", "dot": b"digraph", "html": b"<!DOCTYPE html>"}
    assert data.startswith(starts[format])


# The command


def test_exit_codes(here: Path) -> None:
    (here / "a.net").write_text("INPUT 4 -> FC 2\n")
    (here / "b.net").write_text("INPUT 4 -> FC 3\n")
    (here / "bad.net").write_text("INPUT 4 -> FC\n")
    (here / "blocks.net").write_text("block a() = FC 3\n")
    (here / "empty.net").write_text("")
    assert command_line.run("diff", "a.net", "b.net")[0] == 0
    assert command_line.run("diff", "--exit-code", "a.net", "b.net")[0] == 1
    assert command_line.run("diff", "--exit-code", "a.net", "a.net")[0] == 0
    assert "a.net → b.net" in command_line.run("diff", "a.net", "b.net")[1]
    for name in ("empty.net", os.devnull):
        assert "2 layers added" in command_line.run("diff", name, "a.net")[1]
        assert "2 layers removed" in command_line.run("diff", "a.net", name)[1]
    status, out, err = command_line.run("diff", "bad.net", "a.net")
    assert (status, out) == (1, "")
    assert err.startswith("error[missing-argument]")
    for arguments, complaint in [
        (["a.net"], "two networks are compared, not 1"),
        (["a.net", "missing.net"], "missing.net: there is no such file"),
        (["a.net", "blocks.net"], "blocks.net holds blocks alone"),
        (["a.net", "."], "Is a directory"),
        (["a.net", "b.net", "-o", "out.gif"], ".gif is no format"),
        (["a.net", "b.net", "-o", "no/out.svg"], "No such file"),
        (["empty.net", os.devnull, "-o", "out.svg"], "there is nothing to draw"),
        (["a.net", "HEAD:b.net"], "not a git repository"),
        (["--set", "nothing=1", "a.net", "b.net"], "has no param nothing"),
    ]:
        status, out, err = command_line.run("diff", *arguments)
        assert (status, out) == (2, "")
        assert complaint in err


@pytest.mark.parametrize("format", ["svg", "dot", "html"])
def test_the_name_of_a_file_turns_no_words_of_a_picture(format: str) -> None:
    before, after = (netdsl.loads(f"INPUT 4 -> FC {n}\n", name="a\N{RIGHT-TO-LEFT OVERRIDE}.net") for n in (2, 3))
    picture = draw(diff(before.shaped, after.shaped), format).decode()
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in picture
    assert "a\N{REPLACEMENT CHARACTER}.net" in picture


def test_pictures_are_written(here: Path) -> None:
    assert command_line.run("diff", "vgg11", "vgg13", "-o", "out.svg") == (0, "out.svg: vgg11 → vgg13\n", "")
    assert b"unchanged" in (here / "out.svg").read_bytes()


def git(*arguments: str, **environment: str) -> str:
    settings = ["-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "core.pager=cat"]
    program = {**os.environ, "PYTHONPATH": str(ROOT), "GIT_CONFIG_GLOBAL": os.devnull, **environment}
    run = subprocess.run(
        ["git", *settings, *arguments], env=program, capture_output=True, text=True, check=False, timeout=60
    )
    assert run.returncode == 0, run
    return run.stdout


@pytest.fixture
def repository(here: Path) -> Path:
    """Two revisions of a network that uses a file beside it, in a folder of a repository."""
    git("init", "-q", "-b", "main")
    (here / "nets" / "lib").mkdir(parents=True)
    (here / "nets" / "lib" / "blocks.net").write_text("block dense(n) = FC n -> RELU\n")
    (here / "nets" / "a.net").write_text('use "lib/blocks.net"\nINPUT 4 -> dense(5) -> FC 2\n')
    git("add", ".")
    git("commit", "-q", "-m", "one")
    (here / "nets" / "lib" / "blocks.net").write_text("block dense(n) = FC n -> GELU\n")
    (here / "nets" / "a.net").write_text('use "lib/blocks.net"\nINPUT 4 -> dense(6) -> FC 2\n')
    return here


DRIVER = f"{shlex.quote(sys.executable)} -m netdsl diff"


def test_revisions_bring_the_files_that_they_use(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    status, out, err = command_line.run("diff", "HEAD:nets/a.net", "nets/a.net")
    assert (status, err) == (0, "")
    assert "HEAD:nets/a.net → nets/a.net\n2 layers changed" in out
    assert "RELU → GELU" in out
    assert "FC 5 → 6" in out
    monkeypatch.chdir(repository / "nets")
    for name in ("HEAD:a.net", "HEAD:nets/a.net"):
        assert "2 layers changed" in command_line.run("diff", name, "a.net")[1]
    status, _, err = command_line.run("diff", "HEAD:b.net", "a.net")
    assert status == 2
    assert err.startswith("error: HEAD:b.net: ")
    assert err.endswith(f"\n  = help: write {os.devnull} for a network that is new or gone\n")
    assert "help" not in command_line.run("diff", "nowhere:a.net", "a.net")[2]


def test_links_in_a_revision_give_no_traceback(repository: Path) -> None:
    (repository / "nets" / "far.net").symlink_to(repository.parent / "far.net")
    (repository / "nets" / "near.net").symlink_to("a.net")
    git("add", "nets")
    git("commit", "-q", "-m", "links")
    for name in ("a.net", "near.net"):
        assert "no change" in command_line.run("diff", f"HEAD:nets/{name}", "nets/a.net")[1]
    status, _, err = command_line.run("diff", "HEAD:nets/far.net", "nets/a.net")
    assert (status, err) == (2, "error: HEAD:nets/far.net: it is a link to what does not come along\n")


def test_git_diff_by_a_driver(repository: Path) -> None:
    (repository / ".gitattributes").write_text("*.net diff=netdsl\n")
    shown = git("-c", f"diff.netdsl.command={DRIVER}", "diff")
    assert "nets/a.net\n1 layer changed, 2 follow\n" in shown  # the used file is today's, on both sides
    assert "FC 5 → 6" in shown
    assert "-block dense(n) = FC n -> RELU\n+block dense(n) = FC n -> GELU" in shown  # by lines
    git("mv", "nets/a.net", "nets/b.net")
    assert "nets/a.net → nets/b.net" in git("-c", f"diff.netdsl.command={DRIVER}", "diff", "-M20", "--cached")
    (repository / "new.net").write_text("INPUT 4 -> FC 2\n")
    git("add", "-N", "new.net")
    assert "2 layers added" in git("diff", "new.net", GIT_EXTERNAL_DIFF=DRIVER)
    (repository / "new.net").write_text("INPUT 4 -> FX 2\n")
    assert "+INPUT 4 -> FX 2" in git("diff", "new.net", GIT_EXTERNAL_DIFF=DRIVER)


def test_git_difftool(repository: Path) -> None:
    shown = git("difftool", "--no-prompt", "-x", DRIVER, "--", "nets/a.net")
    assert shown.startswith("nets/a.net\n1 layer changed, 2 follow")
    assert "FC 5 → 6" in shown


def test_the_python_call() -> None:
    difference = netdsl.load("vgg16").diff(netdsl.load("vgg19"))
    assert isinstance(difference, Difference)
    assert isinstance(difference.changes[0], Change)
    assert str(difference) == text(difference)
