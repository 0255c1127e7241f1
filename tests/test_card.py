"""What compiled files say of themselves is of the right types and sizes, or they are no compiled files."""

from __future__ import annotations

import json
import random
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

import command_line
import pytest
import torch
from PIL import Image

import netdsl
from netdsl import runtime
from netdsl.compile import compile
from netdsl.compile.errors import ClassNamesError
from netdsl.runtime import NotCompiledError
from netdsl.runtime.file import VERSION
from netdsl.runtime.preparation import Preparation

Forge = Callable[..., Path]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("card")
    netdsl.loads('network "Tiny"\nmeta year = 2024\nINPUT 6x6x3 -> CONV 2 3 -> fc: FC 2\n').compile(folder / "tiny.pt")
    Image.new("RGB", (9, 9), (200, 40, 90)).save(folder / "picture.png")
    return folder / "tiny.pt"


@pytest.fixture
def forged(plain: Path, tmp_path: Path) -> Forge:
    """Makes a file with other texts."""

    def forge(**texts: object) -> Path:
        path = tmp_path / "forged.pt"
        with zipfile.ZipFile(plain) as archive, zipfile.ZipFile(path, "w") as made:
            for name in archive.namelist():
                stem, data = name.rpartition("/")[2].partition(".")[0], archive.read(name)
                if "/extra/" in name and stem in texts:
                    text = texts[stem]
                    data = text if isinstance(text, bytes) else json.dumps(text).encode()
                made.writestr(name, data)
        return path

    return forge


def run(file: Path, *arguments: str) -> tuple[int, str]:
    """What `netdsl run` ends with, and prints: a result, or a message."""
    status, out, err = command_line.run("run", str(file), *arguments)
    assert (not out and err.startswith("error: ")) if status else not err
    return status, out


DIMS: list[Any] = [
    *([], {}, {"a": []}, {"a": {}}, {"a": None}, {"a": 3}, {"a": "6x6x3"}, None, 1, "a", [["a", [6, 6, 3]]]),
    *({"a": [6, 6, bad]} for bad in (None, -3, 0, 3.0, 3.5, True, "3", [3], 2**31, 10**30, 1e300, {})),
    *({"a": [2**16, 2**16, 3]}, {"a": [1] * 9}),
]
TARGET = {"target": "portable", "precision": "fp32", "batch": 1}
PREPARATION = {"mean": [0.1, 0.2, 0.3], "std": [0.5], "size": "pad", "crop": 0.875}
JSON = ("inputs", "outputs", "meta", "target", "meanings", "classes", "preparation")
WRONG: list[tuple[str, Any]] = [
    *(("inputs", value) for value in DIMS),
    *(("outputs", value) for value in DIMS),
    *(("meta", value) for value in ([], None, 1, "a", {"a": None}, {"a": []}, {"a": True}, {"a": {"b": 1}})),
    *(("meta", b'{"a": %s}' % value) for value in (b"NaN", b"Infinity", b"1e999", b"-Infinity", b"1" * 5000)),
    *(("target", value) for value in ([], {}, None, "cpu", 1)),
    *(("target", TARGET | {"target": value}) for value in (None, 1, [], {})),
    *(("target", TARGET | {"precision": value}) for value in (None, 1, [], {})),
    *(("target", TARGET | {"batch": value}) for value in (None, 0, -1, 1.5, "1", [], 2**40, True)),
    *(("target", TARGET | {"devices": value}) for value in (None, [], ["cpu"], 1, "cpu", {"a": "cpu"}, {"input1": 1})),
    *(("target", TARGET | {"devices": {"input1": value}}) for value in (None, "", "cpu:x", "CPU", "cpu\n", [])),
    *(("target", TARGET | {"version": value}) for value in (None, 0, -1, 1.5, "2", [], True)),
    *(("target", TARGET | {"unfused": value}) for value in (None, 1, "Pixels", {}, [1], [None])),
    *(("meanings", value) for value in ([], None, "scores", {"fc": 1}, {"fc": None}, {"fc": "nonsense"}, {"fc": []})),
    *(("classes", value) for value in (None, {}, "ab", 2, [1, 2], ["a", None], ["a"], ["a", "a"], ["a", "b", "c"])),
    *(("preparation", value) for value in ([], "cover", 1, {}, {"mean": [0.5]}, PREPARATION | {"more": 1})),
    *(
        ("preparation", PREPARATION | {"mean": value})
        for value in (0.5, [], None, ["0"], [True], [1e300], [0.5] * 2000)
    ),
    *(("preparation", PREPARATION | {"std": value}) for value in (1, [0], [-1.0], [1e-300], {"0": 1}, [[1]])),
    *(("preparation", PREPARATION | {"size": value}) for value in (None, "crop", 1, [], {})),
    *(("preparation", PREPARATION | {"crop": value}) for value in (None, 0, 1.5, 1e-9, "1", True, [])),
    *(("preparation", b'{"mean": [%s], "std": [1], "size": "pad", "crop": 1}' % one) for one in (b"NaN", b"Infinity")),
    *((name, b"\xff") for name in (*JSON, "title", "source")),
    *((name, b"{") for name in JSON),
    *((name, b"[" * 100_000) for name in JSON),
]


@pytest.mark.parametrize(("name", "value"), WRONG, ids=[f"{name} {value!r}"[:60] for name, value in WRONG])
def test_a_text_of_another_type_is_no_card(name: str, value: Any, forged: Forge) -> None:
    path = forged(**{name: value})
    with pytest.raises(NotCompiledError, match=f"its {name}"):
        runtime.card(path)
    assert run(path, str(path.parent / "none.png")) == (2, "")


def test_what_a_file_says_is_held_against_what_it_gives(forged: Forge, plain: Path) -> None:
    picture = str(plain.parent / "picture.png")
    assert run(forged(), picture)[0] == 0
    for outputs in ({"fc": [3]}, {"fc": [1, 1, 2]}, {"fc": [2, 2]}, {"fc": [2], "more": [2]}):
        assert run(forged(outputs=outputs, meanings={}), picture, "--output", list(outputs)[-1])[0] == 2
    assert run(forged(inputs={"input1": [7, 6, 3]}), picture)[0] == 2


def test_damaged_files_end_in_a_message_or_run_as_before(plain: Path, tmp_path: Path) -> None:
    picture, path = str(plain.parent / "picture.png"), tmp_path / "damaged.pt"
    status, wanted = run(plain, picture)
    assert status == 0
    whole, chance = plain.read_bytes(), random.Random(0)
    for _ in range(60):
        data = bytearray(whole)
        for _ in range(chance.choice((1, 1, 3))):
            data[chance.randrange(len(data))] = chance.randrange(256)
        path.write_bytes(data[: chance.randrange(len(data))] if chance.random() < 0.1 else data)
        status, printed = run(path, picture)
        assert status == 2 or (status, printed) == (0, wanted)


def test_a_card_is_what_was_written(plain: Path) -> None:
    made = runtime.card(plain)
    with zipfile.ZipFile(plain) as archive:
        written = {name: archive.read(f"tiny/extra/{name}").decode() for name in made.texts()}
    assert written == made.texts()
    assert made.version == VERSION
    for one in fields(made):
        assert one.name in (*(name.partition(".")[0] for name in written), *json.loads(written["target.json"]))


def test_classes_and_preparation_are_what_was_given(plain: Path, tmp_path: Path) -> None:
    assert (runtime.card(plain).classes, runtime.card(plain).preparation) == ([], None)
    shaped = netdsl.loads("INPUT 6x6x3 -> CONV 2 3 -> fc: FC 2\n").shaped
    names, preparation = ["Bär", "\n{}"], Preparation((0.25,), (0.125, 1, 2), "pad", 1)
    compile(shaped, tmp_path / "named.pt", classes=names, preparation=preparation)
    card = runtime.card(tmp_path / "named.pt")
    assert (card.classes, card.preparation) == (names, preparation)
    runtime.load(tmp_path / "named.pt")


def test_a_hundred_thousand_classes_have_their_names(forged: Forge) -> None:
    names = [f"the class of number {number}" for number in range(100_000)]
    assert runtime.card(forged(classes=names, outputs={"fc": [len(names)]})).classes == names


@pytest.mark.parametrize(("names", "message"), [(["a"], "2 classes apart, but 1 are named"), (["a", "a"], "called a")])
def test_classes_that_are_not_the_networks_are_refused(names: list[str], message: str, tmp_path: Path) -> None:
    shaped = netdsl.loads("INPUT 6x6x3 -> CONV 2 3 -> fc: FC 2\n").shaped
    with pytest.raises(ClassNamesError, match=message):
        compile(shaped, tmp_path / "named.pt", classes=names)
    assert not list(tmp_path.iterdir())


def test_a_file_without_later_texts_is_read(plain: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(plain) as archive, zipfile.ZipFile(tmp_path / "old.pt", "w") as made:
        for name in archive.namelist():
            if name.rpartition("/")[2] not in ("classes.json", "preparation.json"):
                made.writestr(name, archive.read(name).replace(b'"version": 3', b'"version": 2'))
    card = runtime.card(tmp_path / "old.pt")
    assert (card.version, card.classes, card.preparation) == (2, [], None)
    assert runtime.load(tmp_path / "old.pt").title == "Tiny"


def test_a_file_of_a_version_to_come_is_refused_in_words(forged: Forge) -> None:
    path = forged(target=TARGET | {"version": VERSION + 1, "target": None})
    with pytest.raises(NotCompiledError, match="a newer netdsl compiled it"):
        runtime.load(path)


def test_a_file_of_the_first_version_runs_as_it_did(tmp_path: Path) -> None:
    new, old = tmp_path / "new.pt", tmp_path / "old.pt"
    netdsl.loads("INPUT 32x32x64 -> CONV 64 3 p1 -> RELU -> FC 3").compile(new, target="cpu")
    with zipfile.ZipFile(new) as archive, zipfile.ZipFile(old, "w") as made:
        for name in archive.namelist():
            text = json.dumps(TARGET | {"target": "cpu"}) if name.endswith("/target.json") else archive.read(name)
            made.writestr(name, text)
    card = runtime.card(old)
    assert card.version == 1
    assert {"Pixels", "WinogradRows"} <= set(card.unfused)
    assert runtime.card(new).unfused == ["Pixels", "WinogradRows"]
    x = torch.randn(1, 64, 32, 32)
    assert torch.allclose(runtime.load(old)(x), runtime.load(new)(x), atol=1e-5)


def test_members_damaged_before_they_were_packed_are_no_compiled_file(plain: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(plain) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    kinds = (".py", ".pkl", "/inputs.json", "/version")
    names, chance, path = [name for name in members if name.endswith(kinds)], random.Random(3), tmp_path / "damaged.pt"
    for _ in range(150):
        damaged = chance.choice(names)
        with zipfile.ZipFile(path, "w") as made:
            for name, whole in members.items():
                data, at = bytearray(whole), chance.randrange(len(whole))
                data[at : at + chance.randrange(3)] = chance.randbytes(chance.randrange(3))
                made.writestr(name, data if name == damaged else whole)
        with suppress(NotCompiledError):
            runtime.load(path)
