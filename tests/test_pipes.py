"""Networks that come through pipes, as imports do: `netdsl diff old.net <(netdsl import new.cfg)`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Generator
from pathlib import Path

import command_line
import pytest

import netdsl
from netdsl.diff import diff
from netdsl.diff.union import union

pytestmark = pytest.mark.skipif(not Path("/dev/fd").exists(), reason="there are no /dev/fd")

FILES = Path(__file__).parent / "interchange"
Pipe = Callable[[str], str]

EDITED = """# As one would write what `netdsl import` gives of a tiny network.
network "Mine"
meta year = 2016
param classes = 4

block unit(w) = CONV w 3 p1 nobias -> BN -> LEAKYRELU 0.1

INPUT 16x16x3
-> first: unit(8) -> MAXPOOL 2
-> body: ( unit(16) x2 ) -> MAXPOOL 2
-> tail: unit(32)
-> classes_map: CONV classes 1 -> AVGPOOL global -> SOFTMAX
"""

UNIT = "[convolutional]\nbatch_normalize=1\nfilters={}\nsize=3\npad=1\nactivation=leaky\n"
POOL = "[maxpool]\nsize=2\nstride=2\n"
ENDS = (
    "[net]\nheight=16\nwidth=16\nchannels=3\n",
    "[convolutional]\nfilters={}\nsize=1\nactivation=linear\n[avgpool]\n[softmax]\n",
)


def config(*, body: tuple[int, ...] = (16, 16), tail: int = 32, classes: int = 4, first: str = "") -> str:
    """The same network as a file of Darknet, or a changed one."""
    units = "".join(map(UNIT.format, body))
    return ENDS[0] + UNIT.format(8) + first + POOL + units + POOL + UNIT.format(tail) + ENDS[1].format(classes)


@pytest.fixture
def pipe() -> Generator[Pipe]:
    """Makes what a shell makes of <(…): the name of a pipe in which a text is."""
    opened: list[int] = []

    def made(text: str) -> str:
        out, into = os.pipe()
        opened.append(out)
        with os.fdopen(into, "w", encoding="utf-8") as file:
            file.write(text)
        return f"/dev/fd/{out}"

    yield made
    for one in opened:
        os.close(one)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.net").write_text(EDITED)
    return tmp_path


def imported(here: Path, text: str) -> str:
    """What `netdsl import` prints of a file of Darknet."""
    (here / "new.cfg").write_text(text)
    done = command_line.run("import", "new.cfg")
    assert done.status == 0, done.err
    return done.out


def changes(here: Path, pipe: Pipe, text: str) -> list[tuple[str, str]]:
    """What `diff` tells of the edited program and another import: the signs and names of its rows."""
    done = command_line.run("diff", "old.net", pipe(imported(here, text)))
    assert (done.status, done.err) == (0, "")
    rows = [line.split()[:2] for line in done.out.splitlines() if line[:2] in ("+ ", "− ", "~ ", "· ")]
    return [(sign, name) for sign, name in rows]


# A second import of what was edited


def test_what_comes_through_a_pipe_is_named_beside_a_file_of_its_name(here: Path, pipe: Pipe) -> None:
    done = command_line.run("diff", "resnet18", pipe('network "resnet18"\nINPUT 3 -> FC 2\n'))
    assert done.out.startswith("resnet18 → resnet18\n")


def test_an_edited_program_is_still_what_was_imported(here: Path, pipe: Pipe) -> None:
    done = command_line.run("diff", "--exit-code", "old.net", pipe(imported(here, config())))
    assert (done.status, done.err) == (0, "")
    assert done.out.splitlines()[0] == "old.net → new"
    assert done.out.splitlines()[1].startswith("no change but of names: ")
    assert done.out.splitlines()[1].endswith("layers renamed")
    assert len(done.out.splitlines()) == 2


FOLLOWING = [("·", "tail.bn1"), ("·", "tail.leakyrelu1"), ("·", "classes_map")]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (config(classes=9), [("~", "classes_map"), ("·", "avgpool1")]),
        (config(tail=48), [("~", "tail.conv1"), *FOLLOWING]),
        (config(body=(16, 16, 16)), [("+", "body.unit1.3")]),
        (config(body=(16,)), [("−", "body.unit1.2")]),
        (config(body=()), [("−", "body"), ("·", "maxpool2"), ("·", "tail.conv1")]),
        (config(first="[dropout]\nprobability=.3\n"), [("+", "dropout1")]),
        (config().replace("leaky", "relu", 1), [("~", "first.leakyrelu1")]),
    ],
    ids=["classes", "width", "deeper", "shallower", "without", "layer", "replaced"],
)
def test_what_changed_in_the_model_is_told_in_the_edited_names(
    text: str, told: list[tuple[str, str]], here: Path, pipe: Pipe
) -> None:
    assert changes(here, pipe, text) == told


def test_what_a_new_layer_stands_behind_is_told(here: Path, pipe: Pipe) -> None:
    done = command_line.run("diff", "old.net", pipe(imported(here, config(first="[dropout]\nprobability=.3\n"))))
    assert "\n    behind first.leakyrelu1\n" in done.out


def test_the_other_way_round_it_is_the_same(here: Path, pipe: Pipe) -> None:
    text = imported(here, config(body=(16, 16, 16), classes=9))
    done = command_line.run("diff", pipe(text), "old.net")
    assert done.out.startswith("new → old.net\n")
    assert [line.split()[:2] for line in done.out.splitlines() if line[:2] in ("− ", "~ ")] == [
        ["−", "body.unit1.3"],
        ["~", "classes_map"],
    ]


def test_all_names_are_told_where_they_are_asked_for(here: Path, pipe: Pipe) -> None:
    text = imported(here, config(classes=9))
    assert "classes_map → conv1" in command_line.run("diff", "--all", "old.net", pipe(text)).out
    data = json.loads(command_line.run("diff", "--format", "json", "old.net", pipe(text)).out)
    assert data["tensors"]["renamed"]["first.conv1.weight"] == "unit1.conv1.weight"
    assert command_line.run("diff", "-o", "out.svg", "old.net", pipe(text)).out == "out.svg: old.net → new\n"
    assert ">classes_map<" in (here / "out.svg").read_text(encoding="utf-8")


def test_what_is_read_is_told_in_the_edited_names() -> None:
    skips = "INPUT 8x8x4 -> {a}: CONV 4 3 p1 -> {b}: CONV 4 3 p1 -> [ SKIP | {read} ] -> ADD -> FC 3\n"
    old = netdsl.loads(skips.format(a="early", b="late", read="early"))
    new = netdsl.loads(skips.format(a="x", b="y", read="y -> SKIP"), name="<stdin>")
    (change,) = [one for one in diff(old.shaped, new.shaped).changes if one.kind == "changed"]
    assert change.notes == ("reads late, late, not late, early",)


def test_a_picture_calls_outputs_as_the_edited_program_does() -> None:
    old = netdsl.loads("INPUT 4 -> logits: FC 2\n")
    new = netdsl.loads("INPUT 4 -> FC 3 -> [ SKIP | aux: SOFTMAX ] -> CONCAT\noutput fc1, aux\n", name="<stdin>")
    assert [*union(diff(old.shaped, new.shaped)).outputs.values()] == ["logits", "aux"]


def test_labels_that_count_otherwise_move_nothing() -> None:
    """Where the source begins to count elsewhere than the editor, equal blocks are those in the same places."""

    def blocks(first: int, name: str) -> netdsl.Network:
        text = " -> ".join(f"b{number}: ( CONV 4 3 p1 -> BN -> RELU )" for number in range(first, first + 6))
        return netdsl.loads(f"INPUT 8x8x4 -> {text} -> FC 3\n", name=name)

    assert not diff(blocks(0, "old.net").shaped, blocks(1, "<stdin>").shaped)
    assert diff(blocks(0, "old.net").shaped, blocks(1, "new.net").shaped)


def test_facts_that_an_import_lacks_are_told_of_files_alone(here: Path, pipe: Pipe) -> None:
    text = imported(here, config(classes=9))
    (here / "new.net").write_text(text)
    assert "meta year" in command_line.run("diff", "old.net", "new.net").out
    assert "meta year" not in command_line.run("diff", "old.net", pipe(text)).out
    other = text.replace("\nblock", "\nmeta year = 2020\nblock", 1)
    assert "~ meta year: 2016 → 2020" in command_line.run("diff", "old.net", pipe(other)).out


def test_a_network_that_was_imported_in_python_is_no_file_either(here: Path) -> None:
    (here / "new.cfg").write_text(config(tail=48))
    found = netdsl.from_file("new.cfg")
    assert found.title == "new"
    difference = netdsl.load("old.net").diff(found)
    assert str(difference).startswith("old.net → new\n")
    assert "~ tail.conv1 " in str(difference)
    assert found.compile(seed=0).name == "new.pt"


# What else is read from pipes


def test_each_command_reads_a_pipe(here: Path, pipe: Pipe) -> None:
    text = imported(here, config())
    checked = command_line.run("check", pipe(text))
    assert (checked.status, checked.err) == (0, "")
    assert checked.out.endswith(": ok, 3 expectations hold\n")
    assert command_line.run("summary", pipe(text)).out == command_line.run("summary", "-", stdin=text.encode()).out
    assert command_line.run("draw", pipe(text)).out == "pipe.svg: new\n"
    assert command_line.run("fmt", pipe(text.replace("\n", "\n\n\n"))).out.startswith("# Darknet: new.cfg\n")
    assert "not what comes through a pipe" in command_line.run("check", "--fix", pipe(text)).err


def test_an_import_is_compared_with_a_network_of_its_title(here: Path, pipe: Pipe) -> None:
    text = imported(here, config()).replace('"new"', '"Mine"')
    rows = command_line.run("compare", "old.net", pipe(text)).out.splitlines()
    assert [row.split("  ")[0] for row in rows[-2:]] == ["Mine (old)", "Mine (pipe)"]


def test_a_program_without_a_title_is_not_called_by_a_number(pipe: Pipe) -> None:
    assert netdsl.load(pipe("INPUT 4 -> FC 2\n")).title == "pipe"


def test_an_import_that_failed_leaves_nothing_to_compare(here: Path, pipe: Pipe) -> None:
    done = command_line.run("diff", "old.net", pipe(""))
    assert (done.status, done.out) == (1, "")
    assert "nothing came through the pipe" in done.err
    assert "the command that writes it failed" in done.err


# Residual networks, whose branches stand in the other order


def residual(*, widths: tuple[int, ...] = (4, 8), blocks: int = 2, act: str = "relu", inner: str = "") -> str:
    """A residual network as a source has it, its shortcut behind: other blocks, and other names than one would give."""
    lines = [
        f'network "model"\nblock unit(n, s=1) = CONV n 3 s{{s}} p1 nobias -> BN -> {act.upper()} -> CONV n 3 p1 nobias',
        f" -> BN{inner}\nblock basic(n, s=1) = [ unit(n, s) | CONV n 1 s{{s}} nobias -> BN ] -> ADD -> {act.upper()}\n",
        f"block plain(n) = [ unit(n) | SKIP ] -> ADD -> {act.upper()}\nINPUT 16x16x4 -> CONV 4 3 p1 -> {act.upper()}\n",
    ]
    for number, width in enumerate(widths):
        lines.append(f"-> layer{number}: ( basic({width}, {1 + (number > 0)}) -> plain({width}) x{blocks} )\n")
    return "".join([*lines, "-> AVGPOOL global -> FC 10\n"])


OWN = """network "Mine"
block body(w, stride=1) = CONV w 3 s{stride} p1 nobias -> BN -> RELU -> CONV w 3 p1 nobias -> BN
block down(w, stride=1) = [ CONV w 1 s{stride} nobias -> BN | body(w, stride) ] -> ADD -> RELU
block same(w) = [ SKIP | body(w) ] -> ADD -> RELU
INPUT 16x16x4 -> stem: CONV 4 3 p1 -> RELU
-> down(4) -> first: same(4) x2 -> down(8, 2) -> second: same(8) x2 -> AVGPOOL global -> logits: FC 10
"""

SWITCHED = ["relu1"]
for number, name in enumerate(("first", "second"), 1):
    SWITCHED += [f"{one}.{way}relu1" for one in (f"down{number}", f"{name}.1–2") for way in ("body1.", "")]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (residual(), []),
        (residual(blocks=4), [("+", "first.3–4"), ("+", "second.3–4")]),
        (residual(act="silu"), [("~", name) for name in SWITCHED]),
        (
            residual(inner=" -> [ SKIP | AVGPOOL global -> FC 2 -> RELU -> FC n -> SIGMOID ] -> MUL"),
            [
                ("+", "down1.body1.avgpool1"),
                ("+", "first.1–2.body1.avgpool1"),
                ("+", "down2.body1.avgpool1"),
                ("+", "second.1–2.body1.avgpool1"),
            ],
        ),
    ],
    ids=["same", "deeper", "activations", "excited"],
)
def test_branches_may_stand_in_another_order(text: str, told: list[tuple[str, str]], here: Path, pipe: Pipe) -> None:
    (here / "own.net").write_text(OWN)
    done = command_line.run("diff", "own.net", pipe(text))
    assert (done.status, done.err) == (0, "")
    rows = [tuple(line.split()[:2]) for line in done.out.splitlines() if line[:2] in ("+ ", "− ", "~ ", "· ")]
    assert rows == told
