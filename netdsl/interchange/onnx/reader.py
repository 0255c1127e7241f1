"""ONNX files as primitives: operators with their names and scopes, constants, and the sizes that the file states."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from graphlib import CycleError
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from netdsl.interchange.flat import MOST_SCOPES, ForeignError, ForeignMistake, at_node, most
from netdsl.interchange.mistakes import NoInput
from netdsl.interchange.onnx import tensors, upgrade
from netdsl.interchange.onnx.functions import Endless, Functions, Scope
from netdsl.interchange.primitives import Branch, Dims, Operator, Primitives, Tensor, alive, ordered
from netdsl.layers.shape import Shape
from netdsl.text.diagnostic import Diagnostic
from netdsl.text.fit import listed

if TYPE_CHECKING:
    from netdsl.text.mistake import Mistake

PACKAGES = ("onnx",)
"""What reads such files, and is optional."""
MOST_BYTES = 2**31 - 1
"""Bytes of a file, as protobuf has it."""
MOST_OPERATORS = 200_000
_OWN = ("", "ai.onnx")
"""ONNX's own operators, by the names of their domain."""
_NAMELESS = frozenset(
    (
        *("", "g", "graph", "main_graph", "torch_jit", "torch-jit-export", "tf2onnx", "model", "cntkgraph"),
        *("paddle-onnx", "model from paddlepaddle."),
    )
)
"""What writers call any graph."""


class NoModel(ForeignMistake, code="syntax-error"):
    file: str
    why: str
    words = "{file} is no ONNX model: {why}"


class NoTensor(ForeignMistake, code="syntax-error"):
    name: str
    why: str
    words = "the tensor {name} cannot be read: {why}"


class ManyOperators(ForeignMistake, code="limit-exceeded"):
    count: int
    most: int
    words = "the file has {count:,} operators, and {most:,} are read at most"


class EndlessFunctions(ForeignMistake, code="limit-exceeded"):
    most: int
    words = "the functions of the file have more than {most:,} operators where they are called, or call themselves"


class NoSize(ForeignMistake, code="missing-argument"):
    name: str
    open: Sequence[int]
    option: str

    def message(self) -> str:
        axes = listed(list(map(str, self.open)), " and ")
        several = f"sizes of axes {axes}" if len(self.open) > 1 else f"size of axis {axes}"
        return f"the file leaves the {several if self.open else 'size'} of its input {self.name} open"

    def help(self) -> str:
        return f"say them all: --input {self.name}={self.option}, sizes first and channels last"


class OtherRank(ForeignMistake, code="rank-mismatch"):
    name: str
    given: Shape
    axes: int
    words = "{given} was given for the input {name}, which has {axes} axes beside the batch"
    advice = "say as many sizes, channels last"


def read(path: Path, sizes: Mapping[str, Shape] | None = None) -> Primitives:
    """The network of a file; `sizes` says those of inputs that it leaves open, by name ("" for the one).

    Raises ForeignError, OSError where the file cannot be read, and ModuleNotFoundError where PACKAGES are not there.
    """
    onnx: Any = import_module("onnx")
    wrong: Any = import_module("google.protobuf.message").DecodeError
    if (size := path.stat().st_size) > MOST_BYTES:
        why = f"it has {size:,} bytes, and such a file {MOST_BYTES:,} at most, with more weights in another beside it"
        raise _error(path.name, NoModel(path.name, why))
    try:
        model: Any = onnx.load_model_from_string(path.read_bytes())
    except (wrong, ValueError, RuntimeError, RecursionError):
        raise _error(path.name, NoModel(path.name, "it is no such file, or is damaged")) from None
    if not _worded(model):
        raise _error(path.name, NoModel(path.name, "its names are no text in UTF-8"))
    return _Reading(model, path.name, path.parent, sizes or {}).primitives()


def _worded(message: Any) -> bool:
    """Whether all texts of a message are ones; protobuf gives bytes for those that are not UTF-8."""
    for field, value in message.ListFields():
        if field.type == field.TYPE_MESSAGE:
            several = value if field.is_repeated else (value,)
            if not all(map(_worded, several)):
                return False
        elif field.type == field.TYPE_STRING:
            several = value if field.is_repeated else (value,)
            if any(isinstance(one, bytes) for one in several):
                return False
    return True


def _error(file: str, mistake: Mistake, name: str = "") -> ForeignError:
    return ForeignError([Diagnostic(mistake, at_node(file, name, name or file))])


class _Reading:
    """A model while primitives are made of it."""

    def __init__(self, model: Any, file: str, folder: Path | None, sizes: Mapping[str, Shape]) -> None:
        self.model, self.graph, self.file, self.folder, self.sizes = model, model.graph, file, folder, sizes
        self.constants: dict[str, Tensor] = {}
        self.missing: set[str] = set()
        self.elsewhere: dict[str, None] = {}
        """The files that are not there of which there are weights."""
        self.opset = next((one.version for one in model.opset_import if one.domain in _OWN), 1)
        self.errors: list[Diagnostic] = []
        self.functions = Functions(model, MOST_OPERATORS)
        self.count = 0

    def primitives(self) -> Primitives:
        """All that the file says."""
        graph = self.graph
        if not graph.node:
            raise _error(self.file, NoModel(self.file, "it has no operators"))
        if not graph.output:
            raise _error(self.file, NoModel(self.file, "it has no outputs"))
        if len(graph.node) > MOST_OPERATORS:
            raise _error(self.file, ManyOperators(len(graph.node), MOST_OPERATORS))
        for tensor in graph.initializer:
            self.constant(tensor.name, tensor)
        self.named([one.name for one in graph.input if one.name not in self.constants])
        inputs = {one.name: self.input(one) for one in graph.input if one.name not in self.constants}
        try:
            found = list(self.operators(graph.node))
        except Endless:
            raise _error(self.file, EndlessFunctions(MOST_OPERATORS)) from None
        self.each_once(found)
        try:
            operators = alive(ordered(found), [one.name for one in graph.output])
        except CycleError as error:
            around = found[cast("list[int]", error.args[1])[0]]
            name = around.name or around.outputs[0]
            raise _error(
                self.file, NoModel(self.file, f"what {around.kind} at {name} gives flows back into it")
            ) from None
        if self.errors:
            raise ForeignError(self.errors)
        dims = self.stated(inputs)
        gone = listed([name or "another file" for name in self.elsewhere])
        notes = [f"there are weights in {gone}, and no such file in its folder"] * bool(gone)
        if self.model.training_info:
            notes.append("how the file says it is trained is passed over")
        read = {name for one in operators for name in one.inputs} | {one.name for one in graph.output}
        if unread := [name for name in inputs if name not in read]:
            notes.append(f"no output follows from its input{'s' * (len(unread) > 1)} {listed(unread, ' and ')}")
        if left := len(found) - len(operators):
            notes.append(f"no output follows from {left:,} of its operators")
        return Primitives(
            Path(self.file).stem if graph.name.lower() in _NAMELESS else graph.name,
            f"ONNX: {self.file}",
            self.file,
            operators,
            inputs,
            tuple((one.name, one.name) for one in graph.output),
            dims,
            self.constants,
            missing=frozenset(self.missing),
            notes=tuple(notes),
        )

    def named(self, inputs: Sequence[str]) -> None:
        """Note sizes that are given for what is no input, or for one of several that is not named."""
        for name in self.sizes:
            if name not in inputs and (name or len(inputs) > 1):
                self.errors.append(Diagnostic(NoInput(name, tuple(inputs)), at_node(self.file, "", self.file)))

    def each_once(self, operators: Sequence[Operator]) -> None:
        """Raise ForeignError where several operators give one value, or nothing gives an output."""
        given = Counter(name for one in operators for name in one.outputs if name)
        if several := next((name for name, count in given.items() if count > 1), ""):
            raise _error(self.file, NoModel(self.file, f"several operators give {several}"), several)
        known = (given, self.constants, {one.name for one in self.graph.input})
        for one in self.graph.output:
            if not any(one.name in names for names in known):
                raise _error(self.file, NoModel(self.file, f"nothing gives its output {one.name}"), one.name)

    def constant(self, name: str, tensor: Any) -> None:
        """Keep the values of a tensor, or its sizes where they are not to be had."""
        import numpy as np

        try:
            values = tensors.array(tensor, self.folder)
            if values is None:
                self.missing.add(name)
                self.elsewhere[next((one.value for one in tensor.external_data if one.key == "location"), "")] = None
                values = np.broadcast_to(np.float32(0), tensors.dims(tensor))
            self.constants[name] = values
        except tensors.TensorError as error:
            self.errors.append(Diagnostic(NoTensor(name, str(error)), at_node(self.file, name, name)))
            self.constants[name] = np.zeros(0, np.float32)

    def input(self, value: Any) -> Dims:
        """The sizes of an input, where those that are left open are given; the batch is 1 where it is open."""
        found = [one.dim_value if one.HasField("dim_value") else 0 for one in value.type.tensor_type.shape.dim]
        given = self.sizes.get(value.name) or (self.sizes.get("") if len(self.sizes) == 1 else None)
        if given is not None:
            if found and len(found) != given.rank + 2:
                mistake = OtherRank(value.name, given, len(found) - 1)
                self.errors.append(Diagnostic(mistake, at_node(self.file, value.name, value.name)))
                return ()
            last = len(found) > 2 and found[-1] == given.channels != found[1]
            found = [*found[:1], *given.dims] if last else [*(found[:1] or [0]), given.channels, *given.spatial]
        elif not value.type.tensor_type.HasField("shape"):
            unsaid = NoSize(value.name, (), "224x224x3")
            self.errors.append(Diagnostic(unsaid, at_node(self.file, value.name, value.name)))
        found[:1] = [found[0] if found and found[0] > 0 else 1]
        if left := tuple([axis for axis, size in enumerate(found) if size <= 0]):
            guesses = [size if size > 0 else 224 if axis > 1 else 3 for axis, size in enumerate(found)]
            option = "x".join(map(str, (*guesses[2:], *guesses[1:2])))
            self.errors.append(Diagnostic(NoSize(value.name, left, option), at_node(self.file, value.name, value.name)))
        if most(found):
            raise _error(self.file, NoModel(self.file, f"the sizes of {value.name} are those of no network"))
        return tuple(found)

    def operators(self, nodes: Any) -> Iterator[Operator]:
        """The operators of a graph; what says a constant is one, and no operator."""
        for node, around in self.functions.written_out(nodes):
            if node.op_type == "Constant" and node.domain in _OWN:
                self.said(node)
            elif any(node.output):
                yield self.operator(node, around)

    def operator(self, node: Any, around: Scope) -> Operator:
        """A node, as opset 13 and later have it."""
        self.count += 1
        attributes, given = self.attributes(node), list(node.input)
        kind = node.op_type if node.domain in _OWN else f"{node.domain}.{node.op_type}"
        upgrade.called(kind, attributes)
        for at, name in upgrade.attributes_as_inputs(kind, len(given), attributes):
            given += [""] * (at - len(given))
            given.append(self.from_attribute(f"{self.count}.{name}", attributes.pop(name)))
        for one in attributes.values():
            given += one.reads if isinstance(one, Branch) else ()
        kind = upgrade.renamed(kind, self.opset, attributes)
        return Operator(kind, tuple(given), tuple(node.output), attributes, node.name, (*around, *_scope(node)))

    def branch(self, graph: Any) -> Branch:
        """What an If may do."""
        for tensor in graph.initializer:
            self.constant(tensor.name, tensor)
        operators = tuple(self.operators(graph.node))
        made = {name for one in operators for name in one.outputs}
        outputs = tuple([one.name for one in graph.output])
        read = dict.fromkeys([name for one in operators for name in one.inputs] + [*outputs])
        return Branch(operators, outputs, tuple([name for name in read if name and name not in made]))

    def said(self, node: Any) -> None:
        """A Constant: a tensor, or numbers."""
        import numpy as np

        for one in node.attribute:
            if one.name == "value" and node.output:
                self.constant(node.output[0], one.t)
            elif one.name.startswith("value_") and node.output:
                values = one.i if one.name == "value_int" else one.f if one.name == "value_float" else None
                several = list(one.ints) or list(one.floats)
                kind = np.int64 if "int" in one.name else np.float32
                self.constants[node.output[0]] = np.asarray(several if values is None else values, kind)

    def attributes(self, node: Any) -> dict[str, Any]:
        """What an operator's attributes are: numbers, texts, lists of numbers, tensors."""
        kinds: Any = import_module("onnx").AttributeProto
        found: dict[str, Any] = {}
        for one in node.attribute:
            match one.type:
                case kinds.INT:
                    found[one.name] = one.i
                case kinds.FLOAT:
                    found[one.name] = one.f
                case kinds.STRING:
                    found[one.name] = one.s.decode("utf-8", "replace")
                case kinds.INTS:
                    found[one.name] = tuple(one.ints)
                case kinds.FLOATS:
                    found[one.name] = tuple(one.floats)
                case kinds.STRINGS:
                    found[one.name] = tuple([text.decode("utf-8", "replace") for text in one.strings])
                case kinds.TENSOR:
                    name = f"{node.output[0] if node.output else node.name}.{one.name}"
                    self.constant(name, one.t)
                    found[one.name] = self.constants.pop(name)
                case kinds.GRAPH if node.op_type == "If":
                    found[one.name] = self.branch(one.g)
                case _:
                    found[one.name] = None
        return found

    def from_attribute(self, name: str, value: Any) -> str:
        """The name of a constant with an attribute's value."""
        import numpy as np

        found = np.asarray(value)
        self.constants[name] = found.astype(np.int64 if found.dtype.kind in "iub" else np.float32)
        return name

    def stated(self, inputs: Mapping[str, Dims]) -> dict[str, Dims]:
        """The sizes of values that the file states itself, of inputs as they are there.

        ONNX's own inference is not asked: on damaged files it ends the whole process.
        """
        found = dict(inputs)
        if self.sizes:
            return found
        for one in (*self.graph.value_info, *self.graph.output):
            sizes = one.type.tensor_type.shape.dim
            if len(sizes) and all(size.dim_value > 0 for size in sizes):
                dims = tuple([size.dim_value for size in sizes])
                if not most(dims):
                    found[one.name] = dims
        return found


def _scope(node: Any) -> tuple[tuple[str, str], ...]:
    """The modules around a node: as PyTorch's exporter wrote them beside it, or as its name has them.

    `pkg.torch.onnx.name_scopes` is a list of full names, and `…class_hierarchy` one of classes; a node's name is
    `/layer1/layer1.0/conv1/Conv`, or `layer1/0/conv1` with slashes.
    """
    said = {one.key: one.value for one in node.metadata_props}
    names = _texts(said.get("pkg.torch.onnx.name_scopes", ""))
    if names:
        classes = _texts(said.get("pkg.torch.onnx.class_hierarchy", ""))
        found: list[tuple[str, str]] = []
        before = ""
        for number, full in enumerate(names[:-1][:MOST_SCOPES]):
            if full:
                kind = classes[number].rpartition(".")[2] if number < len(classes) else ""
                found.append((full.removeprefix(f"{before}."), kind))
                before = full
        return tuple(found)
    parts = [part for part in node.name.split("/") if part][:-1][:MOST_SCOPES]
    short = [part.removeprefix(f"{before}.") for before, part in zip(["", *parts], parts, strict=False)]
    return tuple([(part, "") for part in short])


def _texts(text: str) -> list[str]:
    """A list of texts as Python writes it; [] where it is none."""
    if not text or len(text) > 10_000:
        return []
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return []
    return [str(one) for one in cast("list[object]", value)] if isinstance(value, list) else []
