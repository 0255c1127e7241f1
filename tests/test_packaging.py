"""What is installed works by itself: netdsl's wheel in an empty folder, and a package with a layer of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from netdsl import runtime

ROOT = Path(__file__).parent.parent
SAMPLE = Path(__file__).parent / "sample_package"

Netdsl = Callable[..., subprocess.CompletedProcess[str]]


def run(command: list[str], folder: Path, path: list[Path]) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path)), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def pip(*arguments: str | Path) -> None:
    """Run pip offline, with the build tools that are installed."""
    command = [sys.executable, "-m", "pip", *map(str, arguments), "--no-deps", "--no-index", "--no-build-isolation"]
    done = run(command, ROOT, [])
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """netdsl's wheel, built from the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--quiet", "--wheel-dir", folder, ROOT)
    (built,) = folder.glob("netdsl-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that netdsl's wheel is installed into."""
    folder = tmp_path_factory.mktemp("installed")
    pip("install", "--quiet", "--target", folder, wheel)
    return folder


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the sample package is installed into."""
    folder = tmp_path_factory.mktemp("sample")
    pip("install", "--quiet", "--target", folder, SAMPLE)
    return folder


def test_the_wheel_holds_the_grammar_and_every_network(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    carried = [*ROOT.glob("grammar/*"), *ROOT.glob("networks/**/*.*"), *ROOT.glob("netdsl/**/*.py")]
    paths = [path.relative_to(ROOT).as_posix() for path in carried]
    wanted = {path if path.startswith("netdsl/") else f"netdsl/{path}" for path in paths} | {"netdsl/py.typed"}
    assert wanted <= names
    assert {name.split("/")[0].split("-")[0] for name in names} == {"netdsl"}  # nothing beside the package


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["check", "vgg16", "resnet152"], "ok"),  # resnet152 uses blocks/bottleneck.net
        (["list"], "lenet5"),
        (["layers", "CONV"], "filters"),
        (["summary", "alexnet"], "62"),
        (["draw", "vgg16", "-o", "vgg16.svg"], ""),
        (["--version"], "0.1.0"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_the_wheel_works_in_an_empty_folder(installed: Path, tmp_path: Path, arguments: list[str], word: str) -> None:
    done = run([sys.executable, "-m", "netdsl", *arguments], tmp_path, [installed])
    assert done.returncode == 0, done.stderr
    assert word in done.stdout
    if "-o" in arguments:
        assert "<svg" in (tmp_path / "vgg16.svg").read_text(encoding="utf-8")


def test_the_installed_package_is_the_one_that_runs(installed: Path, tmp_path: Path) -> None:
    command = "import netdsl, netdsl.resources as r; print(netdsl.__file__, r.networks(), sep='\\n')"
    done = run([sys.executable, "-c", command], tmp_path, [installed])
    assert done.stdout.splitlines() == [str(installed / "netdsl/__init__.py"), str(installed / "netdsl/networks")]


PROGRAM = """\
network "Swishing"

INPUT 8x8x3
-> CONV 4 3 p1 -> SWISH beta=1.5
-> swish: SWISH -> FC 2

expect params of swish = 1
expect params = 628
"""


@pytest.fixture
def with_sample(sample: Path, tmp_path: Path) -> Netdsl:
    """Runs netdsl where the sample package is installed, beside a file swishing.net."""
    (tmp_path / "swishing.net").write_text(PROGRAM, encoding="utf-8")

    def netdsl(*arguments: str) -> subprocess.CompletedProcess[str]:
        return run([sys.executable, "-m", "netdsl", *arguments], tmp_path, [sample, ROOT])

    return netdsl


def test_without_the_package_its_layer_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "swishing.net").write_text(PROGRAM, encoding="utf-8")
    done = run([sys.executable, "-m", "netdsl", "check", "swishing.net"], tmp_path, [ROOT])
    assert done.returncode == 1
    assert "error[unknown-layer]" in done.stderr


def test_check_proves_a_network_with_the_packages_layer(with_sample: Netdsl) -> None:
    done = with_sample("check", "swishing.net")
    assert (done.returncode, done.stderr) == (0, "")


def test_check_knows_the_arguments_of_the_packages_layer(with_sample: Netdsl, tmp_path: Path) -> None:
    (tmp_path / "wrong.net").write_text("INPUT 8 -> SWISH gamma=1\n", encoding="utf-8")
    done = with_sample("check", "wrong.net", "--format", "json")
    (found,) = json.loads(done.stdout)
    assert (done.returncode, found["code"], found["column"]) == (1, "unknown-option", 18)


def test_summary_counts_the_packages_layer(with_sample: Netdsl) -> None:
    layers = json.loads(with_sample("summary", "swishing.net", "--format", "json").stdout)["layers"]
    found = [(one["path"], one["params"], one["flops"]) for one in layers if one["kind"] == "SWISH"]
    assert found == [("swish1", 1, 5 * 8 * 8 * 4), ("swish", 1, 5 * 8 * 8 * 4)]


def test_draw_shows_the_packages_layer(with_sample: Netdsl, tmp_path: Path) -> None:
    done = with_sample("draw", "swishing.net", "-o", "swishing.svg")
    assert done.returncode == 0, done.stderr
    assert "SWISH" in (tmp_path / "swishing.svg").read_text(encoding="utf-8").upper()
    done = with_sample("explain", "swishing.net", "swish1")
    assert "Here: x · sigmoid(1.5x)." in done.stdout


def test_fmt_keeps_the_packages_layer(with_sample: Netdsl) -> None:
    assert with_sample("fmt", "--check", "swishing.net").returncode == 0


def test_layers_explains_the_packages_layer(with_sample: Netdsl) -> None:
    assert "SWISH" in with_sample("layers").stdout
    assert "where β starts" in with_sample("layers", "SWISH").stdout


RUN_AND_COMPARE = """
import torch, warnings
warnings.simplefilter("ignore", DeprecationWarning)
network = torch.jit.load("swishing.pt")
state, x = network.state_dict(), torch.randn(5, 3, 8, 8)
assert sorted(key for key in state if "swish" in key) == ["swish.beta", "swish1.beta"], state
assert (state["swish1.beta"].item(), state["swish.beta"].item()) == (1.5, 1.0)
y = torch.conv2d(x, state["conv1.weight"], state["conv1.bias"], padding=1)
for beta in (1.5, 1.0):
    y = y * torch.sigmoid(beta * y)
y = torch.nn.functional.linear(y.flatten(1), state["fc1.weight"], state["fc1.bias"])
torch.testing.assert_close(network(x), y)
"""


def test_compile_runs_the_packages_layer(with_sample: Netdsl, tmp_path: Path) -> None:
    done = with_sample("compile", "swishing.net", "-o", "swishing.pt")
    assert done.returncode == 0, done.stderr
    # The file runs where neither netdsl nor the package is installed.
    done = run([sys.executable, "-c", RUN_AND_COMPARE], tmp_path, [])
    assert done.returncode == 0, done.stderr
    # It does nothing but compute.
    runtime.load(tmp_path / "swishing.pt")


def entry_point(folder: Path, target: str) -> None:
    """Make a folder look like one that a package with a SWISH of its own is installed into."""
    about = folder / "broken-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n", encoding="utf-8")
    (about / "entry_points.txt").write_text(f"[netdsl.layers]\nSWISH = {target}\n", encoding="utf-8")


@pytest.mark.parametrize("target", ["no_such_module:Swish", "json:loads", "netdsl.layers.activation:Relu"])
def test_a_broken_package_ends_in_a_diagnostic(tmp_path: Path, target: str) -> None:
    entry_point(tmp_path, target)
    (tmp_path / "swishing.net").write_text(PROGRAM, encoding="utf-8")
    done = run([sys.executable, "-m", "netdsl", "check", "swishing.net"], tmp_path, [tmp_path, ROOT])
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert target in done.stderr
