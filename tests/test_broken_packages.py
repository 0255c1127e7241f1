"""Layers of packages that are wrong in any way: one diagnostic that names the layer, its package and the line."""

from __future__ import annotations

import io
import json
import pickle
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from functools import cache, partial
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

import netdsl
from netdsl import resources
from netdsl.cli.main import main
from netdsl.layers import guard, table
from netdsl.layers.arguments import arguments_of
from netdsl.layers.base import Layer
from netdsl.layers.rules import GROUP

HEAD = """\
from __future__ import annotations
from dataclasses import dataclass
from fractions import Fraction
from netdsl.layers.arguments import Kind, LayerError, flag, option, real, positional
from netdsl.layers.base import Algebra, Layer, Product, Weight, Window
from netdsl.layers.shape import Shape
from netdsl.measure.autograd import Saved


@dataclass(frozen=True)
class Odd(Layer):
    '''A layer.'''

    keyword = "ODD"
    role = "activation"
    beta: Fraction = option(real(), "where it starts", 1)

"""

SILENT = """\
class Silent(Exception):
    def __str__(self):
        raise ValueError("boom")

    __repr__ = __str__


SILENT = Silent()
"""
"""Something that fails where it is shown."""

PROGRAM = "INPUT 8x8x3\n-> CONV 4 3 p1\n-> ODD beta=2\n-> BLOCK()\n".replace("-> BLOCK()\n", "-> FC 2\n")

Result = tuple[int, str, str]
Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Iterator[Run]:
    """Runs netdsl beside a network with ODD, which a module brings whose text is HEAD and what is given."""
    monkeypatch.chdir(tmp_path)
    Path("net.net").write_text(PROGRAM)
    modules = iter(f"odd_{abs(hash(tmp_path))}_{number}" for number in range(99))

    def runner(*arguments: str, body: str | None, target: str = "Odd", rules: Sequence[str] = ()) -> Result:
        name = next(modules)
        if body is not None:
            (tmp_path / f"{name}.py").write_text(HEAD + body if body.startswith("    ") else body)
        entries = {"ODD": EntryPoint("ODD", f"{name}:{target}", table.GROUP)}
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.setattr(table, "_entry_points", lambda: entries)
        given = {f"ODD.{rule}": EntryPoint(f"ODD.{rule}", f"{name}:{rule}", GROUP) for rule in rules}
        monkeypatch.setattr("netdsl.layers.rules._entry_points", lambda: given)
        table._loaded.cache_clear()
        monkeypatch.setattr("sys.argv", ["netdsl", *arguments])
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
        try:
            main()
            status = 0
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 0
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    yield runner
    table._loaded.cache_clear()


RULES = {
    "shape": "raise ValueError('boom')",
    "weights": "return [1 / 0]",
    "constants": "raise KeyError('boom')",
    "warnings": "yield 5",
    "macs": "return 'many'",
    "connections": "return -1",
    "flops": "return 2.5",
    "windows": "return (3, 3)",
    "enlargement": "return 'twice'",
    "reads": "raise RuntimeError('boom')",
    "algebra": "return Algebra(linear=Product(5))",
}
SIGNATURES = {
    "reads": "self, axis, position, *inputs",
}


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_that_fails_is_one_diagnostic(run: Run, rule: str) -> None:
    body = f"    def {rule}({SIGNATURES.get(rule, 'self, *inputs')}):\n        {RULES[rule]}\n"
    status, out, err = run("check", "net.net", "--format", "json", body=body)
    (found,) = json.loads(out)
    assert (status, err) == (1, "")
    assert (found["code"], found["line"], found["column"]) == ("unknown-layer", 3, 4)
    assert "ODD of odd_" in found["message"]
    assert f"its {rule} " in found["message"]


@pytest.mark.parametrize("name", ["written", "canonical"])
def test_a_property_that_fails_is_one_diagnostic(run: Run, name: str) -> None:
    for body in ("raise ValueError('boom')", "return 5"):
        _, out, _ = run(
            "check", "net.net", "--format", "json", body=f"    @property\n    def {name}(self):\n        {body}\n"
        )
        (found,) = json.loads(out)
        assert f"its {name} " in found["message"]


@pytest.mark.parametrize(
    "body",
    [
        "    role = 'nonsense'\n",
        "    role = ['activation']\n",
        "    flops_per_output = '5'\n",
        "    merge = 'no'\n",
        "    gamma: int = 5\n",
        "    def shape(self, x):\n        return (8, 8, 4)\n",
        "    def shape(self, x):\n        return Shape((0, 3), 4)\n",
        "    def shape(self, x):\n        return Shape((2.5,), 4)\n",
        "    def shape(self, x):\n        raise LayerError('nonsense', 'boom')\n",
        "    def shape(self):\n        return Shape((), 4)\n",
        "    def shape(self, x):\n        return self.shape(x)\n",
        "    def warnings(self, x):\n        yield LayerError('nonsense', 'boom')\n",
        "    def weights(self, x):\n        return (Weight(5, (3,)),)\n",
        "    def weights(self, x):\n        return (Weight('a', ('3',)),)\n",
        "    def weights(self, x):\n        return 5\n",
        "    def __post_init__(self):\n        raise ValueError('boom')\n",
        "    def __post_init__(self):\n        raise LayerError('nonsense', 'boom')\n",
        "    delta: Fraction = option(5, 'odd', 1)\n",
        "    aliases = 5\n",
        "    shape = None\n",
        "    weights = 5\n",
        "    def shape(self, x):\n        raise GeneratorExit\n",
        "    def shape(self, x):\n        raise SILENT\n\n\n" + SILENT,
        "    def shape(self, x):\n        return SILENT\n\n\n" + SILENT,
        "    def shape(self, x):\n        return Shape.__new__(Shape)\n",
        "    def shape(self, x):\n        return Shape((), 10**31)\n",
        "    def macs(self, x):\n        return 10**400\n",
        "    def reads(self, axis, position, x):\n        return (-1,)\n",
        "    def reads(self, axis, position, x):\n        return (10**9,)\n",
        "    def algebra(self, x):\n        return 5\n",
        "    def algebra(self, x):\n        return Algebra(monotone='yes')\n",
        "    def algebra(self, x):\n        return Algebra(windowed=7)\n",
        "    def algebra(self, x):\n        return Algebra(channelwise='both')\n",
        "    def algebra(self, x):\n        return Algebra(linear=Product(self))\n",
        "    nobias: bool = flag('no bias')\n    def algebra(self, x):\n        return Algebra(linear=Product(self))\n",
        "    def __eq__(self, other):\n        raise ValueError('boom')\n",
        "    def __hash__(self):\n        return 'boom'\n",
        "    def __repr__(self):\n        return 5\n",
        "    def __new__(cls, *arguments, **named):\n        return 5\n",
        "    def __getattribute__(self, name):\n        raise ValueError('boom')\n",
        "    def __init_subclass__(cls):\n        raise ValueError('boom')\n",
        "raise GeneratorExit\n",
        "raise ValueError('boom')\n",
        "raise SystemExit(3)\n",
        "import no_such_module\n",
        "Odd = 5\n",
        "class Odd:\n    keyword = 'ODD'\n",
        "from netdsl.layers.activation import Relu as Odd\n",
        "this is no Python\n",
        None,
    ],
)
def test_what_a_class_says_wrongly_is_one_diagnostic(run: Run, body: str | None) -> None:
    status, out, err = run("check", "net.net", "--format", "json", body=body)
    (found,) = json.loads(out)
    assert (status, err, found["line"]) == (1, "", 3)
    assert "odd_" in found["message"]
    assert run("check", "net.net", body=body)[2].count("error[") == 1


def test_a_layer_whose_map_has_other_sizes_reads_all_unless_it_says_what(run: Run) -> None:
    shrinks = "    def shape(self, x):\n        return Shape((2, 2), 3)\n"
    reads = "    def reads(self, axis, position, x):\n        return (4 * position,)\n"
    for body, seen in (("    pass\n", "row 4 and"), (shrinks, "all of the input"), (shrinks + reads, "row 4 and")):
        Path("net.net").write_text("INPUT 8x8x3 -> ODD\n")
        assert f" sees {seen}" in run("explain", "net.net", "odd1", body=body)[1]


def test_a_shape_with_its_parts_exchanged_is_shown(run: Run) -> None:
    _, out, _ = run(
        "check", "net.net", "--format", "json", body="    def shape(self, x):\n        return Shape(4, (2,))\n"
    )
    assert "its shape gives Shape(spatial=4, channels=(2,))" in json.loads(out)[0]["message"]


def test_the_guard_lets_all_pass_that_netdsls_own_layers_do() -> None:
    asked: set[str] = set()
    for path in (*resources.bundled(), *sorted((Path(__file__).parent / "programs" / "valid").glob("*.net"))):
        try:
            shaped = netdsl.load(path).shaped
        except netdsl.NetError:  # a library
            continue
        for index, node in enumerate(shaped.nodes):
            inputs = shaped.input_shapes(index)
            if inputs and (case := f"{node.layer!r} {inputs}") not in asked:
                asked.add(case)
                layer = GUARDED(type(node.layer))(
                    **{one.name: getattr(node.layer, one.name) for one in fields(node.layer)}
                )
                guard.probe(layer, inputs)
                assert layer.shape(*inputs) == shaped.shapes[index]
    assert len(asked) > 500


GUARDED = cache(partial(guard.guarded, package="netdsl", again=table._again))


def test_every_hook_of_a_layer_is_guarded() -> None:
    hooks = {name for name in vars(Layer) | Layer.__annotations__ if not name.startswith("_")}
    assert hooks - {"aliases"} <= {*guard.METHODS, *guard.FACTS}


def test_what_a_layer_is_called_is_safe_in_pictures(run: Run) -> None:
    body = "    @property\n    def written(self):\n        return 'ODD \\x1b[2J\\ud800<b>'\n"
    body += "\n\ndef title(layer, *inputs):\n    return '\\x1b[2J\\u202e'\n\n\n"
    body += "def caption(layer, *inputs):\n    return layer.written\n"
    for arguments in (["-o", "net.svg"], ["--style", "columns", "-o", "net.svg"], ["-o", "net.html"]):
        assert run("draw", "net.net", *arguments, body=body, rules=("title", "caption"))[0] == 0
        drawn = Path(arguments[-1]).read_text(encoding="utf-8")
        assert "\x1b" not in drawn
        assert "\ufffd[2J\ufffd" in drawn


OF_PASSES = {
    "saves": ("memory", "return None"),
    "least_batch": ("memory", "return 1.5"),
    "title": ("draw --style volumes", "return 5"),
    "caption": ("draw --style columns", "raise ValueError('boom')"),
    "boxed": ("draw --style columns", "return 'yes'"),
    "reading": ("explain odd1", "raise SystemExit(3)"),
    "notes": ("explain odd1", "return 'remark'"),
    "answers": ("explain odd1", "yield 'answer'"),
}


@pytest.mark.parametrize("rule", OF_PASSES)
def test_a_rule_of_a_pass_that_fails_is_one_diagnostic_of_that_pass(run: Run, rule: str) -> None:
    command, broken = OF_PASSES[rule]
    name, *options = command.split()
    role = "reshape" if rule == "caption" else "activation"
    head = f"    role = '{role}'\n"
    body = f"{head}\n\ndef {rule}(layer, *inputs):\n    {broken}\n"
    arguments = (name, "net.net", *options)
    status, out, err = run(*arguments, body=body, rules=(rule,))
    assert (status, out, err.count("error[unknown-layer]: ODD of odd_")) == (1, "", 1)
    assert f"is broken: its rule {rule} " in err
    assert "--> net.net:3:4" in err
    assert run(*arguments, body=body)[0] == 0
    assert run("check", "net.net", body=body, rules=(rule,))[0] == 0
    missing = run(*arguments, body=head, rules=(rule,))
    assert missing[0] == 1
    assert f"its rule {rule} raised AttributeError" in missing[2]


def test_rules_of_a_package_are_asked(run: Run) -> None:
    body = """\
    role = "reshape"


def caption(layer, x):
    return f"Odd {x}"


def reading(layer, x):
    return f"from {layer.beta} on"


def saves(layer, x):
    return Saved((0,))
"""
    rules = ("caption", "reading", "saves")
    assert run("draw", "net.net", "--style", "columns", "-o", "net.svg", body=body, rules=rules)[0] == 0
    assert "Odd 8×8×4" in Path("net.svg").read_text(encoding="utf-8")
    assert "Here: from 2 on." in run("explain", "net.net", "odd1", body=body, rules=rules)[1]
    less, more = (run("memory", "net.net", "--format", "json", body=body, rules=some)[1] for some in (rules, ()))
    assert json.loads(less) != json.loads(more)


def test_an_argument_that_fails_is_one_diagnostic(run: Run) -> None:
    body = "    delta: Fraction = option(Kind('odd', lambda value: 1 / 0), 'odd', 1)\n"
    Path("net.net").write_text("INPUT 8 -> ODD delta=5 -> FC 2\n")
    status, _, err = run("check", "net.net", body=body)
    assert (status, err.count("error[")) == (1, 1)
    assert "its argument delta raised ZeroDivisionError: division by zero" in err


def test_a_layer_used_often_is_told_once(run: Run) -> None:
    Path("net.net").write_text("INPUT 8 -> ODD -> ODD -> FC 2\nINPUT 8 -> ODD -> FC 2\n")
    err = run("check", "net.net", body="    def shape(self, x):\n        raise ValueError('boom')\n")[2]
    assert err.count("error[") == 1
    assert re.search(rf"its shape raised ValueError: boom \(odd_\d+_0\.py:{HEAD.count(chr(10)) + 2}\)\n", err)


def test_the_mistakes_that_a_layer_tells_of_stay_its_own(run: Run) -> None:
    body = """\
    def shape(self, x):
        if x.channels == 4:
            raise LayerError("shape-mismatch", "four is unlucky", "take five", inputs=True)
        return x

    def warnings(self, x):
        yield LayerError("suspicious-repeat", "odd enough")
"""
    err = run("check", "net.net", body=body)[2]
    assert err.startswith("error[shape-mismatch]: four is unlucky\n")
    Path("net.net").write_text("INPUT 8 -> ODD -> FC 2\n")
    status, _, err = run("check", "net.net", body=body)
    assert (status, err.splitlines()[0]) == (0, "warning[suspicious-repeat]: odd enough")


COMMANDS = ["summary", "explain", "memory", "draw", "diff", "emit", "transform", "compare", "compile"]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("rule", RULES)
def test_no_command_ends_in_a_traceback(run: Run, command: str, rule: str) -> None:
    body = f"    def {rule}({SIGNATURES.get(rule, 'self, *inputs')}):\n        {RULES[rule]}\n"
    further = {"diff": ["net.net"], "transform": ["--convolutional"], "emit": ["--stage", "shaped"]}.get(command, [])
    status, out, err = run(command, "net.net", *further, body=body)
    assert (status, out) == (1, "")
    assert err.count("error[unknown-layer]: ODD of odd_") >= 1


def test_what_fails_with_other_shapes_alone_is_said_too(run: Run) -> None:
    body = """\
    def weights(self, x):
        if x.channels != 4:
            raise ValueError(str(x))
        return ()

    def algebra(self, x):
        return Algebra(windowed=self)
"""
    assert run("check", "net.net", body=body)[0] == 0
    assert run("summary", "net.net", "--input", "8x8x9", body=body)[0] == 0
    Path("net.net").write_text("INPUT 8x8x4 -> ODD -> FC 2\n")
    status, _, err = run("summary", "net.net", "--input", "8x8x9", body=body)
    assert (status, "its weights raised ValueError: 8x8x9 (odd_" in err) == (1, True)


@pytest.mark.parametrize(
    "lower",
    [
        *("raise ValueError('boom')", "return 5", "import no_such_module", "raise NotImplementedError"),
        "import torch\n        return torch.nn.Module.__new__(torch.nn.ReLU)",  # not made by its class
    ],
)
def test_a_module_that_cannot_be_made_is_a_diagnostic(run: Run, lower: str) -> None:
    body = f"    def lower(self, *inputs):\n        {lower}\n"
    assert run("check", "net.net", body=body)[0] == 0
    status, out, err = run("compile", "net.net", body=body)
    assert (status, out) == (1, "")
    assert "error[unknown-layer]: ODD of odd_" in err
    assert "its lower " in err
    assert "--> net.net:3:4" in err
    assert not Path("net.pt").exists()
    with pytest.raises(netdsl.NetError, match="its lower"):
        netdsl.load("net.net").module()


def test_a_module_that_cannot_be_scripted_is_told(run: Run) -> None:
    body = """\
    def lower(self, x):
        import torch

        class Applied(torch.nn.Module):
            def forward(self, x):
                return x.apply_(lambda value: value)

        return Applied()
"""
    status, out, err = run("compile", "net.net", body=body)
    assert (status, out) == (2, "")
    assert err.startswith("error: TorchScript refuses Applied at odd1: ")
    assert not Path("net.pt").exists()


def test_a_module_is_held_against_the_weights_that_the_layer_claims(run: Run) -> None:
    body = """\
    def weights(self, x):
        return (Weight("beta", (3,)),)

    def lower(self, x):
        import torch

        module = torch.nn.ReLU()
        module.beta = torch.nn.Parameter(torch.ones(5))
        return module
"""
    status, _, err = run("compile", "net.net", body=body)
    assert status == 1
    assert "its lower gives a module with beta 5, and its weights say beta 3\n" in err
    assert run("compile", "net.net", body=body.replace("(5)", "(3)"))[0] == 0


def test_layers_lists_the_rest_with_a_warning(run: Run) -> None:
    for body in ("raise ValueError('boom')\n", "    role = 'nonsense'\n", None):
        status, out, err = run("layers", body=body)
        assert status == 0
        assert "CONV" in out
        assert "ODD" not in out
        assert err.startswith("warning: ODD: ")
        assert "odd_" in err
        assert run("layers", "ODD", body=body)[0] == 2
    assert run("layers", "CONV", body="raise ValueError('boom')\n")[0] == 0


def test_a_sound_layer_is_as_it_was(run: Run) -> None:
    status, out, err = run("summary", "net.net", body="    flops_per_output = 5\n")
    assert (status, err) == (0, "")
    assert "ODD beta=2" in out
    row: Any = table.find("ODD")
    layer = row(beta=3)
    assert layer.written == "ODD beta=3"
    assert layer == row(beta=3) != row()
    assert hash(layer) == hash(row(beta=3))
    assert layer.canonical == layer
    assert pickle.loads(pickle.dumps(layer)) == layer
    assert repr(layer) == "Odd(beta=3)"
    assert [one.field for one in arguments_of(row)] == ["beta"]
    assert run("layers", "ODD", body="    flops_per_output = 5\n")[0] == 0
