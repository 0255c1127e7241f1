"""`netdsl import`: files of each format as programs, and what is said of others."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import command_line
import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch import nn

import netdsl
from netdsl.interchange import entry
from netdsl.interchange.torch import proof

FILES = Path(__file__).parent / "interchange"


def put(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


TINY = "[net]\nheight=8\nwidth=8\nchannels=3\n\n[convolutional]\nfilters=4\nsize=3\npad=1\nactivation=relu\n"


def test_sizes_with_channels_first_are_told(tmp_path: Path) -> None:
    file = put(tmp_path, "tiny.cfg", TINY)
    done = command_line.run("import", file, "--input", "3x416x320")
    assert "--input 3x416x320 has 320 channels, which come last: write 416x320x3" in " ".join(done.err.split())
    assert "warning" not in command_line.run("import", file, "--input", "416x320x3").err
    assert "warning" not in command_line.run("import", file, "--input", "3x16x8").err


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


class Small(nn.Module):
    """A module with a block that is applied twice, and statistics that are not those of the beginning."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.mix = nn.Conv2d(4, 4, 1)
        self.head = nn.Linear(4, 5)
        self.register_parameter("spare", nn.Parameter(torch.zeros(2)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norm(self.stem(x)).relu()
        return self.head(self.mix(self.mix(x).relu()).mean((2, 3)))


def exported(folder: Path) -> tuple[Small, torch.Tensor, Path]:
    """A module, an input of it, and the file that torch.export.save writes of it."""
    torch.manual_seed(0)
    module, x = Small(), torch.randn(2, 3, 7, 6)
    module(x)
    torch.export.save(torch.export.export(module.eval(), (x,)), folder / "small.pt2")
    return module, x, folder / "small.pt2"


def test_weights_go_into_a_file_that_gives_the_same_outputs(tmp_path: Path) -> None:
    module, x, file = exported(tmp_path)
    program, weights, compiled = (str(tmp_path / name) for name in ("small.net", "small.safetensors", "small.pt"))
    done = command_line.run("import", str(file), "-o", program, "--weights", weights)
    assert (done.status, done.out) == (0, "")
    assert "small.safetensors: 10 tensors, outputs equal PyTorch's" in done.err
    done = command_line.run("compile", program, "--weights", weights, "-o", compiled)
    assert (done.status, done.err) == (0, "")
    with torch.no_grad():
        torch.testing.assert_close(torch.jit.load(compiled)(x), module(x))
    with safe_open(weights, "pt") as opened:
        facts = opened.metadata()
        assert facts["source"] == "PyTorch: small.pt2"
        names = json.loads(facts["names"])
        assert all(
            torch.equal(opened.get_tensor(f"{names[one]}.bias"), getattr(module, one).bias) for one in ("stem", "mix")
        )


def test_outputs_that_differ_are_an_error_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, file = exported(tmp_path)
    own = proof.tensors
    monkeypatch.setattr(proof, "tensors", lambda found: {name: one + 0.1 for name, one in own(found).items()})
    targets = [tmp_path / "small.net", tmp_path / "small.safetensors"]
    done = command_line.run("import", str(file), "-o", str(targets[0]), "--weights", str(targets[1]))
    assert done.status == 1
    assert "is not PyTorch's: it is off by" in done.err
    assert not any(one.exists() for one in targets)


def test_weights_beside_a_file_or_named_are_taken_and_a_lack_of_them_is_told(tmp_path: Path) -> None:
    file, out = put(tmp_path, "tiny.cfg", TINY), str(tmp_path / "out.safetensors")
    done = command_line.run("import", file, "--weights", out)
    assert (done.status, done.out) == (2, "")
    assert "tiny.cfg: it has no weights" in done.err
    assert "write --from-weights FILE.weights" in done.err
    values = np.arange(112, dtype=np.float32)
    content = np.array([0, 1, 0, 0], np.int32).tobytes() + values.tobytes()
    for name, given in (("other", ["--from-weights", str(tmp_path / "other")]), ("tiny.weights", [])):
        (tmp_path / name).write_bytes(content)
        done = command_line.run("import", file, "--weights", out, *given)
        assert done.status == 0, done.err
        assert "2 tensors, outputs were not compared: nothing here runs networks of Darknet" in done.err
        with safe_open(out, "np") as opened:
            (path,) = json.loads(opened.metadata()["names"]).values()
            assert np.array_equal(opened.get_tensor(f"{path}.bias"), values[:4])


def test_files_go_nowhere_where_one_of_them_cannot(tmp_path: Path) -> None:
    _, _, file = exported(tmp_path)
    gone, there = tmp_path / "no" / "folder", tmp_path
    for program, weights in ((gone, there), (there, gone)):
        done = command_line.run("import", str(file), "-o", f"{program}/x.net", "--weights", f"{weights}/x.safetensors")
        assert (done.status, done.out) == (2, "")
        assert not any((folder / name).exists() for folder in (gone, there) for name in ("x.net", "x.safetensors"))


def test_counts_that_differ_from_the_source_are_told_with_both(tmp_path: Path) -> None:
    flat = replace(entry.read(put(tmp_path, "tiny.cfg", TINY)), params=100)
    with pytest.raises(netdsl.NetError, match="the file has 100 parameters by its own count, and the program 112"):
        entry.imported(flat)
    assert "expect params = 112" in entry.imported(flat, partial=True).text


UNSAID = """
layer { name: "data" type: "Input" top: "data" input_param { shape: { dim: 1 dim: 3 dim: 8 dim: 8 } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 4 kernel_size: 3 } }
layer { name: "code" type: "Python" bottom: "conv" top: "code" python_param { module: "os" layer: "system" } }
layer { name: "top" type: "ReLU" bottom: "code" top: "top" }
"""


def test_what_cannot_be_said_is_told_by_its_place_and_nothing_written(tmp_path: Path) -> None:
    target = tmp_path / "out.net"
    done = command_line.run("import", put(tmp_path, "code.prototxt", UNSAID), "-o", str(target))
    assert (done.status, done.out, target.exists()) == (1, "", False)
    assert "code.prototxt:5:" in done.err
    assert done.err.count("error[") == 1
    assert done.err.endswith("code.prototxt: 1 error, and nothing is written; --partial writes it up to there\n")


def test_of_what_is_alike_the_first_are_shown_and_the_others_named(tmp_path: Path) -> None:
    layers = [f'layer {{ name: "code{n}" type: "Python" bottom: "conv" top: "code{n}" }}\n' for n in range(9)]
    path = put(tmp_path, "code.prototxt", UNSAID + "".join(layers))
    done = command_line.run("import", path)
    assert done.err.count("error[") == 2
    told = " ".join(done.err.split())
    assert "and 8 more of Python cannot be said: what its code computes is not in the file: at line 8, line 9," in told
    assert "code.prototxt: 10 errors, and nothing is written" in told
    with pytest.raises(netdsl.NetError) as caught:
        netdsl.from_file(path)
    assert len(caught.value.diagnostics) == 10


def test_a_part_is_written_up_to_what_cannot_be_said(tmp_path: Path) -> None:
    done = command_line.run("import", "--partial", put(tmp_path, "code.prototxt", UNSAID))
    assert done.status == 0
    assert "code.prototxt:5:" in done.err
    first, second, *_ = done.out.splitlines()
    assert first == "# Caffe: code.prototxt"
    assert second.startswith("# in part: ")
    assert [node.layer.written for node in netdsl.loads(done.out).shaped.nodes] == ["INPUT 8x8x3", "CONV 4 3"]


@pytest.mark.parametrize("name", ["lenet.prototxt", "tiny.cfg"])
def test_sizes_are_those_that_are_asked_for(name: str, tmp_path: Path) -> None:
    file = str(FILES / "caffe" / name) if name != "tiny.cfg" else put(tmp_path, name, TINY)
    for given in ("20x24x2", "data=20x24x2"):
        assert "INPUT 20x24x2" in command_line.run("import", file, "--input", given).out
    for given, words in (
        ("20x24x2x2", ""),
        ("20", ""),
        ("other=20x24x2", "it has "),
        ("x", "not dims"),
        ("0x9x2", "1 or more"),
    ):
        done = command_line.run("import", file, "--input", given)
        if given != "20" or name != "tiny.cfg":
            assert done.status in (1, 2)
            assert done.err.startswith("error")
            assert words in done.err


def test_a_size_that_is_left_open_is_asked_for(tmp_path: Path) -> None:
    file = str(FILES / "caffe" / "mnist_autoencoder.prototxt")
    done = command_line.run("import", file)
    assert (done.status, done.out) == (1, "")
    assert "the file does not say the size of " in done.err
    assert "--input " in done.err
    assert "expect params = 2837314" in command_line.run("import", file, "--input", "28x28x1").out


def test_a_size_of_a_program_of_torch_is_its_own(tmp_path: Path) -> None:
    *_, file = exported(tmp_path)
    done = command_line.run("import", str(file), "--input", "9x9x3")
    assert (done.status, done.out) == (2, "")
    assert "has the sizes of its example" in done.err


def test_stdin_is_no_file_of_another_format() -> None:
    done = command_line.run("import", "-", stdin=TINY.encode())
    assert done.status == 2
    assert "and not from stdin" in done.err


def test_what_reads_onnx_is_named_where_it_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entry, "find_spec", lambda name: None)
    done = command_line.run("import", put(tmp_path, "x.onnx", "hello"))
    assert (done.status, done.out) == (2, "")
    assert done.err == (
        "error: an ONNX model is read by onnx, which is not installed\n  = help: pip install 'netdsl[onnx]'\n"
    )


@pytest.mark.skipif(find_spec("onnx") is None, reason="onnx is not installed")
def test_an_onnx_model_comes_in_with_its_weights(tmp_path: Path) -> None:
    text = "INPUT 9x8x3 -> stem: CONV 4 3 s2 p1 nobias -> BN -> RELU6 -> [ CONV 4 3 p1 | SKIP ] -> ADD -> FC 5\n"
    own = netdsl.loads(text)
    file = own.compile(tmp_path / "own.onnx", seed=1)
    program, weights = str(tmp_path / "own.net"), str(tmp_path / "own.safetensors")
    done = command_line.run("import", str(file), "-o", program, "--weights", weights)
    assert (done.status, done.out) == (0, "")
    compared = "outputs equal onnxruntime's" if find_spec("onnxruntime") else "onnxruntime is not installed"
    assert compared in done.err
    x = torch.randn(2, 3, 9, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        wanted = own.module(seed=1).eval()(x)
        torch.testing.assert_close(netdsl.load(program).module(weights=weights).eval()(x), wanted)
        torch.testing.assert_close(netdsl.from_file(file).module().eval()(x), wanted)
    assert command_line.run("import", put(tmp_path, "no.onnx", "hello")).status == 2


@pytest.mark.skipif(find_spec("onnxruntime") is None, reason="onnxruntime is not installed")
def test_outputs_are_compared_whatever_an_onnx_model_takes(tmp_path: Path) -> None:
    from onnx import helper, numpy_helper, save  # pyright: ignore

    nodes: Any = [
        helper.make_node("Cast", ["picture"], ["x"], to=1),
        helper.make_node("Conv", ["x", "w", "b"], ["y"]),
    ]
    kinds = (("picture", 2, [1, 3, 4, 4]), ("mask", 9, ["n", 2]), ("y", 1, None))
    picture, mask, y = (helper.make_tensor_value_info(*one) for one in kinds)
    tensors = [
        numpy_helper.from_array(torch.ones(2, 3, 1, 1).numpy(), "w"),
        numpy_helper.from_array(torch.tensor([1, float("nan")]).numpy(), "b"),
    ]
    save(helper.make_model(helper.make_graph(nodes, "g", [picture, mask], [y], tensors)), tmp_path / "x.onnx")
    done = command_line.run("import", str(tmp_path / "x.onnx"), "--weights", str(tmp_path / "x.safetensors"))
    assert done.status == 0, done.err
    assert "warning: y.bias in the state dict holds NaN or infinity\n" in done.err
    assert "note: no output follows from its input mask\n" in done.err
    assert "2 tensors, outputs equal onnxruntime's" in done.err


def test_notes_of_what_was_passed_over_are_told(tmp_path: Path) -> None:
    *_, file = exported(tmp_path)
    assert "note: 2 parameters are not used in inference: those of spare\n" in command_line.run("import", str(file)).err


class Exponential(nn.Module):
    """What no layer does stands between two that come in, and beside a third."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 2, 3), nn.Conv2d(4, 5, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x)
        return self.second(torch.linalg.matrix_exp(x)).mean() + self.third(x).mean()


def test_a_part_of_a_program_of_torch_is_what_does_not_follow_from_what_cannot_be_said(tmp_path: Path) -> None:
    torch.export.save(torch.export.export(Exponential(), (torch.randn(2, 3, 8, 8),)), tmp_path / "part.pt2")
    done = command_line.run("import", str(tmp_path / "part.pt2"))
    assert (done.status, done.out) == (1, "")
    assert "linalg_matrix_exp in the network cannot be said" in done.err
    done = command_line.run("import", str(tmp_path / "part.pt2"), "--partial")
    assert done.status == 0
    assert "not used in inference" not in done.err
    written = [node.layer.written for node in netdsl.loads(done.out).shaped.nodes]
    assert [one for one in written if "CONV" in one] == ["CONV 4 3", "CONV 5 1"]
