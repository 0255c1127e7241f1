"""What is used of PyTorch beyond what it promises: named in one file, and the same results without it."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

import netdsl
from netdsl import compile, runtime
from netdsl.compile.target import Target
from netdsl.runtime import private
from netdsl.runtime.checked import operators
from netdsl.runtime.checked.module import Checked

PACKAGE = Path(netdsl.__file__).parent
TEXT = "INPUT 6x6x3 -> CONV 8 3 p1 -> RELU -> [ CONV 8 3 p1 -> BN | SKIP ] -> ADD -> RELU -> FC 5 -> RELU -> FC 2"


def file(folder: Path, target: str, precision: str = "fp32") -> tuple[Path, list[str], str]:
    """A compiled file, what is odd about it, and its code."""
    path = folder / "net.pt"
    told = compile.compile(netdsl.loads(TEXT).shaped, path, target=Target(target, precision, 2))
    with zipfile.ZipFile(path) as archive:
        code = "".join(archive.read(name).decode() for name in archive.namelist() if name.endswith(".py"))
    return path, [*told.lacking], code


def exact(x: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return netdsl.loads(TEXT).module(train=False).double()(x.double())


def test_this_release_has_all_of_it() -> None:
    assert [path for path, found in private.FOUND.items() if found is None] == []


def test_one_file_names_it() -> None:
    named = re.compile(
        r"torch\._(?!_version__)|torch\.ops\.|ops\.(?:mkldnn|aten)\.\w|_inductor|\._jit_|jit\._(?!pickle)|import _\w"
    )
    files = [path for path in PACKAGE.rglob("*.py") if path != Path(private.__file__)]
    found = [
        f"{path.name}: {line}"
        for path in files
        for line in path.read_text(encoding="utf-8").splitlines()
        if named.search(line) and ("torch" in line or "ops." in line) and "_rebuild_tensor_v2" not in line
    ]
    assert found == []


@pytest.mark.parametrize("path", private.ONEDNN)
def test_a_file_for_a_cpu_has_plain_modules_instead(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(private.FOUND, path, None)
    made, odd, code = file(tmp_path, "cpu")
    assert [one for one in odd if path in one and torch.__version__ in one] == odd != []
    assert "mkldnn" not in code
    x = torch.randn(2, 3, 6, 6)
    torch.testing.assert_close(runtime.load(made)(x).double(), exact(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("precision", ["fp32", "tf32"])
@pytest.mark.parametrize("path", private.CUDNN)
def test_a_file_for_a_gpu_has_plain_modules_instead(
    path: str, precision: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(private.FOUND, path, None)
    made, odd, code = file(tmp_path, "cuda", precision)
    assert path in odd[0]
    assert not any(f"torch.{one.removeprefix('ops.aten.')}(" in code for one in private.CUDNN)
    x = torch.randn(2, 3, 6, 6)
    torch.testing.assert_close(runtime.load(made, "cpu")(x).double(), exact(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("target", ["portable", "cpu"])
@pytest.mark.parametrize("path", [*private.READER, private.AUTOCAST])
def test_a_file_is_loaded_by_plain_ways_instead(
    path: str, target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, odd, _ = file(tmp_path, target)
    assert odd == []
    x = torch.randn(2, 3, 6, 6)
    wanted: Any = torch.jit.load(made)
    monkeypatch.setitem(private.FOUND, path, None)
    with pytest.warns(UserWarning, match=re.escape(path)):
        found = runtime.load(made)
    torch.testing.assert_close(found(x), wanted(x), rtol=1e-5, atol=1e-5)


def test_operators_have_the_same_types_by_either_way(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [*operators.TORCH, *(f"{name}_" for name in operators.TORCH), "kernel", "block", "dense"]
    wanted = [private.returns(name) for name in names]
    monkeypatch.setitem(private.FOUND, private.SCHEMAS, None)
    assert [private.returns(name) for name in names] == wanted


def test_outputs_have_their_fields_whatever_their_class_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(private, "QUALNAME", "_of_no_meaning")
    netdsl.loads("INPUT 4 -> nameless: FC 3 -> unnamed: RELU\noutput nameless, unnamed").compile(tmp_path / "net.pt")
    found = runtime.load(tmp_path / "net.pt")(torch.randn(2, 4))
    assert found._fields == ("nameless", "unnamed")


def test_a_file_of_operators_that_are_gone_is_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, _, _ = file(tmp_path, "cpu")

    def unknown(checked: Checked, device: str | None) -> Any:
        raise RuntimeError("Unknown builtin op: mkldnn::_linear_pointwise")

    monkeypatch.setattr(Checked, "module", unknown)
    monkeypatch.setitem(private.FOUND, "ops.mkldnn._linear_pointwise", None)
    with pytest.raises(RuntimeError, match=r"no torch\.ops\.mkldnn\._linear_pointwise: compile the file again"):
        runtime.load(made)
