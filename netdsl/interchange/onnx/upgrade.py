"""Operators of older opsets as those of opset 13 and later: what was an attribute is an input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_AXES = ("", "axes")
_INPUTS: Mapping[str, tuple[str, ...]] = {
    "Squeeze": _AXES,
    "Unsqueeze": _AXES,
    "ReduceMean": _AXES,
    "ReduceSum": _AXES,
    "ReduceMax": _AXES,
    **dict.fromkeys(("ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceSumSquare"), _AXES),
    "Slice": ("", "starts", "ends", "axes"),
    "Split": ("", "split"),
    "Pad": ("", "pads", "value"),
    "Clip": ("", "min", "max"),
    "Dropout": ("", "ratio"),
    "Upsample": ("", "scales"),
    "Reshape": ("", "shape"),
    "TopK": ("", "k"),
}
"""For operators whose attributes became inputs, the attribute that each input was."""
_FLATTENING = ("Softmax", "LogSoftmax", "Hardmax")


_FORMERLY: Mapping[str, Mapping[str, str]] = {"Pad": {"paddings": "pads"}}
"""What attributes were called."""
_TYPES = {"FLOAT": 1, "INT32": 6, "INT64": 7, "BOOL": 9, "FLOAT16": 10, "DOUBLE": 11}


def called(kind: str, attributes: dict[str, Any]) -> None:
    """Call attributes as they are called now."""
    for before, now in _FORMERLY.get(kind, {}).items():
        if before in attributes:
            attributes[now] = attributes.pop(before)
    if kind == "Upsample":
        if "height_scale" in attributes or "width_scale" in attributes:
            rows, columns = (attributes.pop(f"{one}_scale", 1.0) for one in ("height", "width"))
            attributes["scales"] = (1.0, 1.0, rows, columns)
        if attributes.get("mode") == "bilinear":
            attributes["mode"] = "linear"
    if kind == "Cast" and isinstance(attributes.get("to"), str):
        attributes["to"] = _TYPES.get(attributes["to"], 0)


def attributes_as_inputs(kind: str, given: int, attributes: Mapping[str, Any]) -> list[tuple[int, str]]:
    """The inputs that an operator has as attributes: the position of each, and the attribute's name."""
    wanted = _INPUTS.get(kind, ())
    return [(at, name) for at, name in enumerate(wanted) if name and at >= given and name in attributes]


def renamed(kind: str, opset: int, attributes: dict[str, Any]) -> str:
    """The kind that an operator has now, with defaults that have changed written out."""
    if kind in _FLATTENING and opset < 13:
        attributes.setdefault("axis", 1)
        attributes["flattens"] = 1
    if kind == "Upsample":
        attributes.setdefault("coordinate_transformation_mode", "asymmetric")
        attributes.setdefault("nearest_mode", "floor")
        return "Resize"
    if kind == "Resize" and opset < 11:
        attributes.setdefault("coordinate_transformation_mode", "asymmetric")
        attributes.setdefault("nearest_mode", "floor")
    return kind
