"""Compiled files from strangers: what only computes runs, from the bytes that were read, and all else is refused."""

from __future__ import annotations

import pickle
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

import netdsl
from netdsl import runtime
from netdsl.runtime import NotCompiledError, UntrustedError
from netdsl.runtime.checked import arguments, operators
from netdsl.runtime.checked.code import RESERVED
from netdsl.runtime.file import opened
from netdsl.runtime.module import reader

VALID = Path(__file__).parent / "programs" / "valid"
KINDS: Mapping[str, Any] = {
    "portable": {},
    "train": {"train": True},
    "cpu": {"target": "cpu"},
    "bf16": {"target": "cpu", "precision": "bf16"},
    "cuda": {"target": "cuda", "precision": "fp16"},
}
TEXT = "INPUT 6x6x3 -> conv: CONV 4 3 -> RELU -> save: FC 2\n"

Members = dict[str, bytes]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that nothing is wrong with."""
    path = tmp_path_factory.mktemp("trust") / "plain.pt"
    netdsl.loads(TEXT, name="plain.net").compile(path)
    return path


@pytest.fixture
def forged(plain: Path, tmp_path: Path) -> Callable[[Callable[[Members], None]], Path]:
    """Makes another file of the plain one's members, which a function changes."""

    def forge(change: Callable[[Members], None]) -> Path:
        with zipfile.ZipFile(plain) as archive:
            members = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
        change(members)
        path = tmp_path / "forged.pt"
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in members.items():
                archive.writestr(f"forged/{name}", data)
        return path

    return forge


def check(path: Path) -> None:
    """Check a file as loading it does first."""
    with opened(path) as compiled:
        reader(compiled, trust=False)


def network(members: Members) -> str:
    """The member with the code of the network itself."""
    return next(name for name, data in members.items() if b"class Network" in data)


def inserted(line: str) -> Callable[[Members], None]:
    """Puts a line before the others of the network's `forward`."""

    def change(members: Members) -> None:
        name = network(members)
        code = members[name].decode()
        first = code.index("    conv = ")
        members[name] = f"{code[:first]}    {line}\n{code[first:]}".encode()

    return change


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "name",
    [
        *("activations", "autoencoder", "convolutions", "devices", "merges", "norms", "normalize", "outputs"),
        *(
            "poolings",
            "poolings_ceil",
            "recurrent",
            "sequences",
            "shaping",
            "shared",
            "signals",
            "tables",
            "transposed",
        ),
        *("vectors", "wavenet"),
    ],
)
def test_what_netdsl_compiles_passes(name: str, kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.pt"
    netdsl.load(VALID / f"{name}.net").compile(path, **KINDS[kind])
    check(path)


def test_products_of_tiles_pass(tmp_path: Path) -> None:
    path = tmp_path / "winograd.pt"
    netdsl.loads("INPUT 32x32x64 -> CONV 64 3 p1 -> RELU -> CONV 64 3 p1").compile(path, target="cpu")
    with zipfile.ZipFile(path) as archive:
        code = b"".join(archive.read(name) for name in archive.namelist() if name.endswith(".py"))
    assert b"out=" in code
    check(path)


@pytest.mark.parametrize("kind", ["portable", "train", "cpu"])
def test_a_checked_module_is_the_one_of_the_file(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "Réseau 1.pt"
    net = netdsl.loads(
        "INPUT 9x9x3 -> a: CONV 8 3 -> BN -> RELU -> b: SOFTMAX\na -> c: FC 3\noutput b, c", name="two.net"
    )
    net.compile(path, **KINDS[kind])
    whole: Any = torch.jit.load(path)
    with opened(path) as compiled:
        checked: Any = reader(compiled, trust=False)(None)
    assert checked.training == whole.training
    state = checked.state_dict()
    assert list(state) == list(whole.state_dict())
    assert all(one.device.type == "cpu" for one in state.values())
    x = torch.randn(2, 3, 9, 9)
    for one, other in zip(checked.eval()(x), whole.eval()(x), strict=True):
        assert torch.equal(one, other)


def test_modules_of_one_reading_share_their_weights(plain: Path) -> None:
    with opened(plain) as compiled:
        read = reader(compiled, trust=False)
        first, second = read(None), read(None)
    pointers = {module.state_dict()["conv.weight"].data_ptr() for module in (first, second)}
    assert len(pointers) == 1


def test_a_file_made_anew_of_its_members_passes(forged: Callable[..., Path]) -> None:
    check(forged(lambda members: None))


def test_bytes_that_change_after_the_check_do_not_run(forged: Callable[..., Path], plain: Path) -> None:
    bad = forged(inserted('torch.save(input1, "stolen")')).read_bytes()
    path = forged(lambda members: None)
    with opened(path) as compiled:
        read = reader(compiled, trust=False)
        with path.open("r+b") as file:
            file.write(bad)
        module: Any = read(None)
    assert "torch.save" not in module.code
    with pytest.raises(UntrustedError):
        check(path)


LINES = [
    'ops.aten.save(input1, "stolen")',
    'torch.save(input1, "stolen")',
    '(input1).save("stolen")',
    'x = torch.from_file("/etc/hostname", False, 4)',
    'x = (input1).from_file("/etc/hostname", False, 4)',
    'x = torch.load("stolen")',
    "x = torch.save",
    "x = ops.aten",
    "x = ops.aten.save",
    'x = getattr(torch, "save")',
    'x = getattr(input1, "save")(input1)',
    'x = (getattr(input1, "save"))("stolen")',
    'x = input1.save\n    y = x("stolen")',
    'x = input1\n    y = x("stolen")',
    'input1("stolen")',
    "x = torch.nn",
    "x = torch.relu.save(input1)",
    'print("x")',
    'x = open("/etc/hostname")',
    'x = eval("1")',
    'x = __import__("os")',
    "x = fork(self, input1)",
    "x = torch.wait(input1)",
    "x = hasattr(self, 'x')",
    "x = isinstance(self, Tensor)",
    "x = ops.prim.ModuleContainer(self)",
    "x = ops.prim.unchecked_unwrap_optional(input1)",
    "x = ops.prim.Print(input1)",
    "x = ops.quantized.add(input1, input1, 1., 1)",
    "x = ops.inductor._alloc_from_pool(input1, 0, 6, [1], [1])",
    "x = ops.profiler._record_function_enter(input1)",
    "x = ops.mkldnn.data(input1)",
    "x = ops.image.read_file(input1)",
    "x = torch.as_strided(input1, [99], [1], 99)",
    "x = torch.set_(input1, input1)",
    "x = torch.resize_(input1, [99])",
    "x = torch.manual_seed(1)",
    "x = torch.set_grad_enabled(True)",
    "x = torch.backward(input1)",
    "x = torch.relu_out(input1, input1)",
    "x = torch.__dict__(input1)",
    "x = __torch__.torch.classes.profiling.InstructionStats()",
    "x = annotate(__torch__.torch.classes.rnn.CellParamsBase, None)",
    "x = annotate(Future[Tensor], input1)",
    "x = annotate(Any, input1)",
    "x = annotate(Storage, input1)",
    "x = annotate(List[Tensor, Tensor], input1)",
    "x = unchecked_cast(Tuple[int, int, int], input1)",
    "x = unchecked_cast(List[Tuple[int, int]], input1)",
    "x = CONSTANTS",
    "x = CONSTANTS.save",
    "x = __torch__",
    "x = undefined",
    "torch = input1",
    "torch.relu = input1",
    "self.conv.weight = input1",
    "input1[0] = 1.0",
    "annotate: Tensor = input1",
    "for range in range(3):\n      pass",
    "x, torch = input1, input1",
    "x = y = input1",
    "x += input1",
    "x = input1 + input1",
    "x = input1 if True else input1",
    "x = [one for one in [1]]",
    "x = (lambda: 1)()",
    "x = (x := 1)",
    "x = f''",
    "x = 1j",
    "x = ...",
    "x = b''",
    "x = 'single'",
    'x = """long"""',
    'x = r"raw"',
    'x = "one" "two"',
    'x = "\\x1b]0;"',
    'x = "é"',
    "é = 1",
    "x = 1  # type: ignore",
    "x = 1; y = 2",
    "x = 1\\\n      + 2",
    "x =\t1",
    "x = 1\x0c",
    "x = 1\r",
    "x = 1\x00",
    "import os",
    "from os import system",
    "with input1:\n      pass",
    "try:\n      pass\n    finally:\n      pass",
    "raise ValueError()",
    "assert True",
    "del input1",
    "global x",
    "def inner():\n      pass",
    "class Inner:\n      pass",
    "while True:\n      pass\n    else:\n      pass",
    "for x in [1]:\n      break",
    "match input1:\n      case 1:\n        pass",
    "return (yield input1)",
    "async def f():\n      pass",
    "x = torch.cat(*[input1])",
    "x = torch.relu(**{})",
    f"x = {'[' * 150}{']' * 150}",
    f"x = {'(' * 5000}{')' * 5000}",
    f"x = input1{'.T' * 500}",
    "if True:\n      pass" + "\n    elif True:\n      pass" * 900,
]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[:40].encode("unicode_escape").decode())
def test_code_that_may_do_more_is_refused(line: str, forged: Callable[..., Path]) -> None:
    path = forged(inserted(line))
    with pytest.raises(UntrustedError, match=r"forged\.pt may do more than compute and is not run: code/__torch__/"):
        check(path)


LSTM = """\
n = torch.size(input1, 0)
    start = torch.zeros([1, n, 5])
    steps = torch.reshape(input1, [torch.size(input1, 2), n, 3])
    w = torch.reshape(input1, [20, 3])
    weights = [w, torch.reshape(input1, [20, 5]), torch.reshape(input1, [20]), torch.reshape(input1, [20])]
    x, y, z = torch.lstm(steps, [start, start], weights, True, 1, 0., False, False, False)"""

UNCHECKED = [
    LSTM.replace("False, False, False)", "False, True, False)"),
    LSTM.replace("False, False, False)", "False, False, True)"),
    LSTM.replace("True, 1, 0.", "False, 1, 0."),
    LSTM.replace("True, 1, 0.", "True, 2, 0."),
    LSTM.replace("[1, n, 5]", "[1, n, 6]"),
    LSTM.replace("[1, n, 5]", "[1, 7, 5]"),
    LSTM.replace("[20, 3]", "[19, 3]"),
    LSTM.replace("n, 3]", "n, 4]"),
    LSTM.replace("torch.size(input1, 2), n, 3", "n, torch.size(input1, 2), 3"),
    LSTM.replace("n = torch.size(input1, 0)", "n = torch.neg(torch.size(input1, 0))"),
    LSTM.replace("start = torch", "n = 7\n    start = torch"),
    LSTM.replace("torch.reshape(input1, [20]), torch", "torch.relu(input1), torch"),
    LSTM.replace("x, y, z", "weights.append(w)\n    x, y, z"),
    LSTM.replace("x, y, z", "v = torch.transpose_(w, 0, 1)\n    x, y, z"),
    LSTM.replace("x, y, z", "v = torch.transpose_(start, 0, 1)\n    x, y, z"),
    LSTM.replace("x, y, z", "steps = input1\n    x, y, z"),
    LSTM.replace("weights, True", "[w], True"),
    LSTM.replace("(steps, [", "(input1, ["),
    "x = torch.sum(input1, dtype=-1)",
    "x = torch.sum(input1, dtype=99)",
    "x = torch.sum(input1, dtype=13)",
    "x = torch.sum(input1, dtype=True)",
    "x = torch.sum(input1, dtype=torch.size(input1, 0))",
    "x = torch.sum(input1, dtype=torch.sum(input1))",
    "x = torch.softmax(input1, 1, 2147483647)",
    "x = torch.softmax(input1, 1, input1)",
    "x = torch.to(torch.zeros([2]), -1, False, False)",
    "x = torch.to(input1, None, False, True)",
    "x = torch.to(input1, dtype=None, copy=True)",
    "none = None\n    x = torch.to(input1, none, False, True)",
    "x = torch.to(input1, ops.prim.device(input1), -1)",
    "x = torch.to(input1, ops.prim.device(input1), input1)",
    "x = torch.to(input1, ops.prim.device(input1), 6, False, False, 9)",
    "x = torch.to(input1, input1, False, False, input1)",
    "x = torch.to(input1, input1, False, False, -1)",
    "x = torch.view(input1, -1)",
    "x = torch.view(input1, torch.size(input1, 0))",
    "x = torch.view(input1, torch.size(input1, dim=0))",
    "x = torch.mm(input1, input1, 99)",
    "x = torch.contiguous(input1, memory_format=4)",
    "x = torch.zeros([2], dtype=6, layout=1)",
    'x = torch.zeros([2], dtype=6, layout=None, device="meta")',
    "x = torch.zeros([2], dtype=6 if True else 7)",
    "kind = 6\n    if True:\n      kind = 77\n    else:\n      pass\n    x = torch.sum(input1, dtype=kind)",
    "kind = 6\n    kind, y = 77, 1\n    x = torch.sum(input1, dtype=kind)",
    "for kind in range(99):\n      x = torch.sum(input1, dtype=kind)",
    "kind = uninitialized(int)\n    x = torch.sum(input1, dtype=kind)",
    "x = torch.sum(input1, dtype=annotate(int, 77))",
    "x = torch.relu(input1, out=input1)",
    "x = torch.matmul(input1, input1, out=input1)",
    "x = torch.lstm(input1, [input1, input1], [], False, 1, 0., False, False, False)",
    "x = ops.mkldnn._reorder_convolution_weight(input1, [0, 0], [0, 1], [1, 1], 1, None)",
    "x = ops.mkldnn._reorder_convolution_weight(input1, [0, 0], [1, 1], [], 1, None)",
    "x = ops.mkldnn._reorder_convolution_weight(input1, [0, 0], [1, 1], [1, 1], 0, None)",
    "steps = [0, 0]\n    x = ops.mkldnn._reorder_convolution_weight(input1, [0, 0], steps, [1, 1], 1, None)",
    'x = ops.mkldnn._linear_pointwise(input1, input1, input1, None, "add")',
    "x = torch.remainder(5, 0)",
    "x = torch.remainder(5, -1)",
    "x = torch.remainder(5, torch.dim(input1))",
    "x = torch.remainder(5, b=0)",
    "zero = 0\n    x = torch.remainder(torch.dim(input1), zero)",
    "x = torch.floordiv(-9223372036854775808, -1)",
    "x = torch.floordiv(torch.numel(input1), torch.dim(input1))",
    "sizes = torch.size(input1)\n    y = torch._set_item(sizes, 0, 1)\n"
    "    x = torch.floordiv(sizes[0], torch.dim(input1))",
]
"""What PyTorch would end the process for, or might."""

CHECKED = [
    LSTM,
    "x = torch.sum(input1, dtype=6)",
    "x = torch.sum(input1, dtype=None)",
    "x = torch.sum(input1, dtype=ops.prim.dtype(input1))",
    "kind = ops.prim.dtype(input1)\n    x = torch.softmax(input1, 1, kind)",
    "x = torch.softmax(input1, 1)",
    "x = torch.sub(input1, input1, out=torch.empty_like(input1))",
    "x = torch.to(input1, 6)",
    "x = torch.to(input1, 6, False, True)",
    "x = torch.to(input1, input1)",
    "x = torch.to(input1, torch.relu(input1), False, True)",
    "x = torch.to(input1, ops.prim.device(input1), ops.prim.dtype(input1))",
    "x = torch.to(input1, dtype=None, layout=None, device=None, pin_memory=None, memory_format=2)",
    'x = torch.zeros([2], dtype=6, layout=0, device="cpu")',
    "x = torch.view(input1, torch.size(input1))",
    "sizes = [torch.size(input1, 0), -1]\n    x = torch.view(input1, sizes)",
    "x = torch.remainder(torch.dim(input1), 2)",
    "x = torch.remainder(input1, torch.sum(input1))",
    "y = torch.mul(input1, 2)\n    x = torch.remainder(2, y)",
    "x = torch.remainder(input1, torch.dim(input1))",
    "x = torch.floordiv(torch.size(input1, 1), torch.dim(input1))",
    "x = torch.floordiv(torch.neg(torch.size(input1, 1)), torch.dim(input1))",
    "x = torch.floordiv((torch.size(input1))[1], torch.dim(input1))",
    "sizes = torch.size(input1)\n    n, c, h, w, = sizes\n    x = torch.floordiv(c, torch.dim(input1))",
]


@pytest.mark.parametrize("line", UNCHECKED)
def test_arguments_that_pytorch_does_not_check_are(line: str, forged: Callable[..., Path]) -> None:
    with pytest.raises(UntrustedError):
        check(forged(inserted(line)))


@pytest.mark.parametrize("line", CHECKED)
def test_arguments_that_are_right_pass_and_run(line: str, forged: Callable[..., Path]) -> None:
    path = forged(inserted(line))
    with opened(path) as compiled:
        module: Any = reader(compiled, trust=False)(None)
    assert module(torch.ones(1, 3, 6, 6)).shape == (1, 2)


def called(function: str, *calls: str) -> Callable[[Members], None]:
    """Adds a function to the network's code, and calls of it."""

    def change(members: Members) -> None:
        name = network(members)
        module = name.removeprefix("code/").removesuffix(".py").replace("/", ".")
        inserted("\n    ".join(one.replace("f(", f"{module}.f(") for one in calls))(members)
        members[name] += function.encode()

    return change


SUM = """\
def f(x: Tensor, kind: Optional[int]=None) -> Tensor:
  kind0 = unchecked_cast(int, kind)
  return torch.sum(x, dtype=kind0)
"""
HALF = "def f(x: Tensor, by: int) -> int:\n  return torch.remainder(torch.dim(x), by)\n"


@pytest.mark.parametrize(
    ("function", "calls"),
    [
        (SUM, ["x = f(input1, 6, )", "y = f(input1, -1, )"]),
        (SUM, ["x = f(input1, kind=77)"]),
        (SUM.replace("=None", "=77"), ["x = f(input1, )"]),
        (HALF, ["x = f(input1, 2, )", "y = f(input1, 0, )"]),
        (HALF, ["x = f(input1, torch.dim(input1), )"]),
    ],
)
def test_parameters_are_what_each_call_gives_them(function: str, calls: list[str], forged: Callable[..., Path]) -> None:
    with pytest.raises(UntrustedError, match=r"may be|hang on"):
        check(forged(called(function, *calls)))


@pytest.mark.parametrize(
    ("function", "calls"),
    [
        (SUM, ["x = f(input1, 6, )", "kind = ops.prim.dtype(input1)", "y = f(input1, kind, )"]),
        (HALF, ["x = f(input1, 2, )", "by = 3", "y = f(input1, by, )"]),
    ],
)
def test_parameters_that_each_call_gives_what_is_right_pass(
    function: str, calls: list[str], forged: Callable[..., Path]
) -> None:
    check(forged(called(function, *calls)))


PACK = "ops.mkldnn._reorder_convolution_weight({0}, [0, 0], [1, 1], [1, 1], 1, None)"
GIVEN = "def g(x: Tensor) -> Tensor:\n  return torch.relu(x)\n"
MADE = f"def f(x: Tensor) -> Tensor:\n  return {PACK.format('x')}\n"


@pytest.mark.parametrize(
    ("function", "calls"),
    [
        ("", [f"w = {PACK.format('input1')}", "x = torch.diag(w)"]),
        ("", [f"w = {PACK.format('input1')}", "v = w", "x = torch.linear(v, input1)"]),
        ("", [f"w = {PACK.format('input1')}", "x = [w]", "y = torch.cat(x)"]),
        ("", [f"w = {PACK.format('input1')}", "for one in [w]:\n      y = torch.relu(one)"]),
        ("", [f"w, y = {PACK.format('input1')}, 1", "x = torch.zero_(w)"]),
        ("", [f"w = {PACK.format('input1')}", "x = w[0]"]),
        ("", [f"w = {PACK.format('input1')}", "x = w.T"]),
        ("", [f"w = {PACK.format('input1')}", "if w:\n      pass\n    else:\n      pass"]),
        ("", [f"w = {PACK.format('input1')}", "x = unchecked_cast(Tensor, w)", "y = torch.diag(x)"]),
        ("", [f"w = {PACK.format('input1')}", "return w"]),
        ("", [f"self.w = {PACK.format('input1')}", "x = torch.diag(self.w)"]),
        ("", [f"self.w = {PACK.format('input1')}", 'x = torch.diag(getattr(self, "w"))']),
        ("", [f"conv = self.conv\n    conv.w = {PACK.format('input1')}", "x = torch.diag(self.w)"]),
        (MADE, ["w = f(input1, )", "x = torch.diag(w)"]),
        (GIVEN.replace("def g", "def f"), [f"x = f({PACK.format('input1')}, )"]),
        (GIVEN.replace("def g", "def f"), [f"x = f(x={PACK.format('input1')})"]),
    ],
)
def test_a_packed_weight_is_given_to_what_reads_it_alone(
    function: str, calls: list[str], forged: Callable[..., Path]
) -> None:
    with pytest.raises(UntrustedError, match="uses a packed weight as a plain one"):
        check(forged(called(function, *calls)))


def test_a_packed_weight_may_be_read(forged: Callable[..., Path]) -> None:
    lines = [f"w = {PACK.format('input1')}", "x = torch.conv2d(input1, w)", "y = torch.diag(torch.to_dense(w))"]
    check(forged(called(MADE, "v = f(input1, )", "z = torch.to_dense(v)", *lines)))


def test_values_that_hang_on_very_many_others_are_refused_soon(forged: Callable[..., Path]) -> None:
    lines = [f"y{at + 1} = torch.mul(y{at}, 1)\n    y{at + 1} = torch.mul(y{at}, 1)" for at in range(60)]
    path = forged(inserted("\n    ".join(["y0 = torch.dim(input1)", *lines, "x = torch.remainder(y60, y60)"])))
    with pytest.raises(UntrustedError, match="hang on too many others"):
        check(path)


def test_every_argument_that_stands_for_a_type_or_an_order_is_known() -> None:
    schemas: Any = torch._C._jit_get_schemas_for_operator  # pyright: ignore[reportPrivateUsage]
    for operator in operators.TORCH:
        for schema in (*schemas(f"aten::{operator}"), *schemas(f"aten::{operator}_")):
            for at, one in enumerate(schema.arguments):
                enumerated = any(kind in str(one.real_type) for kind in ("ScalarType", "Layout", "MemoryFormat"))
                if enumerated or one.name in ("dtype", "out_dtype"):
                    assert one.name in arguments.KEYWORDS, schema
                    places = [place for place, _, _ in operators.NUMBERED.get(operator, ())]
                    assert one.kwarg_only or at in places, schema


def replaced(old: str, new: str) -> Callable[[Members], None]:
    """Writes something else into the network's code, where the old text stands."""

    def change(members: Members) -> None:
        name = network(members)
        assert old in members[name].decode()
        members[name] = members[name].decode().replace(old, new).encode()

    return change


METHOD = "  def save(self: Any, x: str) -> int:\n    return 1\n  def forward("


@pytest.mark.parametrize(
    "change",
    [
        replaced("class Network(Module):", "@torch.save\nclass Network(Module):"),
        replaced("class Network(Module):", "class Network(Module, NamedTuple):"),
        replaced("class Network(Module):", "class Network(Enum):"),
        replaced("class Network(Module):", "class Network:"),
        replaced("class Network(Module):", "class Network(Module, metaclass=Module):"),
        replaced("class Network(Module):", "x = 1\nclass Network(Module):"),
        replaced("class Network(Module):", "class Network(Module):\n  pass\nclass Network(Module):"),
        replaced("  training : bool\n", "  training : bool\n  training : bool\n"),
        replaced("  training : bool\n", "  training : bool\n  print(1)\n"),
        replaced("  training : bool\n", "  training : bool\n  x : Final[int] = torch.save\n"),
        replaced("  training : bool\n", "  training : bool\n  x : Final[os] = 1\n"),
        replaced("  training : bool\n", "  training : __torch__.torch.classes.rnn.CellParamsBase\n"),
        replaced("  def forward(", "  @torch.jit.export\n  def forward("),
        replaced("  def forward(", METHOD.replace(": Any", "")),
        replaced("input1: Tensor)", "input1: Tensor, *more: Tensor)"),
        replaced("input1: Tensor)", "input1: Tensor, torch: Tensor)"),
        replaced("input1: Tensor)", 'input1: Tensor, x: int=torch.save("x"))'),
        replaced("-> Tensor:", "-> torch.save:"),
        lambda members: members.update({"code/__torch__/torch/classes/rnn.py": b"class X(Module):\n  x : int\n"}),
        lambda members: members.update({"code/__torch__/more.py": b"import os\n"}),
        lambda members: members.update({"code/__torch__/more.py": b"op_version_set = 1\n"}),
    ],
)
def test_classes_that_netdsl_does_not_write_are_refused(
    change: Callable[[Members], None], forged: Callable[..., Path]
) -> None:
    with pytest.raises(UntrustedError):
        check(forged(change))


def test_a_method_of_the_file_hides_no_operator(forged: Callable[..., Path]) -> None:
    method = "  def save(self: {0}, x: str) -> int:\n    return 1\n"

    def change(members: Members) -> None:
        name = network(members)
        full = name.removeprefix("code/").removesuffix(".py").replace("/", ".") + ".Network"
        inserted('x = (input1).save("stolen")')(members)
        code = members[name].decode()
        first = code.index("  def forward(")
        members[name] = (code[:first] + method.format(full) + code[first:]).encode()

    with pytest.raises(UntrustedError, match="calls a method save"):
        check(forged(change))


def test_a_function_has_no_name_of_a_builtin(forged: Callable[..., Path]) -> None:
    def change(members: Members) -> None:
        name = network(members)
        module = name.removeprefix("code/").removesuffix(".py").replace("/", ".")
        inserted(f'if False:\n      print = {module}.f\n    else:\n      pass\n    print("x")')(members)
        members[name] += b"def f(x: str) -> int:\n  return 1\n"

    with pytest.raises(UntrustedError, match="calls print"):
        check(forged(change))


def test_a_label_may_be_called_as_an_operator_is(plain: Path) -> None:
    found = runtime.load(plain)(torch.zeros(1, 3, 6, 6))
    assert found.shape == (1, 2)


@pytest.mark.parametrize("name", ["data.pkl", "constants.pkl"])
@pytest.mark.parametrize(
    "data",
    [
        b"cos\nsystem\n(X\x04\x00\x00\x00true\x85R.",
        b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00true\x85R.",
        b"\x80\x02c__torch__.torch.classes.rnn\nCellParamsBase\n)\x81}b.",
        b"\x80\x02ctorch.jit._pickle\nrestore_type_tag\nX\x01\x00\x00\x00a\x85R.",
        b"\x80\x02)R.",
        b"\x80\x02K\x00)R.",
        b"\x80\x02h\x07.",
        b"\x80\x02]0.",
        b"\x80\x02]",
        b"\x80\x02].more",
        b"\x80\x02.",
        b"",
        b"\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x00K\x01.",
        pickle.dumps({"a": {1, 2}}),
        pickle.dumps(2**70, 2),
        b"\x80\x02(" + b"l" * 5,
        b"\x80\x02" + b"]" * 9,
    ],
)
def test_pickles_that_call_or_lack_something_are_refused(name: str, data: bytes, forged: Callable[..., Path]) -> None:
    with pytest.raises(NotCompiledError):
        check(forged(lambda members: members.update({name: data})))


def swapped(old: bytes, new: bytes) -> Callable[[Members], None]:
    """Writes something else into the pickle of the network, once."""

    def change(members: Members) -> None:
        assert old in members["data.pkl"]
        members["data.pkl"] = members["data.pkl"].replace(old, new, 1)

    return change


@pytest.mark.parametrize(
    "change",
    [
        swapped(b"Kl", b"K\xff"),
        swapped(b"torch\nFloatStorage", b"torch\nDoubleStorage"),
        swapped(b"torch\nFloatStorage", b"torch\nStrangeStorage"),
        swapped(b"K\x04K\x03K\x03K\x03t", b"K\x04K\x03K\x03K\x04t"),
        swapped(b"K\x1bK\tK\x03K\x01t", b"K\x1bK\tK\x03K\x09t"),
        swapped(b"storage", b"stirage"),
        swapped(b"X\x03\x00\x00\x00cpu", b"X\x03\x00\x00\x00c:u"),
        swapped(b"Network\n", b"Netwirk\n"),
        swapped(b"\x88", b"N"),
        swapped(b"\x89", b"K\x01"),
        swapped(b"conv", b"canv"),
        lambda members: members.update({"data/0": members["data/0"] + b"\0\0\0\0"}),
        lambda members: members.update({"data/0": members["data/0"][:-4]}),
        lambda members: members.update({"data/9": members.pop("data/0")}),
    ],
)
def test_objects_that_are_not_what_the_code_says_are_refused(
    change: Callable[[Members], None], forged: Callable[..., Path]
) -> None:
    with pytest.raises(NotCompiledError):
        check(forged(change))


@pytest.mark.parametrize(
    "name",
    [
        *("bytecode.pkl", "attributes.pkl", "constants/0", "code/__torch__/a.py.debug_pkl", "code/other.py"),
        *("data/-1", "data/a", "extra/more.txt", ".data/ts_code/code/a.py", "", "a/../b", "code/__torch__.py"),
    ],
)
def test_members_that_netdsl_does_not_write_are_refused(name: str, forged: Callable[..., Path]) -> None:
    with pytest.raises(NotCompiledError):
        check(forged(lambda members: members.update({name: b""})))


@pytest.mark.parametrize("name", ["data.pkl", "constants.pkl", "version", "extra/title.txt", "data/1"])
def test_a_file_without_a_member_is_refused(name: str, forged: Callable[..., Path]) -> None:
    with pytest.raises(NotCompiledError):
        check(forged(lambda members: members.pop(name)))


def _twice(path: Path) -> None:
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("forged/version", b"3")


def _other_folder(path: Path) -> None:
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("other/version", b"3")


def _deflated(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def _before(path: Path) -> None:
    path.write_bytes(b"#!/bin/sh\n" + path.read_bytes())


def _behind(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"more")


def _comment(path: Path) -> None:
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = b"PK\5\6"


def _between(path: Path) -> None:
    data = path.read_bytes()
    at = data.rindex(b"PK\5\6")
    size, start = struct.unpack("<2L", data[at + 12 : at + 20])
    end = data[at : at + 12] + struct.pack("<2L", size, start + 4) + data[at + 20 :]
    path.write_bytes(data[:start] + b"more" + data[start:at] + end)


def _header(offset: int, value: bytes) -> Callable[[Path], None]:
    """Changes the header of the member with the network's code, and leaves the directory as it is."""

    def change(path: Path) -> None:
        data = path.read_bytes()
        at = data.index(b"PK\3\4", data.index(b"PK\3\4") + 4) + offset
        path.write_bytes(data[:at] + value + data[at + len(value) :])

    return change


def _directory(offset: int, value: bytes) -> Callable[[Path], None]:
    """Changes the first entry of the directory."""

    def change(path: Path) -> None:
        data = path.read_bytes()
        at = data.index(b"PK\1\2") + offset
        path.write_bytes(data[:at] + value + data[at + len(value) :])

    return change


LAYOUTS: Mapping[str, Callable[[Path], None]] = {
    "twice": _twice,
    "other folder": _other_folder,
    "deflated": _deflated,
    "before": _before,
    "behind": _behind,
    "comment": _comment,
    "between": _between,
    "header's method": _header(8, b"\x08"),
    "header's sum": _header(14, b"\0\0\0\0"),
    "header's size": _header(22, b"\xff\xff\0\0"),
    "header's flags": _header(6, b"\x01"),
    "directory's method": _directory(10, b"\x09"),
    "directory's flags": _directory(8, b"\x01"),
    "directory's sum": _directory(16, b"\0\0\0\0"),
    "directory's size": _directory(24, b"\xff\xff\0\0"),
    "directory's sizes are large": _directory(20, b"\xff" * 8),
    "directory's place": _directory(42, b"\1\0\0\0"),
    "directory's extra": _directory(30, b"\4\0"),
}


@pytest.mark.parametrize("change", LAYOUTS.values(), ids=list(LAYOUTS))
def test_archives_that_can_be_read_in_two_ways_are_refused(
    change: Callable[[Path], None], forged: Callable[..., Path]
) -> None:
    path = forged(lambda members: None)
    change(path)
    with pytest.raises(NotCompiledError):
        check(path)


@pytest.mark.parametrize(
    ("name", "size"), [("extra/title.txt", 2**21), ("extra/source.net", 2**25), ("code/__torch__/long.py", 2**24)]
)
def test_what_would_be_large_is_not_inflated(name: str, size: int, forged: Callable[..., Path]) -> None:
    path = forged(lambda members: members.pop(name, None))
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"forged/{name}", b" " * size)
    with pytest.raises(NotCompiledError, match="takes"):
        check(path)


class Thief(torch.nn.Module):
    """Writes what it is given into a file."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        torch.ops.aten.save(x, self.path)
        return x.mean([2, 3])


@pytest.fixture
def thief(plain: Path, tmp_path: Path) -> Path:
    """A file that PyTorch wrote, with the texts of a compiled one; it writes `stolen`."""
    with zipfile.ZipFile(plain) as archive:
        texts = {n.partition("extra/")[2]: archive.read(n) for n in archive.namelist() if "extra/" in n}
    texts["outputs.json"] = b'{"save": [3]}'
    script: Any = torch.jit.script(Thief(str(tmp_path / "stolen")))
    script.save(tmp_path / "thief.pt", _extra_files=texts)
    return tmp_path / "thief.pt"


def test_a_thief_is_not_loaded_unless_trusted(thief: Path) -> None:
    with pytest.raises(NotCompiledError):
        runtime.load(thief)
    assert not (thief.parent / "stolen").exists()
    runtime.load(thief, trust=True)
    assert (thief.parent / "stolen").exists()


@pytest.mark.parametrize("label", sorted({name.lower() for name in RESERVED} | {"aten", "fork", "print"}))
def test_what_code_speaks_of_may_be_a_label(label: str, tmp_path: Path) -> None:
    text = f"{label}: INPUT 4x4x2 -> x: (CONV 2 1 -> {label}: CONV 2 1 -> {label}())\n"
    text += f"[ {label} | x ] -> ADD -> y: ({label}: FC 2 -> RELU) -> unchecked: (cast: SCALE -> TANH)\noutput x, y\n"
    for number, kind in enumerate((KINDS["portable"], KINDS["cpu"])):
        path = tmp_path / f"{number}.pt"
        netdsl.loads(text).compile(path, **kind)
        with opened(path) as compiled:
            module: Any = reader(compiled, trust=False)(None)
        assert [one.shape[1] for one in module(torch.zeros(1, 2, 4, 4))] == [2, 2]
