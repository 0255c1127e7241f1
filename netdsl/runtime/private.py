"""What netdsl uses of PyTorch beyond what PyTorch promises: each is named here, and asked for once.

PyTorch 2.9.0, 2.13.0 and 2.14.1 have all of it. Where another lacks some, netdsl takes a plain way to the same results,
which is told of each.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from operator import attrgetter
from typing import Any, cast

import torch

PACKING = ("ops.mkldnn._reorder_convolution_weight", "ops.mkldnn._reorder_linear_weight")
"""oneDNN's operators that give a weight in its own form."""
READING: Mapping[str, Sequence[int]] = {
    "ops.mkldnn._convolution_pointwise": (1, 2),
    "ops.mkldnn._convolution_pointwise_": (2,),
    "ops.mkldnn._linear_pointwise": (1,),
}
"""Its kernels, which Inductor calls (torch/_inductor/mkldnn_lowerings.py), and which arguments may be such weights."""
ONEDNN = (*PACKING, *READING, "ops.mkldnn._is_mkldnn_bf16_supported")
"""What packed products are made of; without all of it files for a CPU have PyTorch's own modules."""
CUDNN = (
    "ops.aten._addmm_activation",
    "ops.aten._convolution",
    "ops.aten.cudnn_convolution_add_relu",
    "ops.aten.cudnn_convolution_relu",
)
"""What products on a GPU are made of; without all of it files for one have PyTorch's own modules."""
TARGETS = {"cpu": ONEDNN, "cuda": CUDNN}
"""What files for a target are made of."""
READER = (
    "_C.CompilationUnit",
    "_C.DeserializationStorageContext",
    "_C.PyTorchFileReader",
    "_C._import_ir_module_from_package",
    "jit._recursive.wrap_cpp_module",
)
"""What torch.package reads TorchScript by; without all of it a checked file is read by torch.jit.load, from a copy."""
SCHEMAS = "_C._jit_get_schemas_for_operator"
"""What is asked for an operator's schemas; without it torch.ops is."""
AUTOCAST = "_C._jit_set_autocast_mode"
"""TorchScript's own switch for autocast, which keeps oneDNN's graph compiler from bfloat16; without it, it stays."""
QUALNAME = "_jit_override_qualname"
"""The attribute by which TorchScript calls a class; without it a NamedTuple has the name that it has in Python."""

PYTREE = "utils._pytree"
"""What takes apart what a module gives; without it that is a tensor, or several in a row, which have no names."""

FOUND: dict[str, Any] = {}
"""What there is of these, by its name within torch; None for what is missing."""
for _path in (*ONEDNN, *CUDNN, *READER, SCHEMAS, AUTOCAST, PYTREE):
    try:
        FOUND[_path] = attrgetter(_path)(torch)
    except (AttributeError, RuntimeError):
        FOUND[_path] = None

# What the code of modules calls, which TorchScript finds by these names:
reorder_convolution_weight, reorder_linear_weight = (FOUND[_path] for _path in PACKING)
convolution_pointwise, convolution_pointwise_in_place, linear_pointwise = (FOUND[_path] for _path in READING)
is_bf16_supported = FOUND[ONEDNN[-1]]
addmm_activation, convolution, cudnn_convolution_add_relu, cudnn_convolution_relu = (FOUND[_path] for _path in CUDNN)


def lacking(paths: Collection[str], instead: str) -> str:
    """A sentence on what this PyTorch lacks, and what is done instead; empty if it has all."""
    missing = [path for path in paths if FOUND[path] is None]
    return f"PyTorch {torch.__version__} has no torch.{', torch.'.join(missing)}: {instead}" if missing else ""


def returns(name: str) -> Collection[tuple[str, ...]]:
    """The types that an operator of `aten` gives, for each way of calling it; none where it is no operator."""
    if FOUND[SCHEMAS] is not None:
        schemas = FOUND[SCHEMAS](f"aten::{name}")
    else:
        packet: Any = getattr(torch.ops.aten, name, None)
        schemas = [getattr(packet, one)._schema for one in packet.overloads()] if packet is not None else []
    return {tuple(str(one.type) for one in schema.returns) for schema in schemas}


def operator(name: str) -> Any:
    """An operator of `aten`, in all ways of calling it; None where there is none."""
    return getattr(torch.ops.aten, name, None)


def leaves(value: Any) -> list[Any]:
    """What a module gives, one by one."""
    if FOUND[PYTREE] is not None:
        return FOUND[PYTREE].tree_leaves(value)
    return list(cast("Sequence[Any]", value)) if isinstance(value, list | tuple) else [value]


def names(spec: Any) -> list[str]:
    """What a module calls what it gives, from the structure that torch.export keeps; "" where it has no name."""
    if FOUND[PYTREE] is None or spec is None:
        return []
    tree = FOUND[PYTREE].tree_unflatten([""] * spec.num_leaves, spec)
    found, _ = FOUND[PYTREE].tree_flatten_with_path(tree)
    return [str(getattr(path[-1], "key", "")) if path else "" for path, _ in found]


def set_autocast(on: bool) -> bool:
    """Turn TorchScript's own autocast on or off, and tell how it was."""
    return on if FOUND[AUTOCAST] is None else FOUND[AUTOCAST](on)
