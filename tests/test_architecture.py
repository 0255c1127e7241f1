"""Imports point one way, the front end runs without torch, and no file grows too long."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import networkx
import pytest

PACKAGE = Path(__file__).parent.parent / "netdsl"
MODULES = sorted(PACKAGE.rglob("*.py"))
MAX_LINES = 400

# Each part of the package, and the parts that it may import besides itself: those below it in docs/architecture.md.
BELOW = {
    "resources": set[str](),
    "files": set[str](),
    "text": {"resources"},
    "layers": {"text"},
    "graph": {"resources", "text", "layers"},
    "measure": {"text", "layers", "graph"},
    "draw": {"text", "layers", "graph", "measure"},
    "optimize": {"text", "layers", "graph", "measure"},
    "runtime": set[str](),
    "compile": {"files", "text", "layers", "graph", "measure", "optimize", "runtime"},
    "bench": {"text", "layers", "graph", "measure", "compile", "runtime"},
    "interchange": {"files", "text", "layers", "graph", "measure", "recover", "compile", "runtime"},
    "explain": {"text", "layers", "graph", "measure"},
    "transform": {"text", "layers", "graph", "measure"},
    "recover": {"text", "layers", "graph", "measure"},
    "compare": {"resources", "files", "text", "layers", "graph", "measure", "draw"},
    "diff": {"text", "layers", "graph", "measure", "draw"},
    "recipe": {"resources", "files", "text", "layers", "graph"},
    "data": {"text", "layers", "graph", "measure", "runtime"},
    "train": {"files", "text", "layers", "graph", "measure", "draw", "compile", "runtime", "recipe", "data"},
    "probe": {
        *(
            "files",
            "text",
            "layers",
            "graph",
            "measure",
            "draw",
            "bench",
            "compile",
            "runtime",
            "recipe",
            "data",
            "train",
        ),
    },
    "see": {"files", "text", "layers", "graph", "measure", "draw", "compile", "runtime", "data", "train"},
    "convolutional": {"text", "layers", "graph", "measure", "compile", "transform"},
    "network": {
        *("files", "text", "layers", "graph", "measure", "draw", "optimize", "compile", "runtime"),
        *("explain", "transform", "compare", "diff", "recover", "recipe", "data", "train", "probe", "see"),
        "convolutional",
    },
    "api": {"resources", "text", "layers", "graph", "measure", "interchange", "network"},
    "__init__": {"text", "layers", "network", "api"},
    "cli": {
        *("resources", "files", "text", "layers", "graph", "measure"),
        *("draw", "optimize", "compile", "runtime", "bench", "explain", "transform", "compare", "diff", "interchange"),
        *("recipe", "data", "train", "probe", "see"),
    },
    "__main__": {"cli"},
}

# Where torch is at home. The front end loads what is in these folders when it lowers or compiles, inside a function.
BACK_END = tuple(
    PACKAGE / room for room in ("compile", "runtime", "train", "probe", "see", "layers/modules", "interchange/torch")
)
FRONT_END = [path for path in MODULES if not any(folder in path.parents for folder in BACK_END)]


def part_of(path: Path) -> str:
    """The part of the package that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def names_in(statement: ast.AST) -> Iterator[str]:
    """What an import statement imports, by full name: modules, or modules and names of theirs."""
    match statement:
        case ast.Import(names):
            yield from (alias.name for alias in names)
        case ast.ImportFrom(module, names, level):
            assert level == 0, "imports are absolute"
            yield from (f"{module}.{alias.name}" for alias in names)
        case _:
            pass


def parts_imported(path: Path) -> set[str]:
    """The parts of the package that a file imports anywhere, for types and inside functions too."""
    names = [name for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) for name in names_in(node)]
    return {name.split(".")[1] if "." in name else "__init__" for name in names if name.split(".")[0] == "netdsl"}


def imported_at_once(statements: list[ast.stmt]) -> Iterator[str]:
    """What is imported when a module is: outside of functions, and of `if TYPE_CHECKING`."""
    for statement in statements:
        yield from names_in(statement)
        match statement:
            case ast.If(ast.Name("TYPE_CHECKING"), _, otherwise):
                yield from imported_at_once(otherwise)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                pass
            case _:
                inner = [node for node in ast.iter_child_nodes(statement) if isinstance(node, ast.stmt)]
                yield from imported_at_once(inner)


def shown(path: Path) -> str:
    return path.relative_to(PACKAGE.parent).as_posix()


def test_imports_point_one_way() -> None:
    upward = {shown(path): parts_imported(path) - BELOW[part_of(path)] - {part_of(path)} for path in MODULES}
    assert {path: parts for path, parts in upward.items() if parts} == {}


def module_of(name: str) -> Path | None:
    """The file that an imported name is, or is in, if it is one of the package's."""
    path = PACKAGE.parent.joinpath(*name.split("."))
    for found in (
        path.with_suffix(".py"),
        path / "__init__.py",
        path.parent.with_suffix(".py"),
        path.parent / "__init__.py",
    ):
        if found in MODULES:
            return found
    return None


def test_no_files_import_each_other() -> None:
    graph = networkx.DiGraph()
    for path in MODULES:
        names = [name for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) for name in names_in(node)]
        found = {module_of(name) for name in names if name.partition(".")[0] == "netdsl"} - {None, path}
        graph.add_edges_from((path.relative_to(PACKAGE), one.relative_to(PACKAGE)) for one in found if one is not None)
    parts = networkx.strongly_connected_components(graph)
    circles = [sorted(one.as_posix() for one in part) for part in parts if len(part) > 1]
    assert circles == []


def loaded_with(path: Path, seen: dict[Path, set[str]]) -> set[str]:
    """What is imported when a file is, by it or by those of the package that it imports."""
    if path not in seen:
        names = seen[path] = set(imported_at_once(ast.parse(path.read_text(encoding="utf-8")).body))
        for inner in {module_of(name) for name in names} - {None, path}:
            assert inner is not None
            names |= loaded_with(inner, seen)
    return seen[path]


def test_the_front_end_loads_torch_inside_functions_alone() -> None:
    seen: dict[Path, set[str]] = {}
    early = {shown(path): {name for name in loaded_with(path, seen) if name.startswith("torch")} for path in FRONT_END}
    assert {path: names for path, names in early.items() if names} == {}


WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None
from netdsl.cli.main import main
sys.argv[0] = "netdsl"
main()
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "resnet152", "alexnet_two_gpus"],
        ["summary", "googlenet"],
        ["summary", "--format", "json", "inception_v3"],
        ["memory", "alexnet_two_gpus", "--batch", "128", "--fit", "3GB"],
        ["draw", "vgg16", "-o", "vgg16.svg"],
        ["draw", "alexnet", "vgg16", "--style", "columns", "-o", "columns.svg"],
        ["draw", "alexnet_two_gpus", "--style", "volumes", "-o", "volumes.svg"],
        ["draw", "resnet18", "-o", "resnet18.dot"],
        ["compare", "alexnet", "vgg16"],
        ["compare", "--chart", "winners", "-o", "winners.png"],
        ["diff", "resnet152", "resnet152_paper"],
        ["diff", "vgg16", "vgg19", "-o", "diff.svg"],
        ["fmt", "copy.net"],
        ["explain", "vgg16"],
        ["explain", "googlenet", "inception_3a"],
        ["explain", "alexnet", "conv1"],
        ["summary", "vgg16", "--format", "slides"],
        ["emit", "googlenet"],
        ["emit", "resnet50", "--stage", "optimized"],
        ["bench", "lenet5", "--against", "eager", "--runs", "1", "--examples", "1"],
        ["list"],
        ["layers"],
        ["layers", "CONV"],
    ],
    ids=" ".join,
)
def test_the_front_end_runs_without_torch(arguments: list[str], tmp_path: Path) -> None:
    (tmp_path / "copy.net").write_text("INPUT   8 -> FC 4\n")
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    command = [sys.executable, "-c", WITHOUT_TORCH, *arguments]
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_the_page_names_what_there_is() -> None:
    page = (PACKAGE.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
    folders = (PACKAGE, PACKAGE.parent)
    for name in set(re.findall(r"`((?:\w+/)*\w+\.(?:py|lark|json))`", page)):
        assert any((folder / name).exists() for folder in folders), name
    told = re.findall(r"`([\w.]+)(?:: [^`]+)?` of `((?:\w+/)*\w+\.\w+)`", page)
    assert len(told) >= 9
    for name, file in told:
        text = next((folder / file).read_text(encoding="utf-8") for folder in folders if (folder / file).exists())
        assert all(re.search(rf"\b{part}\b", text) for part in name.split(".")), (name, file)


def test_no_file_is_too_long() -> None:
    lengths = {shown(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {path: length for path, length in lengths.items() if length > MAX_LINES} == {}
