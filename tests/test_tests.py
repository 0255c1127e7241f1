"""Every test can fail: it asserts, itself or by what it calls, and never ends before it has."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
TREES = {path.name: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.py"))}
HOLDS = {"raises", "warns", "fail", "assert_close", "check_call"}  # of pytest, PyTorch and subprocess


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def called(function: ast.FunctionDef) -> set[str]:
    """The names of what a function calls, or mentions as what others shall call."""
    names = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
    return names | {node.attr for node in ast.walk(function) if isinstance(node, ast.Attribute)}


@cache
def asserting() -> frozenset[str]:
    """The names of the functions of the tests that assert something, themselves or by those that they call."""
    every = [function for tree in TREES.values() for function in functions(tree)]
    names = HOLDS | {one.name for one in every if any(isinstance(node, ast.Assert) for node in ast.walk(one))}
    calls = [(one.name, called(one)) for one in every]
    while more := {name for name, inner in calls if name not in names and inner & names}:
        names |= more
    return frozenset(names)


def silent(tree: ast.Module, names: Collection[str]) -> Iterator[str]:
    """What is wrong with the tests of a file, given the names that assert."""
    for test in functions(tree):
        if not test.name.startswith("test_"):
            continue
        if test.name not in names:
            yield f"{test.lineno}: {test.name} asserts nothing"
        for node in ast.walk(test):
            if isinstance(node, ast.Return) and node.value is None:
                yield f"{node.lineno}: {test.name} may end before it asserts: skip the case, or leave it out"
            if isinstance(node, ast.Assert) and isinstance(node.test, ast.Constant | ast.Tuple):
                yield f"{node.lineno}: {test.name} asserts what is always so"


@pytest.mark.parametrize("name", [name for name in TREES if name.startswith("test_")])
def test_every_test_of_a_file_can_fail(name: str) -> None:
    assert list(silent(TREES[name], asserting())) == []


def test_a_test_that_cannot_fail_is_found() -> None:
    text = "def test_a():\n  f()\ndef test_b():\n  if x:\n    return\n  assert y\ndef test_c():\n  assert (x, 'y')\n"
    found = list(silent(ast.parse(text), {"test_b", "test_c"}))
    assert [line.partition(":")[0] for line in found] == ["1", "5", "8"]


def test_mutants_are_of_files_that_there_are_and_tried_by_tests_that_there_are() -> None:
    pytest.importorskip("resource", reason="processes have no limits here")
    from mutants import ROOMS

    named = [(room, file) for room, files in ROOMS.items() for file in files.split()]
    assert [room for room, _ in named if not (FOLDER.parent / "netdsl" / room).exists()] == []
    assert [file for _, file in named if f"test_{file}.py" not in TREES] == []
