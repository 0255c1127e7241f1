"""The whole text of a network's source."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from netdsl import files
from netdsl.compile.errors import SourceError
from netdsl.compile.inits import DEFAULT
from netdsl.compile.plan import Plan
from netdsl.compile.source import forward, helpers, seeding
from netdsl.compile.source.classes import Writer, flatten_name
from netdsl.compile.source.formulas import name
from netdsl.compile.source.layout import WIDTH, Code, call, lines
from netdsl.compile.source.parameters import Class, shown
from netdsl.compile.source.scopes import Builder, Scope
from netdsl.graph import outline
from netdsl.graph.evaluate import NodeRef
from netdsl.layers import guard
from netdsl.layers.shape import Shape
from netdsl.measure.summary import Summary
from netdsl.text import safe
from netdsl.text.source import stem


def write(plan: Plan, path: Path, seed: int, init: str = DEFAULT) -> None:
    """Write the source of a plan's network, whose weights are those of a seed. Raises SourceError and OSError."""
    files.replace(path, text(plan, seed, init).encode())


def text(plan: Plan, seed: int = 0, init: str = DEFAULT) -> str:
    """The source of a plan for training, whose class's weights are those of a seed. Raises SourceError."""
    for node in plan.shaped.nodes:
        if guard.brought(node.layer):
            raise SourceError(node.path, node.layer.keyword)
    return _Text(plan, seed, init).whole()


class _Text:
    def __init__(self, plan: Plan, seed: int, init: str) -> None:
        self._plan, self._seed, self._seeding = plan, seed, seeding.code(plan, init)
        self._builder = Builder(plan)
        self._root = self._builder.root()
        self._own = helpers.of({kind for one in self._builder.constructors for kind in one.helpers})
        self._writer = Writer(self._builder, self._root, _title(plan.shaped.graph.title), self._own.code)
        self._classes = self._writer.write()

    def whole(self) -> str:
        """The text."""
        own = self._own
        classes = [self._class(one) for one in self._classes]
        body = "\n\n\n".join([*(part.rstrip() for part in own.code.values()), *self._outputs(), *classes[:-1]])
        last = "\n\n\n".join([self._seeding.rstrip(), classes[-1]])
        body = f"{body}\n\n\n{last}" if body else last
        imports = self._imports(own.imports, body)
        apart = "\n" * (3 if body.startswith(("class ", "def ")) else 2)
        return f"{self._header()}\n\n{imports}{apart}{body}\n"

    def _header(self) -> str:
        graph = self._plan.shaped.graph
        totals = Summary(self._plan.shaped).totals
        inputs = ", ".join(str(self._plan.shaped.shapes[index]) for index in graph.inputs)
        first = (
            f"{safe.line(graph.title)}: {totals.params:,} parameters, {totals.macs:,} MACs for an input of {inputs}."
        )
        facts = [f"{safe.line(key)}: {safe.line(str(value))}" for key, value in graph.meta.items()]
        source = stem(graph.source.name) if graph.source.passing else Path(graph.source.name).name
        said = (first, *facts, f"Written by netdsl from {safe.line(source)}.")
        return "\n".join(f"# {line}" for text in said for line in textwrap.wrap(text, WIDTH - 2))

    def _imports(self, own: Iterable[tuple[str, str]], body: str) -> str:
        wanted: dict[str, set[str]] = {"hashlib": {"sha256"}, "typing": {"Any"}, "torch": {"nn"}}
        plain = {"torch"}
        if re.search(r"\bTensor\b", body):
            wanted["torch"].add("Tensor")
        for module, one in own:
            if module:
                wanted.setdefault(module, set()).add(one)
            else:
                plain.add(one)
        if "math." in body:
            plain.add("math")
        if "fnmatchcase(" in body:
            wanted["fnmatch"] = {"fnmatchcase"}
        if "OrderedDict(" in body:
            wanted["collections"] = {"OrderedDict"}
        if "(NamedTuple)" in body:
            wanted["typing"].add("NamedTuple")
        groups: list[str] = []
        for torch in (False, True):
            found = [f"import {one}" for one in sorted(plain) if (one == "torch") == torch]
            found += [
                f"from {module} import {', '.join(sorted(names, key=_order))}"
                for module, names in sorted(wanted.items())
                if module.startswith("torch") == torch
            ]
            groups.append("\n".join(found))
        return "\n\n".join(groups)

    # Outputs

    def _fields(self, train: bool) -> Sequence[str]:
        graph = self._plan.shaped.graph
        indices = (*graph.outputs, *graph.training_outputs) if train else graph.outputs
        return [self._plan.fields[index] for index in indices]

    def _outputs(self) -> Sequence[str]:
        found: list[str] = []
        plain, all_ = self._fields(False), self._fields(True)
        if len(plain) > 1:
            found.append(_named_tuple("Outputs", "What the network gives.", plain))
        if len(all_) > len(plain):
            found.append(_named_tuple("TrainingOutputs", "What the network gives in training.", all_))
        return found

    # Classes

    def _class(self, made: Class) -> str:
        scope, root = made.scope, made.scope is self._root
        chain = scope.chain and not self._plan.shaped.graph.training_outputs if root else scope.chain
        base = "nn.Sequential" if chain else "nn.Module"
        code = [*lines("class ", call(made.name, base), 0, ":"), *self._docstring(made, root), ""]
        arguments: list[Code] = ["self"]
        for one in made.parameters:
            default = "" if one.default is None else f" = {shown(one.default)}"
            arguments.append(f"{one.name}: {one.kind}{default}")
        seed = "seed"
        while any(one.name == seed for one in made.parameters):
            seed += "_"
        if root:
            arguments.append(f"{seed}: int = {self._seed}")
        code += lines("def ", call("__init__", *arguments), 4, " -> None:")
        code.append("        super().__init__()")
        steps = {self._writer.attribute(scope, step.path): step for step in scope.steps}
        flattened = 0
        for assignment in made.body:
            step = steps.get(assignment.target)
            if chain and step is not None and self._writer.flattens(step):
                code.append(f"        self.{flatten_name(scope, flattened)} = nn.Flatten()")
                flattened += 1
            code += lines(f"{assignment.target} = ", assignment.code, 8)
        if root:
            code += ["        with torch.random.fork_rng(devices=[]):", f"            initialise(self, {seed})"]
        if not chain:
            code += ["", *self._forward(made, root)]
        return "\n".join(code)

    def _docstring(self, made: Class, root: bool) -> list[str]:
        shapes = self._plan.shaped.shapes
        scope = made.scope
        read = ", ".join(_dims(shapes[index]) for index in scope.inputs)
        given = ", ".join(_dims(shapes[index]) for index in scope.exports)
        if root:
            text = f'"""{_quoted(self._plan.shaped.graph.title)}: from {read} to {given}."""'
            first, *rest = textwrap.wrap(text, WIDTH - 4, break_long_words=False, break_on_hyphens=False)
            if rest:
                rest = [*textwrap.wrap(" ".join(rest).removesuffix('"""'), WIDTH - 4), '"""']
            return [f"    {line}" for line in (first, *rest)]
        where = f"from {read} to {given}" + (f" at {scope.path}" if len(made.scopes) > 1 else "")
        part = scope.part
        assert part is not None
        body = part.block.block.body if isinstance(part, outline.Call) else part.element.primary
        first, *rest = _quoted(body.span.text).rstrip().split("\n")
        shown = [f"    {line}".rstrip() for line in textwrap.dedent("\n".join(rest)).split("\n")] if rest else []
        return [f'    """{first.rstrip()}', *shown, "", f"    {where[:1].upper()}{where[1:]}.", '    """']

    def _forward(self, made: Class, root: bool) -> list[str]:
        scope, graph = made.scope, self._plan.shaped.graph
        names = self._arguments(scope, root)
        arguments = [f"{names[index]}: Tensor" for index in scope.inputs]
        flow = forward.Flow(scope, lambda path: self._writer.attribute(scope, path), self._writer.flattens, dict(names))
        if not root or not graph.training_outputs:
            for step in scope.steps:
                flow.step(step)
            several = len(scope.exports) > 1
            flow.give(scope.exports, "Outputs" if root and several else "")
            kind = f"tuple[{', '.join(['Tensor'] * len(scope.exports))}]" if several else "Tensor"
            kind = "Outputs" if root and several else kind
        else:
            kind = self._training(flow, scope)
        return [*lines("def ", call("forward", "self", *arguments), 4, f" -> {kind}:"), *flow.code]

    def _training(self, flow: forward.Flow, scope: Scope) -> str:
        """The statements of a network that gives more in training; and what it gives."""
        graph, nodes = self._plan.shaped.graph, self._plan.shaped.nodes
        needed = [any(nodes[index].training for index in step.item.nodes) for step in scope.steps]
        end = len(needed)
        while end and needed[end - 1]:
            end -= 1
        for step, training in zip(scope.steps[:end], needed[:end], strict=True):
            if training != (flow.indent > 8):
                flow.flush()
                flow.indent = 12 if training else 8
                flow.code += ["        if self.training:"] * training
            flow.step(step)
        flow.flush()
        several = "Outputs" if len(graph.outputs) > 1 else ""
        flow.code.append("        if not self.training:")
        flow.indent = 12
        flow.give(graph.outputs, several)
        flow.indent = 8
        for step in scope.steps[end:]:
            flow.step(step)
        flow.give((*graph.outputs, *graph.training_outputs), "TrainingOutputs")
        return f"{several or 'Tensor'} | TrainingOutputs"

    def _arguments(self, scope: Scope, root: bool) -> Mapping[int, str]:
        """What the inputs of a class are called."""
        inputs = scope.inputs
        if root:
            if len(inputs) == 1 and self._plan.shaped.nodes[inputs[0]].path == "input1":
                return {inputs[0]: "x"}
            return {index: self._plan.arguments[index] for index in inputs}
        part = scope.part
        named: dict[int, str] = {}
        if isinstance(part, outline.Call):
            for key, value in part.environment.items():
                if isinstance(value, NodeRef) and value.flow in inputs:
                    named.setdefault(value.flow, name(key))
        found: dict[int, str] = {}
        for index in inputs:
            called = named.get(index, "x")
            while called in found.values() or (index not in named and called in named.values()):
                called = f"x{int(called[1:] or 1) + 1}"
            found[index] = called
        return found


def _named_tuple(name: str, what: str, fields: Sequence[str]) -> str:
    return "\n".join(
        [
            f"class {name}(NamedTuple):",
            f'    """{what}"""',
            "",
            *[f"    {one}: Tensor" for one in fields],
        ]
    )


def _order(name: str) -> tuple[int, str]:
    """How isort orders what is imported: constants, classes, functions."""
    return (0 if name.isupper() else 1 if name[:1].isupper() else 2, name)


def _dims(shape: Shape) -> str:
    return " x ".join(["N", str(shape.channels), *map(str, shape.spatial)])


def _quoted(text: str) -> str:
    return safe.lines(text).replace("\\", "\\\\").replace('"', "'")


def _title(title: str) -> str:
    """The title as the name of a class."""
    words = "".join(one if one.isascii() and one.isalnum() else " " for one in title).split()
    found = "".join(word[:1].upper() + word[1:] for word in words)
    return found if found[:1].isalpha() else f"Network{found}"
