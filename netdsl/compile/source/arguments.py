"""The code that makes a layer's module, with the arguments as the program has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from netdsl.compile.source.formulas import names, tidy, written
from netdsl.compile.source.frames import Frame, Unresolved, product
from netdsl.compile.source.layout import Code, Named, call, flat
from netdsl.compile.source.scopes import Single
from netdsl.text import tree

_FIELDS: Mapping[str, Sequence[str]] = {
    "out_channels": ("filters",),
    "kernel_size": ("kernel",),
    "out_features": ("units",),
    "hidden_size": ("units",),
    "output_size": ("to",),
    "output_padding": ("output_pad",),
    "p": ("rate",),
    "num_groups": ("groups",),
    "negative_slope": ("slope",),
    "alpha": ("alpha", "slope"),
    "init": ("init", "slope"),
    "scale_factor": ("factor",),
    "size": ("size", "to", "dims"),
}
"""What the language calls arguments of PyTorch's, where it calls them otherwise."""
_CHANNELS = frozenset(
    {"in_channels", "num_features", "num_channels", "normalized_shape", "channels", "num_parameters", "input_size"}
)
_ELEMENTS = frozenset({"in_features", "inputs"})


@dataclass(frozen=True)
class Made:
    """The code that makes modules, and the channels of what they give."""

    code: Code
    channels: str | None


def layer(items: Sequence[Single], frame: Frame, inputs: Sequence[str | None]) -> Made:
    """The code that makes the modules of some layers. Raises Unresolved."""
    first = items[0]
    assert first.constructor is not None
    if any(one.constructor is None or one.constructor.title != first.constructor.title for one in items):
        raise Unresolved
    codes: list[Code] = []
    texts: dict[str, str] = {}
    for number, argument in enumerate(first.constructor.arguments):
        each = [one.constructor.arguments[number] for one in items if one.constructor]
        values = [one.value for one in each]
        own = _written(first, argument.name)
        if isinstance(values[0], list):
            own = [*own, *(f"[{text}] * {len(values[0])}" for text in own)]
        usual = not argument.required and all(one.value == one.default for one in each)
        if usual and not any(names(text) and frame.holds(text, values) for text in own):
            continue
        flowing = _flowing(items, argument.name, inputs, texts)
        code = frame.code(values, [*own, *flowing], argument.name)
        texts[argument.name] = flat(code)
        codes.append(Named(f"{argument.name}=", code) if argument.keyword else code)
    wanted = [one.shape.channels for one in items]
    own = [texts[name] for name in ("out_channels", "out_features", "hidden_size", "units") if name in texts]
    return Made(call(first.constructor.title, *codes), frame.first([*own, *inputs, _moved(first, inputs)], wanted))


def _written(item: Single, argument: str) -> Sequence[str]:
    """What the program says for an argument, in Python."""
    layer = item.written
    if layer is None:
        return ()
    spans = [item.node.site.arguments.get(field) for field in _FIELDS.get(argument, (argument,))]
    found = [one.value for one in layer.arguments if one.span in spans]
    return [text for value in found if any(tree.names([value])) for text in written(value)]


def _moved(item: Single, inputs: Sequence[str | None]) -> str | None:
    """The channels of what moves values between space and channels: a multiple or a part of those that flow in."""
    if item.node.layer.role != "reshape" or inputs[0] is None:
        return None
    channels, given = item.shape.channels, item.shapes[0].channels
    if channels % given == 0:
        return product(inputs[0], [channels // given])
    return tidy(f"({inputs[0]}) // {given // channels}") if given % channels == 0 else None


def _flowing(
    items: Sequence[Single], argument: str, inputs: Sequence[str | None], texts: Mapping[str, str]
) -> Sequence[str | None]:
    """What follows from the channels that flow in."""
    first = items[0]
    if argument in _CHANNELS:
        return inputs
    if argument in _ELEMENTS:
        return [product(inputs[0], first.shapes[0].spatial)]
    if argument == "width" and inputs[0] is not None and not names(inputs[0]) & names(texts["heads"]):
        return [tidy(f"({inputs[0]}) // ({texts['heads']})")]
    if first.node.layer.keyword == "DWCONV" and argument in ("groups", "out_channels"):
        multiplier = getattr(first.node.layer, "multiplier", 1)
        factors = [multiplier] if argument == "out_channels" and multiplier > 1 else []
        return [product(inputs[0], factors)]
    return ()
