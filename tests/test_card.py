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
from netdsl.runtime import NotCompiledError
from netdsl.runtime.file import VERSION

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
    *((name, b"\xff") for name in ("inputs", "outputs", "meta", "target", "meanings", "title", "source")),
    *((name, b"{") for name in ("inputs", "outputs", "meta", "target", "meanings")),
    *((name, b"[" * 100_000) for name in ("inputs", "outputs", "meta", "target", "meanings")),
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
