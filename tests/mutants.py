"""How many small slips the tests would notice: `make mutants ARGS="--room text --count 50 --seed 1"`.

Each mutant is a module of one room with one thing changed: a comparison, a number, an operator, `and` for `or`, a
`not` left out, the smaller for the larger. A fork of this process imports it in the module's place, and runs the tests
of the room until one fails. What survives is either no mistake, or has no test.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import os
import random
import resource
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from importlib.abc import MetaPathFinder, SourceLoader
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
TESTS = ROOT / "tests"

ROOMS = {
    "text": "diagnostics programs mistakes",
    "text/builder.py": "parse programs mistakes format",
    "text/chain_fixes.py": "mistakes programs",
    "text/columns.py": "format",
    "text/excerpt.py": "excerpt diagnostics",
    "text/fit.py": "excerpt diagnostics",
    "text/format.py": "format",
    "text/kept.py": "parse programs",
    "text/layout.py": "format",
    "text/lowered.py": "parse programs format",
    "text/parse.py": "parse programs mistakes format",
    "text/printer.py": "format",
    "text/render.py": "diagnostics excerpt safe_text",
    "text/safe.py": "safe_text diagnostics",
    "text/shown.py": "shown safe_text",
    "text/statements.py": "format parse mistakes",
    "text/tokens.py": "format parse mistakes",
    "text/grammar.py": "parse",
    "data": "data",
    "recover": "recover",
    "recipe": "recipe",
    "train/average.py": "train_parts",
    "train/freezing.py": "train_parts",
    "train/optimizer.py": "train_parts",
    "train/schedule.py": "train_parts",
    "compile/inits": "inits",
    "interchange/caffe": "caffe foreign_files",
    "interchange/darknet": "darknet foreign_files",
    "interchange/text.py": "foreign_files",
    "interchange": "caffe darknet foreign_files import_onnx torch_programs from_torch",
    "graph": "programs mistakes diagnostics summary",
    "measure": "programs summary measures",
    "measure/expect.py": "programs mistakes diagnostics",
    "measure/field.py": "programs summary clipped_field",
    "measure/liveness.py": "programs liveness",
    "measure/memory.py": "programs memory",
    "measure/meter.py": "programs memory",
    "measure/placement.py": "programs memory",
    "measure/saves.py": "programs memory liveness",
    "measure/schedule.py": "programs liveness",
    "measure/clipped_field.py": "clipped_field",
    "measure/slides.py": "case_studies explain",
    "measure/summary_table.py": "summary shown",
    "measure/training.py": "programs memory",
    "measure/units.py": "summary shown explain",
    "layers": "programs layers mistakes layers_reference compile layers_torch explain memory",
    "layers/formula.py": "programs explain",
    "layers/guard.py": "programs broken_packages",
    "layers/table.py": "programs layers mistakes broken_packages",
    "layers/workings.py": "programs explain",
    "see": "see see_command see_sheets",
    "train": "train_parts batches evaluation train",
    "train/distributed.py": "distributed",
    "train/loss.py": "loss",
    "train/readings.py": "loss",
    "train/room.py": "room",
}
"""The files of tests that know each room, or one module of it, the quick ones first."""

SWAPS = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
}
NAMES = {"min": "max", "max": "min", "any": "all", "all": "any"}


class Mutant(NamedTuple):
    """A module with one change: the `which`-th of its `at`-th node."""

    path: Path
    at: int
    which: int

    @property
    def tests(self) -> list[str]:
        """The files of tests that know it."""
        name = self.path.relative_to(ROOT / "netdsl").as_posix()
        known = ROOMS.get(name, ROOMS[next(one for one in ROOMS if name.startswith(f"{one}/"))])
        return [str(TESTS / f"test_{one}.py") for one in known.split()]

    @property
    def module(self) -> str:
        parts = self.path.relative_to(ROOT).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def made(self) -> tuple[str, str]:
        """What is changed, in a line, and the whole source."""
        tree = ast.parse(self.path.read_text(encoding="utf-8"))
        node = list(ast.walk(tree))[self.at]
        assert isinstance(node, ast.expr)
        changed = list(_changes(node))[self.which]
        said = f"{self.path.relative_to(ROOT)}:{node.lineno}: {_said(node)} → {_said(changed)}"
        return said, ast.unparse(_Replace(node, changed).visit(tree))


def mutants(path: Path) -> Iterator[Mutant]:
    """Every change of a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    never = _never_run(tree)
    for at, node in enumerate(ast.walk(tree)):
        if isinstance(node, ast.expr) and id(node) not in never:
            yield from (Mutant(path, at, which) for which, _ in enumerate(_changes(node)))


def _said(node: ast.AST) -> str:
    text = ast.unparse(node)
    return text if len(text) < 70 else text[:69] + "…"


def _never_run(tree: ast.Module) -> set[int]:
    """What only says types, and what asserts that netdsl itself is right."""
    found: set[int] = set()
    for node in ast.walk(tree):
        parts: list[ast.AST | None] = []
        if isinstance(node, ast.AnnAssign | ast.arg):
            parts.append(node.annotation)
        elif isinstance(node, ast.FunctionDef):
            parts += [node.returns, *node.decorator_list]
        elif isinstance(node, ast.ClassDef):
            parts += [*node.bases, *node.decorator_list]
        elif isinstance(node, ast.Assert | ast.Raise):
            parts.append(node)
        found |= {id(inner) for part in parts if part for inner in ast.walk(part)}
    return found


def _changes(node: ast.expr) -> Iterator[ast.expr]:
    """What an expression might have been by a slip."""
    match node:
        case ast.Compare(ops=[operator]) if type(operator) in SWAPS:
            yield ast.Compare(node.left, [SWAPS[type(operator)]()], node.comparators)
        case ast.BoolOp():
            yield ast.BoolOp(SWAPS[type(node.op)](), node.values)  # pyright: ignore[reportArgumentType]
        case ast.BinOp() if type(node.op) in SWAPS and not isinstance(node.right, ast.Constant | ast.JoinedStr):
            yield ast.BinOp(node.left, SWAPS[type(node.op)](), node.right)  # pyright: ignore[reportArgumentType]
        case ast.UnaryOp(op=ast.Not()):
            yield node.operand
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int(value)):
            yield ast.Constant(value + 1)
            yield ast.Constant(value - 1)
        case ast.Call(func=ast.Name(id=name)) if name in NAMES:
            yield ast.Call(ast.Name(NAMES[name], ast.Load()), node.args, node.keywords)
        case _:
            pass


class _Replace(ast.NodeTransformer):
    def __init__(self, before: ast.AST, after: ast.expr) -> None:
        self.before, self.after = before, after

    def visit(self, node: ast.AST) -> ast.AST:
        return ast.copy_location(self.after, node) if node is self.before else super().visit(node)


class _Loader(SourceLoader, MetaPathFinder):
    """Imports a mutant in the place of its module."""

    def __init__(self, mutant: Mutant) -> None:
        self.mutant = mutant
        _, self.source = mutant.made()

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if fullname != self.mutant.module:
            return None
        package = self.mutant.path.name == "__init__.py"
        spec = spec_from_loader(fullname, self, origin=str(self.mutant.path), is_package=package)
        if spec is not None and package:
            spec.submodule_search_locations = [str(self.mutant.path.parent)]
        return spec

    def get_filename(self, fullname: str) -> str:
        return str(self.mutant.path)

    def get_data(self, path: str | bytes) -> bytes:
        return self.source.encode()


def survives(mutant: Mutant | None, files: Sequence[str], seconds: int) -> bool:
    """Whether every test passes within some seconds of processor time, in a fork of this process."""
    folder = tempfile.mkdtemp(prefix="netdsl-mutant-")
    child = os.fork()
    if not child:
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        os.dup2(os.open(os.devnull, os.O_RDWR), 1)
        os.dup2(1, 2)
        status = 1
        try:
            if mutant is not None:
                sys.meta_path.insert(0, _Loader(mutant))
            import pytest

            for file in files:
                status = int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", f"--basetemp={folder}/t", file]))
                if status:
                    break
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    shutil.rmtree(folder, ignore_errors=True)
    return status == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--room", choices=[name for name in ROOMS if not name.endswith(".py")], default="text")
    parser.add_argument("--count", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=int, default=90, help="of processor time for each")
    given = parser.parse_args()
    for name in ("pytest", "lark", "click", "rich", "numpy", "torch"):  # once, and not in each fork
        importlib.import_module(name)
    os.chdir(ROOT)
    every = [one for path in sorted((ROOT / "netdsl" / given.room).rglob("*.py")) for one in mutants(path)]
    chosen = random.Random(given.seed).sample(every, min(given.count, len(every)))
    files = sorted({file for mutant in chosen for file in mutant.tests})
    if not survives(None, files, 9 * given.seconds):
        sys.exit("the tests fail, or take too long, as it is")
    survivors = 0
    for mutant in chosen:
        alive = survives(mutant, mutant.tests, given.seconds)
        survivors += alive
        said, _ = mutant.made()
        print("survived" if alive else "killed  ", said, flush=True)  # noqa: T201
    print(  # noqa: T201
        f"{len(chosen) - survivors} of {len(chosen)} killed, of {len(every)} in {given.room}"
    )


if __name__ == "__main__":
    main()
