"""Compiled files: what stands in them, that they are alike from run to run, and that they are whole or not there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

import netdsl
from netdsl import compile

TEXT = """
network "Two heads"
meta year = 2024
meta paper = "Ünïcode"
block unit(n) = CONV n 3 p1 nobias -> BN -> RELU
left: INPUT 8x8x3 -> a: unit(4) -> DROPOUT 0.5 -> u: MAXPOOL 2
right: INPUT 4x4x4
[ u | right ] -> ADD -> b: unit(6) x2 -> prob: FC 3
b -> class: CONV 2 1 @0
b -> aux: FC 7
output prob, class
output training aux
"""


def shaped(text: str = TEXT):
    return netdsl.loads(text, name="two_heads.net").shaped


def inputs(batch: int = 2) -> list[torch.Tensor]:
    torch.manual_seed(1)
    return [torch.randn(batch, 3, 8, 8), torch.randn(batch, 4, 4, 4)]


def run(code: str, *arguments: str | Path, **environment: str) -> str:
    """What a Python process prints."""
    command = [sys.executable, "-W", "ignore", "-c", code, *map(str, arguments)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, **environment})
    return done.stdout


def test_a_file_runs_by_torch_alone(tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    compile.compile(shaped(), path)
    code = """
import sys
import warnings
sys.modules["netdsl"] = None
import torch
torch.manual_seed(1)
net = torch.jit.load(sys.argv[1])
found = net(torch.randn(2, 3, 8, 8), torch.randn(2, 4, 4, 4))
assert not net.training
print(found._fields, [tuple(one.shape) for one in found], found.prob.sum().item())
"""
    expected = compile.module(shaped(), train=False)(*inputs())
    shapes = "[(2, 3), (2, 2, 4, 4)]"
    assert run(code, path) == f"('prob', 'class_') {shapes} {expected.prob.sum().item()}\n"


def test_a_file_tells_of_its_network(tmp_path: Path) -> None:
    found: dict[str, Any] = dict.fromkeys(("source.net", "title.txt", "meta.json", "inputs.json", "outputs.json"), "")
    compile.compile(shaped(), tmp_path / "net.pt")
    torch.jit.load(tmp_path / "net.pt", _extra_files=found)
    assert found["source.net"].decode() == TEXT
    assert found["title.txt"].decode() == "Two heads"
    assert json.loads(found["meta.json"]) == {"year": 2024, "paper": "Ünïcode"}
    assert json.loads(found["inputs.json"]) == {"left": [8, 8, 3], "right": [4, 4, 4]}
    assert json.loads(found["outputs.json"]) == {"prob": [3], "class": [4, 4, 2]}

    compile.compile(shaped(), tmp_path / "net.pt", train=True)
    torch.jit.load(tmp_path / "net.pt", _extra_files=found)
    assert list(json.loads(found["outputs.json"])) == ["prob", "class", "aux"]


def test_a_file_for_training_trains(tmp_path: Path) -> None:
    compile.compile(shaped(), tmp_path / "net.pt", train=True)
    net = torch.jit.load(tmp_path / "net.pt")
    assert net.training
    before = {name: one.clone() for name, one in net.state_dict().items()}
    optimiser = torch.optim.SGD(net.parameters(), 0.1)
    found = net(*inputs())
    assert found._fields == ("prob", "class_", "aux")
    torch.cat([one.flatten() for one in found]).square().sum().backward()
    optimiser.step()
    assert not any(torch.equal(one, before[name]) for name, one in net.state_dict().items())


def test_files_are_alike_byte_for_byte(tmp_path: Path) -> None:
    code = """
import sys
import warnings
from pathlib import Path
import netdsl
from netdsl import compile
for text in sys.argv[2:]:
    compile.compile(netdsl.loads(text, name="two_heads.net").shaped, Path(sys.argv[1]))
"""
    other = "INPUT 9x9x2 -> CONV 3 3 -> CONV 4 2 s2 -> [ CONV 3 1 | SKIP ] -> CONCAT -> RELU -> FC 2\n"
    folders = [tmp_path / name for name in ("one", "two", "three")]
    for folder in folders:
        folder.mkdir()
    run(code, folders[0] / "net.pt", TEXT, PYTHONHASHSEED="1")
    run(code, folders[1] / "net.pt", other, TEXT, other, TEXT, PYTHONHASHSEED="2")
    compile.compile(shaped(), folders[2] / "net.pt")
    one, two, three = [(folder / "net.pt").read_bytes() for folder in folders]
    assert one == two
    assert one == three
    compile.compile(shaped(), folders[2] / "net.pt", seed=1)
    assert (folders[2] / "net.pt").read_bytes() != one


def test_a_file_names_no_place_of_this_machine(tmp_path: Path) -> None:
    compile.compile(shaped(), tmp_path / "net.pt")
    with zipfile.ZipFile(tmp_path / "net.pt") as archive:
        assert archive.testzip() is None
        texts = {one: archive.read(one) for one in archive.namelist() if "/data/" not in one}
    assert not any(str(Path(torch.__file__).parent).encode() in text for text in texts.values())
    code = b"".join(text for name, text in texts.items() if name.endswith(".py"))
    assert not re.search(rb"mangle|eval_with_key", code)
    constants = re.findall(rb"(?:^  \w+ : Final\[.*\n)+", code, re.MULTILINE)
    assert constants
    assert all(lines.splitlines() == sorted(lines.splitlines()) for lines in constants)


def test_a_loaded_file_saves_and_loads_again(tmp_path: Path) -> None:
    compile.compile(shaped(), tmp_path / "net.pt")
    net = torch.jit.load(tmp_path / "net.pt")
    net.save(tmp_path / "again.pt")
    again = torch.jit.load(tmp_path / "again.pt")
    assert all(map(torch.equal, again(*inputs()), net(*inputs())))
    frozen = torch.jit.optimize_for_inference(torch.jit.freeze(net))
    torch.testing.assert_close(frozen(*inputs()), net(*inputs()))


@pytest.mark.parametrize("what", ["initialising", "scripting", "writing"])
def test_an_interrupt_leaves_the_old_file(tmp_path: Path, what: str) -> None:
    path = tmp_path / "net.pt"
    path.write_bytes(b"old")

    def interrupt(now: str, done: int, total: int) -> None:
        assert 0 <= done <= total
        if now == what:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compile.compile(shaped(), path, progress=interrupt)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["net.pt"]


def test_a_limit_on_files_is_an_error_and_no_crash(tmp_path: Path) -> None:
    code = """
import resource, sys
from pathlib import Path
import netdsl
from netdsl import compile
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    compile.compile(netdsl.loads("INPUT 100 -> FC 1000\\n").shaped, Path(sys.argv[1]))
except OSError as error:
    print(error.strerror)
"""
    assert run(code, tmp_path / "net.pt") == "File too large\n"
    assert os.listdir(tmp_path) == []


def test_a_bad_path_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    for path, kind in (
        (tmp_path / "none" / "net.pt", FileNotFoundError),
        (tmp_path / "file" / "net.pt", NotADirectoryError),
        (tmp_path, IsADirectoryError),
    ):
        with pytest.raises(kind) as found:
            compile.compile(shaped(), path)
        assert found.value.filename == str(path)
    assert os.listdir(tmp_path) == ["file"]


def test_a_file_keeps_its_links_and_its_permissions(tmp_path: Path) -> None:
    (tmp_path / "real.pt").write_bytes(b"old")
    (tmp_path / "real.pt").chmod(0o640)
    (tmp_path / "link.pt").symlink_to("real.pt")
    compile.compile(shaped(), tmp_path / "link.pt")
    assert (tmp_path / "link.pt").is_symlink()
    assert (tmp_path / "real.pt").stat().st_mode & 0o777 == 0o640
    torch.jit.load(tmp_path / "real.pt")
    assert sorted(os.listdir(tmp_path)) == ["link.pt", "real.pt"]
