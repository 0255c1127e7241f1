"""`netdsl evaluate`: what compiled files tell of data, against what follows from the pictures themselves."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import command_line
import numpy as np
import pytest
from command_line import Ended
from PIL import Image

import netdsl
from netdsl.compile import compile
from netdsl.draw.palette import THEMES
from netdsl.runtime import card
from netdsl.runtime.preparation import Preparation
from netdsl.text.tabulate import Look
from netdsl.train import confusion
from netdsl.train.evaluation import Evaluation

COLOURS = ("red", "green", "blue")
AS_IT_IS = Preparation((0,), (1,), "pad", 1)

Evaluate = Callable[..., Ended]


def pictures(count: int, seed: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Pictures of 3 x 3 pixels, and which colour each is said to have, which for some is not its strongest."""
    chance = np.random.default_rng(seed)
    x, y = chance.integers(0, 256, (count, 3, 3, 3), np.uint8), chance.integers(0, 3, count)
    for picture, colour in zip(x, y, strict=True):
        picture[..., colour] = np.maximum(picture[..., colour], 90)
    return x, y


def network(folder: Path, last: str = "TIMES 20 -> SOFTMAX", classes: tuple[str, ...] = COLOURS) -> None:
    """A file in the folder of a training, which ranks the colours of a picture."""
    folder.mkdir()
    shaped = netdsl.loads(f"INPUT 3x3x3 -> AVGPOOL global -> {last}", name="colours.net").shaped
    compile(shaped, folder / "best.pt", classes=classes, preparation=AS_IT_IS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("evaluate")
    x, y = pictures(40, 0)
    x_test, y_test = pictures(31, 1)
    np.savez(made / "data.npz", x_train=x, y_train=y, x_test=x_test, y_test=y_test)
    for number, (picture, colour) in enumerate(zip(x_test, y_test, strict=True)):
        for part in ("train", "test"):
            path = made / "folder" / part / COLOURS[colour]
            path.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(path / f"{number}.png")
    network(made / "trained")
    network(made / "negative", "TIMES -5 -> SOFTMAX")
    network(made / "logs", "TIMES 20 -> LOGSOFTMAX")
    network(made / "others", classes=("red", "green", "yellow"))
    network(made / "turned", classes=("blue", "red", "green"))
    (made / "seeds").mkdir()
    for seed, factor in enumerate((1, 30), 1):
        network(made / "seeds" / str(seed), f"TIMES {factor} -> SOFTMAX")
    netdsl.loads("INPUT 3x3x3 -> AVGPOOL global", name="plain.net").compile(made / "plain.pt")
    netdsl.loads("INPUT 3x3x3 -> CONV 3 1 -> SIGMOID", name="map.net").compile(made / "map.pt")
    netdsl.loads("INPUT 3x3x3 -> FC 1 -> SIGMOID", name="unit.net").compile(made / "unit.pt")
    netdsl.loads("a: INPUT 3x3x3\nb: INPUT 3x3x3\n[a | b] -> ADD -> FC 3", name="two.net").compile(made / "two.pt")
    (made / "net.net").write_text("INPUT 3x3x3 -> FC 3\n")
    return made


@pytest.fixture
def evaluate(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Evaluate:
    monkeypatch.chdir(folder)
    return partial(command_line.run, "evaluate")


def data(evaluate: Evaluate, *arguments: str) -> Any:
    status, out, err = evaluate(*arguments, "--format", "json")
    assert (status, err) == (0, "")
    return json.loads(out)


def shares(factor: float) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Probabilities of the test part, and its classes, by numpy."""
    x, y = pictures(31, 1)
    powers = np.exp(factor * x.mean((1, 2)) / 255)
    return powers / powers.sum(1, keepdims=True), y


def counted(p: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> dict[str, Any]:
    """What a plain count of them gives."""
    told = p.argmax(1)
    matrix = [[int(((y == true) & (told == one)).sum()) for one in range(3)] for true in range(3)]
    figures = {"error": (told != y).mean(), "top5_error": 0, "loss": -np.log(p[np.arange(len(y)), y]).mean()}
    return {"examples": len(y), "confusion": matrix, **{name: pytest.approx(one) for name, one in figures.items()}}


@pytest.mark.parametrize(("name", "factor"), [("trained", 20), ("negative", -5), ("logs", 20)])
@pytest.mark.parametrize("batch", ["7", "100"])
def test_figures_are_those_of_the_data(evaluate: Evaluate, name: str, factor: float, batch: str) -> None:
    found = data(evaluate, name, "--data", "data.npz", "--batch", batch)
    wanted = counted(*shares(factor))
    wanted["loss"] = pytest.approx(wanted["loss"].expected, rel=1e-4)
    assert found == wanted
    assert 0 < found["error"] < 1


def test_several_are_averaged_and_told_each_by_itself(evaluate: Evaluate) -> None:
    found = data(evaluate, "seeds", "--data", "data.npz")
    assert [one["file"] for one in found["members"]] == [str(Path("seeds", one)) for one in "12"]
    (low, y), (high, _) = shares(1), shares(30)
    for one, p in zip([*found.pop("members"), found], (low, high, (low + high) / 2), strict=True):
        one.pop("file", None)
        wanted = counted(p, y)
        wanted["loss"] = pytest.approx(wanted["loss"].expected, rel=1e-4)
        assert one == wanted
    rows = evaluate("seeds", "--data", "data.npz").out.splitlines()[4:8]
    assert [row.split()[:-2] for row in rows] == [["seeds/1"], ["seeds/2"], ["their", "mean"], ["ensemble"]]
    losses = [float(row.split()[-1]) for row in rows]
    assert losses[2] == pytest.approx((losses[0] + losses[1]) / 2, abs=1e-4)
    assert losses[3] == pytest.approx(found["loss"], abs=1e-4)


def test_classes_meet_by_their_names(evaluate: Evaluate) -> None:
    """A folder has its classes by the alphabet: blue, green, red."""
    by_name = data(evaluate, "trained", "--data", "folder")
    assert by_name["confusion"] == data(evaluate, "trained", "--data", "data.npz")["confusion"]
    together = data(evaluate, "trained", "turned", "--data", "folder")
    mean = (shares(20)[0] + np.roll(shares(20)[0], -1, 1)) / 2
    assert together["confusion"] == counted(mean, shares(20)[1])["confusion"]


def test_parts_are_those_that_are_asked_for(evaluate: Evaluate) -> None:
    counts = {part: data(evaluate, "trained", "--data", "data.npz", "--split", part)["examples"] for part in SPLITS}
    assert counts["test"] == 31
    assert counts["train"] + counts["validation"] == 40
    assert 0 < counts["validation"] < counts["train"]


SPLITS = ("test", "validation", "train")


def test_a_training_says_how_it_split_its_data(evaluate: Evaluate, folder: Path) -> None:
    for seed in (1, 2):
        (folder / "seeds" / str(seed) / "recipe.toml").write_text(f"seed = {seed}\nvalidation = 0.3\n")
    arguments = ("--data", "data.npz", "--split", "validation", "--format", "json")
    first, second = (evaluate(f"seeds/{seed}", *arguments) for seed in (1, 2))
    assert json.loads(first.out)["examples"] == 12
    assert json.loads(first.out)["confusion"] != json.loads(second.out)["confusion"]
    assert evaluate("seeds", *arguments).err.startswith("warning: seeds/1 and seeds/2 split their data otherwise")
    assert not evaluate("seeds", "--data", "data.npz").err


def test_a_file_that_does_not_say_how_is_told(evaluate: Evaluate) -> None:
    status, _, err = evaluate("plain.pt", "--data", "data.npz")
    assert (status, err.split(";")[0]) == (0, "warning: plain.pt does not say how its pictures were prepared")
    err = evaluate("plain.pt", "--data", "data.npz", "--raw", "1").err
    assert err.startswith("warning: of each picture 0.875 is taken, which plain.pt does not say; --crop 1 takes all")
    assert not evaluate("plain.pt", "--data", "data.npz", "--raw", "1", "--crop", "1").err
    found = data(evaluate, "plain.pt", "--data", "data.npz", "--raw", "1", "--crop", "1")
    assert found["confusion"] == counted(*shares(1))["confusion"]


def test_the_table_has_the_classes_and_what_is_mistaken_most(evaluate: Evaluate) -> None:
    out = evaluate("trained", "--data", "data.npz").out
    assert out.startswith("colours: 31 examples of data.npz, its test part, prepared as in training\n\n")
    matrix = counted(*shares(20))["confusion"]
    rows = [line.split() for line in out.splitlines()]
    for number, (name, counts) in enumerate(zip(COLOURS, matrix, strict=True)):
        cells = [str(count) if count else "·" for count in counts]
        assert [str(number), name, *cells, f"{100 - 100 * counts[number] / sum(counts):.1f}%"] in rows
    most = max((counts[told], true, told) for true, counts in enumerate(matrix) for told in range(3) if told != true)
    assert f"  {COLOURS[most[1]]} taken for {COLOURS[most[2]]}: {most[0]} of {sum(matrix[most[1]])} (" in out
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_a_picture_is_drawn(evaluate: Evaluate, folder: Path, suffix: str) -> None:
    assert evaluate("trained", "--data", "data.npz", "-o", f"confusion.{suffix}").out.endswith(
        f"\nconfusion.{suffix}: what is taken for what\n"
    )
    drawn = (folder / f"confusion.{suffix}").read_bytes()
    if suffix == "png":
        assert drawn.startswith(b"\x89PNG")
    else:
        assert all(f">{word}<".encode() in drawn for word in (*COLOURS, "true", "told", "colours"))


@pytest.mark.parametrize("count", [1, 2, 40, 400])
@pytest.mark.parametrize("name", ["", "a class of a very long name, ", "<&\x1b[1m"])
def test_any_number_of_classes_has_its_page_and_its_picture(count: int, name: str) -> None:
    matrix = tuple(
        tuple(10**6 * (row == column) + (row == column + 1) for row in range(count)) for column in range(count)
    )
    found = Evaluation(count, 0.5, 0.5, 1, matrix)
    names = [f"{name}{number}" for number in range(count)]
    lines = list(confusion.text(found, names, Look(80)))
    assert all(len(line) <= 80 and "\x1b" not in line for line in lines)
    drawn = confusion.draw(found, names, "svg", THEMES["dark"], "Title " * 40, "about")
    assert ElementTree.fromstring(drawn).tag.endswith("svg")  # and no sign that XML has not


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["net.net", "--data", "data.npz"],
            "net.net is a network that is not compiled yet\n  = help: netdsl train net",
        ),
        (
            ["lenet5", "--data", "d"],
            "lenet5 is a network that is not compiled yet\n  = help: netdsl train lenet5 --data d",
        ),
        (["missing", "--data", "data.npz"], "missing: No such file"),
        (["folder", "--data", "data.npz"], "folder: Is a directory\n  = help: a folder of a training holds best.pt"),
        (["two.pt", "--data", "data.npz"], "two.pt takes 2 inputs: a, b, and not a picture"),
        (["map.pt", "--data", "data.npz"], "map.pt gives a map, 3x3x3, and not a class for each picture"),
        (["unit.pt", "--data", "data.npz"], "unit.pt tells 2 classes apart, and data.npz has 3"),
        (["trained", "--data", "nothing"], "nothing: No such file"),
        (["trained", "--data", "map.pt"], "map.pt: is none of the forms of data"),
        (["others", "--data", "folder"], "folder has the class blue, which others does not tell: its classes are red"),
        (
            ["trained", "others", "--data", "data.npz"],
            "trained and others have not the same classes: one of them alone",
        ),
        (["trained", "--data", "data.npz", "-o", "a.txt"], "a.txt: .txt is no format of a confusion"),
        (["trained", "--data", "data.npz", "--std", "0"], "--std 0: is more than 0"),
        (["plain.pt", "--data", "data.npz", "--raw", "1", "--device", "abacus"], "--device abacus: there is no such"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_evaluated_is_said(evaluate: Evaluate, arguments: list[str], message: str) -> None:
    status, out, err = evaluate(*arguments)
    assert (status, out) == (2, "")
    assert err.startswith(f"error: {message}")


def test_a_damaged_file_of_a_training_is_made_anew_by_going_on(evaluate: Evaluate) -> None:
    Path("damaged").mkdir()
    Path("damaged", "best.pt").write_bytes(b"x")
    _, _, err = evaluate("damaged", "--data", "data.npz")
    assert "netdsl train --resume damaged makes it anew" in err


def test_a_broken_picture_is_named(evaluate: Evaluate, folder: Path) -> None:
    whole = next((folder / "folder" / "test" / "red").iterdir())
    broken = folder / "broken" / "test" / "red" / "broken.png"
    for part in ("train", "test"):
        for colour in COLOURS:
            (folder / "broken" / part / colour).mkdir(parents=True)
            (folder / "broken" / part / colour / "a.png").write_bytes(whole.read_bytes())
    broken.write_bytes(whole.read_bytes()[:-30])
    status, _, err = evaluate("trained", "--data", "broken")
    assert (status, err.startswith(f"error: {broken.relative_to(folder)}: is a broken picture")) == (2, True)


@pytest.fixture(scope="module")
def grown(folder: Path) -> Path:
    """The folder of a training on pictures of two sizes of stripes, which are smaller than the network's INPUT."""
    chance = np.random.default_rng(0)
    parts: dict[str, Any] = {"classes": ["fine", "coarse"]}
    for part, count in (("train", 60), ("test", 40)):
        y = chance.integers(0, 2, count)
        x = chance.integers(0, 150, (count, 8, 8), np.uint8)
        for picture, coarse in zip(x, y, strict=True):
            picture[:: 4 if coarse else 2] += 40
        parts |= {f"x_{part}": x, f"y_{part}": y}
        for number, picture in enumerate(x):
            path = folder / "stripes" / part / parts["classes"][y[number]] / f"{number:02}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(path)
    np.savez(folder / "stripes.npz", **parts)
    (folder / "stripes.net").write_text("INPUT 10x10x1 -> CONV 3 4 -> RELU -> MAXPOOL 7 -> FC 2 -> SOFTMAX\n")
    options = ["--epochs", "2", "-o", str(folder / "grown"), "--recipe-set", "batch=16"]
    arguments = [str(folder / "stripes.net"), "--data", str(folder / "stripes.npz"), *options]
    assert command_line.run("train", *arguments).status == 0
    return folder / "grown"


def test_train_evaluate_and_run_agree(evaluate: Evaluate, grown: Path, folder: Path) -> None:
    """On the same test part: in memory as training ends, as a compiled file, and picture by picture from PNG files."""
    result = json.loads((grown / "result.json").read_text())
    found = data(evaluate, "grown", "--data", "stripes.npz")
    assert (found["examples"], found["error"]) == (40, result["test_error"])
    assert found["loss"] == pytest.approx(result["test_loss"], rel=1e-4)
    assert data(evaluate, "grown", "--data", "stripes")["confusion"] == found["confusion"]
    names = sorted(str(path.relative_to(folder)) for path in (folder / "stripes" / "test").rglob("*.png"))
    done = command_line.run("run", "grown", *names, "--format", "json")
    told = [(one["picture"], one["classes"]) for one in json.loads(done.out)["pictures"]]
    counts = [[0, 0], [0, 0]]
    losses: list[float] = []
    for picture, classes in told:
        true = Path(picture).parent.name
        counts[("fine", "coarse").index(true)][("fine", "coarse").index(classes[0]["label"])] += 1
        losses.append(-np.log(next(one["probability"] for one in classes if one["label"] == true)))
    assert counts == found["confusion"]
    assert np.mean(losses) == pytest.approx(found["loss"], rel=1e-4)


def test_a_training_is_compiled_with_what_it_knows(evaluate: Evaluate, grown: Path, folder: Path) -> None:
    done = command_line.run("compile", "grown")
    assert (done.status, done.out.split(":")[0]) == (0, "grown.pt")
    old, new = card(grown / "best.pt"), card(folder / "grown.pt")
    assert (new.classes, new.preparation) == (["fine", "coarse"], old.preparation)
    assert data(evaluate, "grown.pt", "--data", "stripes.npz") == data(evaluate, "grown", "--data", "stripes.npz")
    (folder / "lenet5").mkdir()
    assert "untrained" in command_line.run("compile", "lenet5").out  # the bundled network: the folder holds no training


@pytest.mark.parametrize(("last", "sign"), [("SIGMOID", 1), ("TIMES 1", 1), ("TIMES -1 -> SIGMOID", -1)])
def test_one_unit_tells_two_classes(evaluate: Evaluate, folder: Path, last: str, sign: int) -> None:
    shaped = netdsl.loads(f"INPUT 3x3x1 -> AVGPOOL global -> PLUS -0.5 -> {last}", name="unit.net").shaped
    compile(shaped, folder / "unit_two.pt", classes=["dark", "light"], preparation=AS_IT_IS)
    x = np.repeat(np.array([10, 100, 200, 250], np.uint8), 9).reshape(4, 3, 3)
    y = np.array([0, 1, 0, 1])
    np.savez(folder / "light.npz", x_train=np.tile(x, (5, 1, 1)), y_train=np.tile(y, 5), x_test=x, y_test=y)
    found = data(evaluate, "unit_two.pt", "--data", "light.npz")
    odds = sign * (x[:, 0, 0] / 255 - 0.5)
    p = 1 / (1 + np.exp(-odds))
    assert found["loss"] == pytest.approx(-np.log(np.where(y == 1, p, 1 - p)).mean(), rel=1e-5)
    assert found["confusion"] == ([[1, 1], [1, 1]])


def test_data_may_have_some_of_the_classes(evaluate: Evaluate, folder: Path) -> None:
    x, y = pictures(30, 4)
    some = y != 1
    parts = {"x_train": x[some], "y_train": y[some] // 2, "x_test": x[some], "y_test": y[some] // 2}
    np.savez(folder / "some.npz", **parts, classes=["red", "blue"])
    found = data(evaluate, "trained", "--data", "some.npz")
    assert (len(found["confusion"]), sum(found["confusion"][1])) == (3, 0)
    told = x[some].mean((1, 2)).argmax(1)
    assert found["error"] == pytest.approx((told != y[some]).mean())
