"""Functions that a model brings, written out where they are called: PyTorch's exporter made one of each operator."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from typing import Any, TypeAlias

Scope: TypeAlias = tuple[tuple[str, str], ...]

_DEEPEST = 16
"""How far functions may call one another."""


class Endless(Exception):
    """Functions that call one another without an end, or have too many operators where they are written out."""


class Functions:
    """The functions of a model, by domain and name, which may have so many operators in all where they are called."""

    def __init__(self, model: Any, most: int) -> None:
        self.known: Mapping[tuple[str, str], Any] = {(one.domain, one.name): one for one in model.functions}
        self.left = most

    def written_out(self, nodes: Iterable[Any], depth: int = 0) -> Iterator[tuple[Any, Scope]]:
        """The nodes with those of functions in place of calls, each with the modules that were functions around it.

        Raises Endless.
        """
        for number, node in enumerate(nodes):
            function = self.known.get((node.domain, node.op_type)) if self.known else None
            if function is None:
                yield node, ()
                continue
            self.left -= 1 + len(function.node)
            if depth >= _DEEPEST or self.left < 0:
                raise Endless
            module = function.domain.startswith("pkg.") and not function.domain.startswith("pkg.onnxscript")
            scope = ((node.name or node.op_type, _class(node.op_type)),) if module else ()
            body = list(_body(node, function, f"{node.output[0] if node.output else node.name}.{number}"))
            for one, around in self.written_out(body, depth + 1):
                if not module:  # it is one operator of a module, by the names of the call
                    one.name = node.name or one.name
                    del one.metadata_props[:]
                    one.metadata_props.extend(node.metadata_props)
                yield one, (*scope, *around)


def _class(name: str) -> str:
    """The class that a function was: `torchvision_models_resnet_Bottleneck_layer1_1` was a Bottleneck."""
    return next((word for word in reversed(name.split("_")) if word[:1].isupper()), name)


def _body(call: Any, function: Any, prefix: str) -> Iterator[Any]:
    """The nodes of a function with the names and attributes that a call gives it."""
    names = dict(zip(function.input, call.input, strict=False))
    names |= dict.fromkeys(function.input[len(call.input) :], "")
    names |= {one: other for one, other in zip(function.output, call.output, strict=False) if other}
    given = {one.name: one for one in call.attribute}
    given = {one.name: one for one in function.attribute_proto} | given
    for node in function.node:
        yield _renamed(node, names, given, prefix)


def _renamed(node: Any, names: dict[str, str], given: Mapping[str, Any], prefix: str) -> Any:
    kinds: Any = import_module("onnx")
    made: Any = kinds.NodeProto()
    made.CopyFrom(node)
    made.input[:] = [names.setdefault(one, f"{prefix}/{one}") if one else "" for one in node.input]
    made.output[:] = [names.setdefault(one, f"{prefix}/{one}") if one else "" for one in node.output]
    del made.attribute[:]
    for one in node.attribute:
        if one.ref_attr_name:
            if one.ref_attr_name in given:
                made.attribute.append(given[one.ref_attr_name])
                made.attribute[-1].name = one.name
            continue
        made.attribute.append(one)
        if one.type == kinds.AttributeProto.GRAPH:
            inner: Any = made.attribute[-1].g
            several = [_renamed(child, names, given, prefix) for child in one.g.node]
            del inner.node[:]
            inner.node.extend(several)
            for output in inner.output:
                output.name = names.get(output.name, output.name)
    return made
