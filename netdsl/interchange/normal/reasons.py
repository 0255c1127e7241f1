"""Why operators cannot be said that no rule is for."""

from __future__ import annotations

from collections.abc import Mapping

_QUANTISED = "it is of a quantised network; import the one in single precision that it was made of"
_RUNS = "what it runs, or how often, depends on what flows"
LOOKED_UP = "it looks up what is numbered, and what flows here is measured"
TAKEN = "which values it takes depends on what flows"
_LISTS = "it is of a list of values, which no layer has"
_REASONS: Mapping[str, str] = {
    "Sign": "no layer gives the signs of values",
    **dict.fromkeys(("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"), _QUANTISED),
    **dict.fromkeys(("ConvInteger", "MatMulInteger"), _QUANTISED),
    **dict.fromkeys(("Loop", "Scan"), _RUNS),
    **dict.fromkeys(("TopK", "NonZero", "NonMaxSuppression", "ArgMax", "ArgMin", "Hardmax", "Compress"), TAKEN),
    **dict.fromkeys(("GatherND", "GatherElements", "ScatterND", "ScatterElements", "Scatter", "Unique"), TAKEN),
    **dict.fromkeys(("RoiAlign", "MaxRoiPool", "MaxUnpool", "GridSample", "DeformConv"), TAKEN),
    **dict.fromkeys(("SplitToSequence", "ConcatFromSequence", "ReverseSequence"), _LISTS),
    **dict.fromkeys(("RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike"), "it is random"),
    **dict.fromkeys(("Bernoulli", "Multinomial"), "it is random"),
    **dict.fromkeys(("LpPool", "GlobalLpPool"), "no layer takes the mean of powers of what is in a window"),
}


def why(kind: str) -> str:
    """Why no layer is an operator."""
    if kind.rpartition(".")[2].startswith("QLinear"):
        return _QUANTISED
    if kind.startswith("Sequence"):
        return _LISTS
    return _REASONS.get(kind, "no layer does what it does")
