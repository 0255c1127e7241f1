"""`netdsl import`: files of each format as programs, and what is said of others."""

from __future__ import annotations

from pathlib import Path

import command_line
import pytest

import netdsl

FILES = Path(__file__).parent / "interchange"


def put(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


TINY = "[net]\nheight=8\nwidth=8\nchannels=3\n\n[convolutional]\nfilters=4\nsize=3\npad=1\nactivation=relu\n"


def test_a_program_goes_to_stdout_and_all_else_to_stderr(tmp_path: Path) -> None:
    done = command_line.run("import", put(tmp_path, "tiny.cfg", TINY))
    assert done.status == 0
    assert done.out.startswith('# Darknet: tiny.cfg\nnetwork "tiny"\n')
    assert netdsl.loads(done.out).summary().totals.params == 3 * 3 * 3 * 4 + 4
    assert done.err.endswith("tiny.cfg: ok, 3 layers, 112 parameters, 6,912 multiply-adds\n")


def test_a_file_is_written_where_one_is_named(tmp_path: Path) -> None:
    target = tmp_path / "out.net"
    done = command_line.run("import", put(tmp_path, "tiny.cfg", TINY), "-o", str(target))
    assert (done.status, done.out) == (0, "")
    assert "expect params = 112" in target.read_text(encoding="utf-8")


def test_the_flat_form_has_a_line_for_each_layer(tmp_path: Path) -> None:
    done = command_line.run("import", "--flat", str(FILES / "netscope" / "squeezenet.prototxt"))
    lines = [line for line in done.out.splitlines() if "CONV " in line]
    assert len(lines) == 26
    assert "block" not in done.out
    assert done.out.startswith("# Caffe: squeezenet.prototxt\n")
    assert "expect params = 1248424" in done.out


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("x.cfg", "", ""),
        ("x.prototxt", "layer {", ""),
        ("x.pt2", "PK", ""),
        ("x.txt", "hello", ".onnx, .prototxt, .cfg, .pt2 are read"),
        ("x", "hello", "its name says no format"),
        ("x.pth", "hello", "from_torch"),
        ("x.caffemodel", "hello", "name the .prototxt"),
        ("x.net", "INPUT 3", "it is a program already"),
    ],
)
def test_what_is_no_such_file_is_told_and_nothing_written(name: str, text: str, words: str, tmp_path: Path) -> None:
    target = tmp_path / "out.net"
    done = command_line.run("import", put(tmp_path, name, text), "-o", str(target))
    assert done.status == 2
    assert words in " ".join(done.err.split())
    assert "error" in done.err
    assert done.out == ""
    assert not target.exists()


def test_folders_and_files_that_are_not_there_are_told(tmp_path: Path) -> None:
    for name in (str(tmp_path), str(tmp_path / "none.onnx"), str(tmp_path / "none.cfg")):
        done = command_line.run("import", name)
        assert (done.status, done.out) == (2, "")
        assert done.err.startswith(f"error: {name}: ")


def test_the_program_is_a_net_file(tmp_path: Path) -> None:
    done = command_line.run("import", put(tmp_path, "tiny.cfg", TINY), "-o", str(tmp_path / "out.txt"))
    assert done.status == 2
    assert "write -o OUT.net" in done.err


def test_what_stands_in_a_file_tells_its_format_where_its_name_does_not(tmp_path: Path) -> None:
    caffe = 'name: "x"\nlayer { name: "data" type: "Input" top: "data" input_param { shape: { dim: 1 dim: 3 } } }\n'
    caffe += 'layer { name: "a" type: "ReLU" bottom: "data" top: "a" }\n'
    for name, text, format in (("a.txt", TINY, "Darknet"), ("b", f"# a comment\n{caffe}", "Caffe")):
        done = command_line.run("import", put(tmp_path, name, text))
        assert done.status == 0, done.err
        assert done.out.startswith(f"# {format}: {name}\n")
