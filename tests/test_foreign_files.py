"""Files of other formats as they lie about: ends of lines, encodings, wrong names, and others' tools."""

from __future__ import annotations

from pathlib import Path
from time import process_time

import pytest
from foreign import FILES

from netdsl.interchange import caffe, darknet
from netdsl.interchange.flat import Flat, ForeignError
from netdsl.text.diagnostic import Diagnostic

READ = {"lenet.prototxt": caffe.read, "alexnet.cfg": darknet.read}
TEXTS = {name: (FILES / READ[name].__module__.split(".")[-1] / name).read_text() for name in READ}


def read(path: Path, data: bytes) -> Flat:
    path.write_bytes(data)
    return READ["lenet.prototxt" if path.suffix == ".prototxt" else "alexnet.cfg"](path)


def told(path: Path, data: bytes) -> Diagnostic:
    with pytest.raises(ForeignError) as caught:
        read(path, data)
    (found,) = caught.value.diagnostics
    return found


@pytest.mark.parametrize("name", READ)
@pytest.mark.parametrize("end", ["\r\n", "\r", " \t\n\n"])
def test_lines_end_as_they_do_elsewhere(name: str, end: str, tmp_path: Path) -> None:
    plain = read(tmp_path / name, TEXTS[name].encode())
    assert read(tmp_path / name, TEXTS[name].replace("\n", end).encode()) == plain


@pytest.mark.parametrize("name", READ)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_marks_of_encodings_are_known(name: str, encoding: str, tmp_path: Path) -> None:
    plain = read(tmp_path / name, TEXTS[name].encode())
    assert read(tmp_path / name, TEXTS[name].encode(encoding)) == plain


def test_a_file_of_another_format_is_told(tmp_path: Path) -> None:
    found = told(tmp_path / "a.cfg", b"# of mine\n" + TEXTS["lenet.prototxt"].encode())
    assert (found.message, found.help) == ("this is a .prototxt of Caffe, not a .cfg of Darknet", "name it .prototxt")
    found = told(tmp_path / "a.prototxt", b"# of mine\n\n" + TEXTS["alexnet.cfg"].encode())
    assert (found.message, found.help) == ("this is a .cfg of Darknet, not a .prototxt of Caffe", "name it .cfg")


@pytest.mark.parametrize("name", ["a.cfg", "a.prototxt"])
def test_what_is_no_text_is_told(name: str, tmp_path: Path) -> None:
    assert "this is no text, as a ." in told(tmp_path / name, b"\n\x08net\0\xff").message


def test_a_solver_names_its_network(tmp_path: Path) -> None:
    found = told(tmp_path / "solver.prototxt", b'net: "examples/train_val.prototxt"\nbase_lr: 0.01\n')
    assert found.message == "this is a solver, which says how a network is trained"
    assert found.help == "give the file that it names: examples/train_val.prototxt"


def test_text_in_the_place_of_weights_is_told(tmp_path: Path) -> None:
    (tmp_path / "net.caffemodel").write_text(TEXTS["lenet.prototxt"])
    found = told(tmp_path / "net.prototxt", TEXTS["lenet.prototxt"].encode())
    assert found.message.startswith("this is no .caffemodel: ")
    assert found.help == "it is text: the .caffemodel that was trained of it is wanted"


def test_comments_of_any_length_take_no_time(tmp_path: Path) -> None:
    start = process_time()
    for name in ("a.cfg", "a.prototxt"):
        assert told(tmp_path / name, b"#" * 100_000).code == "no-input"
    assert process_time() - start < 1
