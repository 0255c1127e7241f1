"""`.pt2` files as programs, without torch: the description is JSON, and the weights are raw bytes.

`torch.export.load` unpickles what lies in such a file, which may run anything; here nothing is unpickled, and nothing
is believed that the file says of its sizes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from netdsl.interchange.flat import ForeignError, ForeignMistake, at_node, most
from netdsl.interchange.torch import refused
from netdsl.interchange.torch.program import MOST_CALLS, Call, Program, Ref, Value, inlined, scope_of
from netdsl.interchange.torch.refused import NoProgram, OldFile, Pickled
from netdsl.runtime.archive import Archive, ArchiveError
from netdsl.text.diagnostic import Diagnostic

if TYPE_CHECKING:
    from netdsl.interchange.primitives import Dims, Tensor

_MOST_TEXT = 2**28
"""Bytes of a description, thirty times those of torchvision's largest; the file's own times `_RATIO` bound them too."""
_RATIO = 60
"""How many times shorter compression makes a description at most: they repeat much, and netdsl compresses its own."""
_COSTS = ((b"{", 232), (b"[", 88), (b'"', 30), (b",", 32))
"""Bytes of memory that a sign of JSON stands for at most."""
_MOST_MEMORY = 2**28
_SLACK = 2**24
"""Bytes that tensors may show beyond those of their file, as one that is expanded does."""
_DEPTH = 64
_KINDS: Mapping[int, tuple[str, str]] = {
    1: ("uint8", "u1"),
    2: ("int8", "i1"),
    3: ("int16", "i2"),
    4: ("int32", "i4"),
    5: ("int64", "i8"),
    6: ("float16", "f2"),
    7: ("float32", "f4"),
    8: ("float64", "f8"),
    12: ("bool", "?"),
    13: ("bfloat16", "u2"),
}
"""PyTorch's kinds of numbers by the numbers that files have for them, with numpy's."""
_LAYOUTS = {7: "strided"}


class _Damaged(Exception):
    """What is wrong with a description."""


def read(path: Path) -> Program:
    """The program of a file. Raises ForeignError, and OSError where the file cannot be read."""
    with path.open("rb") as file:
        try:
            return _Reading(path.name, Archive(file)).program()
        except ArchiveError as error:
            why = str(error).replace("TorchScript file", "such file")
            if refused.is_first(file):
                raise ForeignError([Diagnostic(OldFile(path.name), at_node(path.name, "", path.name))]) from None
        except _Damaged as error:
            why = str(error)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError, RecursionError, OverflowError):
            why = "its description is damaged"
    raise ForeignError([Diagnostic(NoProgram(path.name, why), at_node(path.name, "", path.name))])


class _Reading:
    """An archive while it is read."""

    def __init__(self, file: str, archive: Archive) -> None:
        self.file, self.archive = file, archive
        names = [name for name in archive.names if name.startswith("models/") and name.endswith(".json")]
        if not names:
            found = refused.other(self.file, archive.names)
            raise self.error(found) if found else _Damaged("it has no models/model.json")
        if len(names) > 1:
            raise _Damaged(f"it holds {len(names)} networks, and one is read")
        self.model = names[0].removeprefix("models/").removesuffix(".json")
        if f"data/weights/{self.model}.pt" in archive.names:
            raise self.error(OldFile(self.file))
        order = archive.read("byteorder", 16) if "byteorder" in archive.members else b"little"
        self.order = ">" if order.strip() == b"big" else "<"
        self.text = names[0]
        self.kept: dict[str, bytes] = {}
        self.flat: dict[tuple[str, str], Tensor] = {}
        self.left = archive.length
        """Bytes of members that may be read: no more than the file has, however often it shows them."""
        self.room = archive.length + _SLACK
        """Bytes that tensors may show."""
        self.shown: set[object] = set()
        self.cost = 0
        self.sizes: dict[str, int] = {}

    def error(self, mistake: ForeignMistake, name: str = "") -> ForeignError:
        return ForeignError([Diagnostic(mistake, at_node(self.file, name, name or self.file))])

    def json(self, name: str) -> Any:
        """A description, not larger than the file allows."""
        data = self.archive.read(name, min(_MOST_TEXT, 2**16 + _RATIO * self.archive.length))
        self.cost += sum(size * data.count(sign) for sign, size in _COSTS) + len(data) * (3 if data.isascii() else 9)
        if self.cost > max(_MOST_MEMORY, 5 * self.archive.length):
            raise _Damaged(f"its descriptions would take {self.cost:,} bytes to read")
        try:
            found = json.loads(data)
        except (ValueError, RecursionError):
            raise _Damaged(f"its {name} is no JSON") from None
        if not isinstance(found, dict):
            raise _Damaged(f"its {name} is no description")
        return cast("Any", found)

    def program(self) -> Program:
        """All that the file says."""
        said = self.json(self.text)
        module = said["graph_module"]
        graph, signature = module["graph"], module["signature"]
        if len(graph["nodes"]) > MOST_CALLS:
            raise _Damaged(f"it has {len(graph['nodes']):,} calls, and {MOST_CALLS:,} are read at most")
        self.sizes = {name: self.size(one) for name, one in graph.get("sym_int_values", {}).items()}
        dims = {name: self.dims(one) for name, one in graph["tensor_values"].items()}
        dims |= dict.fromkeys(graph.get("sym_float_values", {}), ())
        weights, constants = self.config("weights"), self.config("constants")
        inputs: list[str] = []
        tensors: dict[str, Tensor] = {}
        paths: dict[str, str] = {}
        learned: set[str] = set()
        shared: dict[str, str] = {}
        owners: dict[object, str] = {}
        for spec in signature["input_specs"]:
            ((kind, one),) = spec.items()
            if kind == "user_input":
                if "as_tensor" in one["arg"]:
                    inputs.append(one["arg"]["as_tensor"]["name"])
                continue
            if kind in ("token", "constant_input"):
                continue
            name = one["arg"]["name"]
            full = one.get("parameter_name") or one.get("buffer_name") or one.get("tensor_constant_name")
            if kind == "custom_obj" or not full:
                raise _Damaged(f"its input {name} is no tensor")
            paths[name] = full
            payload = weights.get(full) if kind in ("parameter", "buffer") and full in weights else constants.get(full)
            if payload is None:
                raise _Damaged(f"it has no values for {full}")
            key, tensors[name] = self.tensor(full, payload, "weights" if payload is weights.get(full) else "constants")
            dims[name] = tensors[name].shape
            if key in owners:
                shared[name] = owners[key]
            owners.setdefault(key, name)
            if kind == "parameter":
                learned.add(name)
        outputs = [
            spec["user_output"]["arg"]["as_tensor"]["name"]
            for spec in signature["output_specs"]
            if "user_output" in spec and "as_tensor" in spec["user_output"]["arg"]
        ]
        if not outputs:
            raise _Damaged("it has no outputs")
        calls = tuple(self.calls(graph["nodes"], dims))
        _check(calls, inputs, outputs, dims, tensors)
        return Program(
            Path(self.file).stem,
            f"PyTorch: {self.file}",
            self.file,
            calls,
            tuple(inputs),
            tuple(("", name) for name in outputs),
            dims,
            tensors,
            paths,
            shared,
            parameters=frozenset(learned),
        )

    def calls(self, nodes: list[Any], dims: dict[str, Dims], depth: int = 0) -> Iterator[Call]:
        """The calls that give tensors, those of graphs among their arguments that are run as they are with them."""
        for node in nodes:
            outputs = tuple(self.outputs(node["outputs"]))
            if not outputs:
                continue
            graphs = [one["arg"]["as_graph"]["graph"] for one in node["inputs"] if "as_graph" in one["arg"]]
            if len(graphs) == 1:
                yield from self.within(node, graphs[0], outputs, dims, depth + 1)
                continue
            arguments = {one["name"] or str(at): self.value(one["arg"]) for at, one in enumerate(node["inputs"])}
            operator = operator_name(str(node["target"]))
            yield Call(operator, arguments, outputs, node.get("name") or outputs[0], _scope(node.get("metadata", {})))

    def within(
        self, node: Any, graph: Any, outputs: tuple[str, ...], dims: dict[str, Dims], depth: int
    ) -> Iterator[Call]:
        """The calls of a graph that one runs as it is, as under torch.no_grad."""
        if depth > _DEPTH:
            raise _Damaged("its graphs are too deep")
        name = str(node.get("name") or outputs[0])
        sizes = {one: self.dims(meta) for one, meta in graph["tensor_values"].items()}
        calls = list(self.calls(graph["nodes"], sizes, depth))
        dims.update({f"{name}.{one}": size for one, size in sizes.items() if f"{name}.{one}" not in dims})
        at = next(at for at, one in enumerate(node["inputs"]) if "as_graph" in one["arg"])
        given = [one["arg"]["as_tensor"]["name"] for one in node["inputs"][at + 1 :]]
        reads, gives = ([one["as_tensor"]["name"] for one in graph[side]] for side in ("inputs", "outputs"))
        call = Call(operator_name(str(node["target"])), {}, outputs, name, _scope(node.get("metadata", {})))
        yield from inlined(call, calls, reads, gives, given)

    def outputs(self, said: list[Any]) -> Iterator[str]:
        """The tensors that a call gives; "" for one that is not there."""
        for one in said:
            ((kind, value),) = one.items()
            if kind == "as_tensor":
                yield str(value["name"])
            elif kind == "as_tensors":
                yield from (str(each["name"]) for each in value)
            elif kind == "as_sym_float" and "as_name" in value:
                yield str(value["as_name"])
            elif kind == "as_none":
                yield ""

    def value(self, said: Any, depth: int = 0) -> Value:
        """What an argument is."""
        if depth > _DEPTH:
            raise _Damaged("its arguments are too deep")
        ((kind, value),) = said.items()
        match kind:
            case "as_none":
                return None
            case "as_tensor":
                return Ref(str(value["name"]))
            case "as_tensors":
                return tuple([Ref(str(one["name"])) for one in value])
            case "as_optional_tensor":
                return self.value(value, depth + 1)
            case "as_optional_tensors" | "as_sym_ints" | "as_sym_floats" | "as_sym_bools":
                return tuple([self.value(one, depth + 1) for one in value])
            case "as_sym_float" if "as_name" in value:
                return Ref(str(value["as_name"]))
            case "as_sym_int" | "as_sym_float":
                return self.value(value, depth + 1)
            case "as_name":
                if value not in self.sizes:
                    raise _Damaged(f"the size {value} is not known")
                return self.sizes[value]
            case "as_int" | "as_bool" | "as_string":
                return _plain(value)
            case "as_float":
                return _real(value)
            case "as_floats":
                return tuple([_real(one) for one in value])
            case "as_ints" | "as_bools" | "as_strings":
                return tuple([_plain(one) for one in value])
            case "as_scalar_type":
                return _KINDS.get(value, ("", ""))[0]
            case "as_layout":
                return _LAYOUTS.get(value, "")
            case "as_device":
                return str(value.get("type", ""))
            case "as_memory_format":
                return str(value)
            case _:
                return f"<{kind.removeprefix('as_')}>"

    def size(self, said: Any) -> int:
        """A size: a number, or a symbol of which an example is known."""
        ((kind, value),) = said.items()
        if kind == "as_int":
            found = value
        else:
            hint = value.get("hint")
            text = str(value.get("expr_str", ""))
            if hint is None and re.fullmatch(r"\d{1,15}", text):
                found = int(text)
            elif hint is None:
                raise _Damaged(f"it leaves the size {text} open, and says no example")
            else:
                found = hint["as_int"]
        if isinstance(found, bool) or not isinstance(found, int):
            raise _Damaged("a size is no whole number")
        return found

    def dims(self, meta: Any) -> Dims:
        """The sizes of a tensor."""
        found = tuple([self.size(one) for one in meta["sizes"]])
        if most(found):
            raise _Damaged("sizes of a tensor are those of no network")
        return found

    def config(self, folder: str) -> Any:
        """What the file says of the tensors in a folder, by their names."""
        name = f"data/{folder}/{self.model}_{folder}_config.json"
        return self.json(name)["config"] if name in self.archive.members else {}

    def tensor(self, full: str, payload: Any, folder: str) -> tuple[object, Tensor]:
        """The values of a tensor, and what says which they are: the same for one that is stored once."""
        import numpy as np

        if payload["use_pickle"]:
            raise self.error(Pickled(full), full)
        meta = payload["tensor_meta"]
        dims = self.dims(meta)
        if meta["dtype"] not in _KINDS:
            raise _Damaged(f"{full} is of numbers that netdsl does not read")
        if meta.get("layout", 7) != 7:
            raise _Damaged(f"{full} is sparse")
        name, kind = _KINDS[meta["dtype"]]
        stored = np.dtype(self.order + kind) if kind[0] in "iuf" else np.dtype(kind)
        strides = tuple([self.size(one) for one in meta["strides"]])
        offset = self.size(meta["storage_offset"])
        if len(strides) != len(dims) or min(strides, default=0) < 0 or offset < 0:
            raise _Damaged(f"{full} lies nowhere")
        member = f"data/{folder}/{payload['path_name']}"
        reach = offset + sum((size - 1) * step for size, step in zip(dims, strides, strict=True)) + 1
        data = self.bytes(member) if prod(dims) else b""
        if prod(dims) and reach * stored.itemsize > len(data):
            raise _Damaged(f"{full} has {len(data):,} bytes, and needs {reach * stored.itemsize:,}")
        flat = self.flat.get((member, name))
        if flat is None:
            flat = np.frombuffer(data, stored, len(data) // stored.itemsize)
            if name == "bfloat16":
                flat = (flat.astype(np.uint32) << 16).view(np.float32)
            elif not flat.dtype.isnative:
                flat = flat.astype(stored.newbyteorder("="))
            self.flat[member, name] = flat
        key = (member, offset, dims, strides)
        if key not in self.shown:
            self.room -= prod(dims) * stored.itemsize
            self.shown.add(key)
        if self.room < 0:
            raise _Damaged("its tensors show more values than it has")
        steps = tuple(step * flat.itemsize for step in strides)
        if not prod(dims):
            found = np.zeros(dims, flat.dtype)
        else:
            found = np.lib.stride_tricks.as_strided(flat[offset:], dims, steps, writeable=False)
        return key, found

    def bytes(self, member: str) -> bytes:
        """The bytes of a member, which are in the file as they are."""
        entry = self.archive.members.get(member)
        if entry is None:
            raise _Damaged(f"it has no {member}")
        if member not in self.kept:
            self.kept[member] = self.archive.read(member, max(0, self.left))
            self.left -= len(self.kept[member])
        return self.kept[member]


def _check(
    calls: Iterable[Call],
    inputs: Iterable[str],
    outputs: Iterable[str],
    dims: Mapping[str, Dims],
    tensors: Mapping[str, Tensor],
) -> None:
    """Raise _Damaged where something is read that nothing before it gives, or of which no size is known."""
    known = {*inputs, *tensors}
    for call in calls:
        for name in call.refs():
            if name not in known:
                raise _Damaged(f"{call.name} reads {name}, which nothing before it gives")
        known.update(call.outputs)
    for name in outputs:
        if name not in known:
            raise _Damaged(f"nothing gives the output {name}")
    for name in known - {""}:
        if name not in dims:
            raise _Damaged(f"it says no size of {name}")


def operator_name(target: str) -> str:
    """An operator of PyTorch's own, with its overload, as `conv2d`; an operator of another package keeps its name."""
    parts = target.removeprefix("torch.").removeprefix("ops.").split(".")
    if parts[0] == "aten" and len(parts) > 1:
        return parts[1]
    return ".".join(parts[:2])


def _plain(value: Any) -> Value:
    if isinstance(value, bool | int | float | str):
        return value
    raise _Damaged("an argument is of no known kind")


def _real(value: Any) -> float:
    """A number, of which JSON has none that is endless."""
    if value in ("Infinity", "-Infinity", "NaN") or (isinstance(value, int | float) and not isinstance(value, bool)):
        return float(value)
    raise _Damaged("an argument is no number")


def _scope(metadata: Any) -> tuple[tuple[str, str], ...]:
    """The modules around a call: `key,path,class` for each, between `;`."""
    text = str(metadata.get("nn_module_stack", ""))
    rows = [row.split(",") for row in text.split(";") if row]
    return scope_of([(row[1], row[-1]) for row in rows if len(row) >= 3])
