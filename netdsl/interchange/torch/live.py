"""A module as a program, by torch.export: in inference, with the sizes of an example."""

from __future__ import annotations

import linecache
import logging
import os
import re
import sys
import traceback
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, suppress
from io import StringIO
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, fx, nn
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, OutputKind, TensorArgument

from netdsl.interchange.flat import ForeignError, ForeignMistake, at_node, converted
from netdsl.interchange.torch.file import operator_name
from netdsl.interchange.torch.program import Call, Program, Ref, Value, computed_in, inlined, scope_of
from netdsl.layers.shape import Shape
from netdsl.runtime import parser, private
from netdsl.runtime.quiet import quiet
from netdsl.text.diagnostic import Diagnostic
from netdsl.text.fit import listed
from netdsl.text.source import Source, Span

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROOM = 2**33
"""Bytes for constants of a module, which is no stranger's: windows over a video have masks of 80 MB each."""
_LEFT_OUT = ("StochasticDepth", "DropPath", "DropBlock2d", "DropBlock3d")
"""Classes of modules that do nothing in inference, and leave no trace in a program."""


_HALVES = (torch.bfloat16, torch.float16)
_SCRIPTED = "it is TorchScript"
_QUANTISED = "it is quantised, and a program is in single precision"
_MADE_OF = (_SCRIPTED, _QUANTISED)
_BRANCH = "which way it takes depends on values that flow, and a program has one way"


class NoExport(ForeignMistake, code="unknown-layer"):
    """A module that torch.export cannot follow."""

    kind: str
    why: str
    taken: str = ""
    """The sizes that were said of its inputs, in words."""
    words = "torch.export cannot follow {kind}: {why}"

    def help(self) -> str:
        tells = "torch.export.export(module.eval(), inputs) tells more"
        if self.why == _BRANCH:
            return "take the condition out of forward, or give a module that always goes the way that is meant"
        if self.why in _MADE_OF:
            return "give the module that it was made of"
        if "LazyModule" in self.why:
            return "call it once on an example, so that its sizes are known"
        if re.search("missing .*argument", self.why):
            return "give the size of each input: from_torch(module, (224, 224, 3), (10,))"
        if re.search("indices|Long", self.why):
            return "what flows here is no whole numbers: let the module begin with what its embedding gives"
        last = "sizes have channels last and no batch, as (224, 224, 3)"
        sized = self.taken and re.search("size|shape|dimension|channels", self.why)
        if not self.taken and re.search(r"\b[1-5]D\b.*\b[1-5]D\b", self.why):
            return f"a tensor has its batch first, as torch.randn(1, 3, 224, 224); {tells}"
        return f"{last}: these are {self.taken} to PyTorch; {tells}" if sized else tells


def read(module: nn.Module, inputs: Sequence[Tensor | Shape], batches: Sequence[int] = (2, 1)) -> Program:
    """The program of a module for examples of its inputs, or for their sizes. Raises ForeignError.

    Of sizes an example has the first of some batches, and channels first, with which the module runs, or else channels
    last, as sequences have them; one example alone would be taken for an axis like others. The module is as it was in
    the end, in training or not; nothing of it is copied.
    """
    kind = type(module).__name__
    if why := _other(module):
        raise ForeignError([Diagnostic(NoExport(kind, why), at_node(kind, "", kind))])
    sizes = [one for one in inputs if isinstance(one, Shape) and one.rank]
    first: Exception | None = None
    with _in_inference(module):
        fixed = all(isinstance(one, Tensor) for one in inputs)
        for last, batch in product((False, True) if sizes else (False,), batches[:1] if fixed else batches):
            try:
                made = _exported(module, inputs, batch, last)
            except Exception as error:  # whatever the module's own code raises
                first = first or error
            else:
                return program(made, kind, tuple(_left_out(module)))
    assert first is not None
    why = _BRANCH if "data-dependent" in str(first) else str(first).strip().partition("\n")[0].rstrip(".")
    taken = listed(["x".join(map(str, ("N", one.channels, *one.spatial))) for one in sizes], " and ")
    mistake = NoExport(kind, why or type(first).__name__, taken)
    raise ForeignError([Diagnostic(mistake, _line(first) or at_node(kind, "", kind))]) from first


def within(module: nn.Module) -> nn.Module:
    """A module without what only runs it: torch.compile, or on several devices."""
    several = isinstance(module, nn.DataParallel | nn.parallel.DistributedDataParallel)
    inner: Any = getattr(module, "module" if several else "_orig_mod", None)
    return within(inner) if isinstance(inner, nn.Module) else module


def _other(module: nn.Module) -> str:
    """Why a module is none that is followed, though it runs; "" for others."""
    if isinstance(module, torch.jit.ScriptModule):
        return _SCRIPTED
    return _QUANTISED if any(".quantized" in type(one).__module__ for one in module.modules()) else ""


def outputs(module: nn.Module, inputs: Sequence[Tensor]) -> list[Tensor]:
    """What a module gives in inference for inputs, which come to where its weights are, and are of their kind."""
    like = _like(module)
    with _in_inference(module), torch.no_grad():
        found: Any = module(*[one.to(like) for one in inputs])
    return [one for one in private.leaves(found) if isinstance(one, Tensor)]


def _exported(module: nn.Module, inputs: Sequence[Tensor | Shape], batch: int, last: bool = False) -> ExportedProgram:
    """A module's program, for so many examples where sizes alone are given, with channels first or last."""
    examples = tuple([one if isinstance(one, Tensor) else _example(module, one, batch, last) for one in inputs])
    said = StringIO()  # of what fails, torch.export prints the whole graph before it raises
    with parser.TURN, quiet("torch.export", logging.ERROR), torch.no_grad(), redirect_stderr(said):
        made = torch.export.export(module, examples, strict=False)
    sys.stderr.write(said.getvalue())
    return made


def _line(error: Exception) -> Span | None:
    """The line of the user's own code at which an error came up; None where there is none."""
    theirs = [f"{folder}{os.sep}" for folder in (Path(nn.__file__).parents[1], Path(__file__).parents[2])]
    python = str(Path(os.__file__).parent)
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        lines = linecache.getlines(frame.filename)
        own = not frame.filename.startswith(python) or "site-packages" in frame.filename
        if lines and frame.lineno and own and not any(map(frame.filename.startswith, theirs)):
            source = Source("".join(lines), frame.filename)
            start = source.line_starts[frame.lineno - 1]
            line = source.line(frame.lineno)
            return Span(source, start + len(line) - len(line.lstrip()), start + len(line.rstrip()))
    return None


def _example(module: nn.Module, shape: Shape, batch: int, last: bool) -> Tensor:
    """An input of a size, where the module's own weights are and of their kind."""
    like = _like(module)
    dims = shape.dims if last else (shape.channels, *shape.spatial)
    return torch.zeros(batch, *dims, device=like.device, dtype=like.dtype)


def _like(module: nn.Module) -> Tensor:
    """A tensor that tells where a module's weights are, and of what kind."""
    return next((one for one in module.parameters() if one.is_floating_point()), torch.empty(0))


@contextmanager
def _in_inference(module: nn.Module) -> Generator[None]:
    """A module in inference, whose attentions are written out; afterwards each part is as it was."""
    modes = [(one, one.training) for one in module.modules()]
    fast = torch.backends.mha.get_fastpath_enabled()
    with suppress(NotImplementedError):  # of what torch.export made, which has one mode
        module.eval()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        for one, mode in modes:
            one.training = mode


def _left_out(module: nn.Module) -> Iterator[str]:
    """What is told of parts that do nothing in inference, and of weights that are no float32."""
    for kind, count in Counter(type(one).__name__ for one in module.modules()).items():
        if kind in _LEFT_OUT:
            yield f"{kind}, {count} times, does nothing in inference and is left out: DROPPATH says it for training"
    kinds = {str(one.dtype).removeprefix("torch.") for one in module.parameters() if one.is_floating_point()}
    if kinds := sorted(kinds - {"float32"}):
        yield converted(kinds)


def program(made: ExportedProgram, title: str, notes: tuple[str, ...] = ()) -> Program:
    """A program of torch.export as plain values; sizes that are open are those of its example."""
    signature, graph = made.graph_signature, made.graph
    tensors: dict[str, Tensor] = {}
    paths: dict[str, str] = {}
    learned: set[str] = set()
    inputs: list[str] = []
    for spec in signature.input_specs:
        if spec.kind is InputKind.USER_INPUT:
            if isinstance(spec.arg, TensorArgument):
                inputs.append(spec.arg.name)
        elif spec.target is not None and isinstance(spec.arg, TensorArgument):
            found = made.state_dict.get(spec.target)
            found = made.constants.get(spec.target) if found is None else found
            assert isinstance(found, Tensor)
            tensors[spec.arg.name], paths[spec.arg.name] = found, spec.target
            if spec.kind is InputKind.PARAMETER:
                learned.add(spec.arg.name)
    around = [one for node in graph.nodes if not hasattr(node.target, "_schema") for one in node.args]
    given = {str(one).removeprefix("torch.") for one in around if one in _HALVES}
    notes = (*notes, computed_in(sorted(given))) if given else notes
    owners: dict[object, str] = {}
    shared: dict[str, str] = {}
    for name, one in tensors.items():
        if one.device.type == "meta":
            continue
        key = (one.data_ptr(), tuple(one.shape), tuple(one.stride())) if one.numel() else name
        owner = owners.setdefault(key, name)
        if owner != name:
            shared[name] = owner
    calls, dims = _calls(made.graph_module)
    for node in graph.nodes:
        if node.op == "get_attr" and isinstance(value := getattr(made.graph_module, str(node.target), None), Tensor):
            tensors[node.name] = value
    dims |= {name: tuple(one.shape) for name, one in tensors.items()}
    parts = {node.name: _value(node) for node in graph.nodes if node.op == "call_function"}
    outputs: list[tuple[str, str]] = []
    user = [spec.arg for spec in signature.output_specs if spec.kind is OutputKind.USER_OUTPUT]
    for name, arg in zip(_keys(made, len(user)), user, strict=True):
        if isinstance(arg, TensorArgument):
            value = parts.get(arg.name)
            outputs.append((name, value.name if isinstance(value, Ref) else arg.name))
    return Program(
        title,
        f"PyTorch: {title}",
        title,
        tuple(calls),
        tuple(inputs),
        tuple(outputs),
        dims,
        {name: _array(one) for name, one in tensors.items()},
        paths,
        shared,
        missing=frozenset(name for name, one in tensors.items() if one.device.type == "meta"),
        parameters=frozenset(learned),
        notes=notes,
        room=_ROOM,
    )


def _calls(module: fx.GraphModule) -> tuple[list[Call], dict[str, tuple[int, ...]]]:
    """The calls of a graph, those of graphs within it that it runs as they are among them, and the sizes of tensors."""
    calls: list[Call] = []
    dims: dict[str, tuple[int, ...]] = {}
    for node in module.graph.nodes:
        if node.op == "placeholder" and isinstance(node.meta.get("val"), Tensor):
            dims[node.name] = _sizes(node.meta["val"])
        elif node.op == "call_function" and (gives := _outputs(node)):
            call = _call(node, tuple(gives))
            dims.update({name: _sizes(one) for name, one in gives.items() if one is not None})
            graphs = [one for one in node.args if isinstance(one, fx.Node) and one.op == "get_attr"]
            inner = [getattr(module, str(one.target), None) for one in graphs]
            if len(inner) == 1 and isinstance(inner[0], fx.GraphModule):
                given = list(map(_value, node.args[node.args.index(graphs[0]) + 1 :]))
                calls += _within(call, inner[0], [one.name for one in given if isinstance(one, Ref)], dims)
            else:
                calls.append(call)
    return calls, dims


def _within(call: Call, module: fx.GraphModule, given: list[str], dims: dict[str, tuple[int, ...]]) -> Iterator[Call]:
    """The calls of a graph that one runs as it is."""
    calls, sizes = _calls(module)
    dims.update({f"{call.name}.{name}": size for name, size in sizes.items()})
    reads = [node.name for node in module.graph.nodes if node.op == "placeholder"]
    (last,) = [node for node in module.graph.nodes if node.op == "output"]
    results = cast("Sequence[object]", last.args[0] if isinstance(last.args[0], list | tuple) else last.args)
    gives = [one.name for one in map(_value, results) if isinstance(one, Ref)]
    return inlined(call, calls, reads, gives, given)


def _keys(made: ExportedProgram, count: int) -> list[str]:
    """What a module calls its outputs where it gives a dictionary of them; "" elsewhere."""
    found = private.names(made.call_spec.out_spec)
    return found if len(found) == count else [""] * count


def _array(tensor: Tensor) -> NDArray[Any]:
    """The values of a tensor, without a copy where they lie in memory; zeros for what has none."""
    import numpy as np

    if tensor.device.type == "meta":
        plain = torch.zeros((), dtype=torch.float32 if tensor.is_floating_point() else tensor.dtype)
        return np.broadcast_to(plain.numpy(), tuple(tensor.shape))
    plain = tensor.detach().cpu()
    if plain.dtype in _HALVES:
        plain = plain.float()
    return plain.numpy()


def _sizes(tensor: Tensor) -> tuple[int, ...]:
    return tuple([_number(size) for size in tensor.shape])


def _number(size: int | torch.SymInt) -> int:
    """A size; of one that is open, that of the example."""
    return size if isinstance(size, int) else int(cast("Any", size).node.hint)


def _outputs(node: fx.Node) -> dict[str, Tensor | None]:
    """What a call gives, by the names under which others read it; none where it gives no tensor."""
    import operator

    value: Any = node.meta.get("val")
    if node.target is operator.getitem:
        return {}
    if isinstance(value, Tensor):
        return {node.name: value}
    if node.target is private.operator("item").default:
        return {node.name: torch.empty(())}
    several = cast("Sequence[object]", value) if isinstance(value, list | tuple) else ()
    found = {f"{node.name}:{at}": one if isinstance(one, Tensor) else None for at, one in enumerate(several)}
    return found if any(one is not None for one in found.values()) else {}


def _call(node: fx.Node, outputs: tuple[str, ...]) -> Call:
    target = node.target
    schema = getattr(target, "_schema", None)
    names = [one.name for one in schema.arguments] if schema is not None else []
    arguments = {names[at] if at < len(names) else str(at): _value(one) for at, one in enumerate(node.args)}
    arguments |= {name: _value(one) for name, one in node.kwargs.items()}
    stack: dict[str, Any] = node.meta.get("nn_module_stack") or {}
    scope = scope_of([(str(path), _class(kind)) for path, kind in stack.values()])
    name = operator_name(str(target) if str(target).count(".") > 1 or schema is None else f"aten.{target}")
    if schema is not None:
        package, _, plain = schema.name.partition("::")
        name = plain if package == "aten" else f"{package}.{plain}"
    return Call(name, arguments, outputs, node.name, scope)


def _class(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) else str(kind)


def _value(value: Any) -> Value:
    """What an argument is."""
    import operator

    match value:
        case fx.Node():
            known = value.meta.get("val")
            if isinstance(known, torch.SymInt | int):
                return _number(known)
            if value.target is operator.getitem:
                source, at = value.args
                assert isinstance(source, fx.Node)
                return Ref(f"{source.name}:{at}")
            return Ref(value.name)
        case None | bool() | int() | float() | str():
            return value
        case torch.SymInt():
            return _number(value)
        case list() | tuple():
            return tuple([_value(one) for one in cast("Sequence[object]", value)])
        case torch.dtype():
            return str(value).removeprefix("torch.")
        case torch.device():
            return value.type
        case _:
            return f"<{type(value).__name__}>"
