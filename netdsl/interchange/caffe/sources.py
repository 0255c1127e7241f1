"""The inputs of a network of Caffe: what it declares, Input layers, and layers that read data."""

from __future__ import annotations

from collections.abc import Sequence

from netdsl.interchange import mistakes
from netdsl.interchange.caffe import ends, rules
from netdsl.interchange.caffe.fields import Fields
from netdsl.interchange.caffe.work import Given
from netdsl.interchange.gathering import MOST_AXES, Dims, Fault
from netdsl.text.source import Span
from netdsl.text.suggest import did_you_mean

_KINDS = "Input Data ImageData MemoryData HDF5Data WindowData DummyData AnnotatedData DenseImageData"
DATA = frozenset(_KINDS.split())
"""Layers that read no other."""
_KNOWN = frozenset((*rules.RULES, *rules.UNSAID, *ends.MEASURES, *ends.LEFT))
_CROPPING = ("transform_param", "window_data_param", "data_param", "image_data_param")


def brings(given: Given) -> bool:
    """Whether a layer brings data: by its kind, or as a layer of forks and of code of one's own that reads nothing."""
    if given.kind in DATA or given.bottoms or not given.tops:
        return given.kind in DATA
    return given.kind == "Python" or not (given.kind in _KNOWN or did_you_mean(given.kind, [*_KNOWN, *DATA]))


def declared(net: Fields) -> list[tuple[str, tuple[int, ...] | None, Span]]:
    """The inputs that a network declares: names, dims with a batch or None where it says none, and places."""
    names = net.texts("input")
    dims, shapes = net.wholes("input_dim", 1), [_shape(one) for one in net.inners("input_shape")]
    if dims and len(dims) != 4 * len(names):
        raise Fault(mistakes.Unlike("input_dim", f"it stands {len(dims)} times, and four times for each input"))
    if shapes and len(shapes) != len(names):
        raise Fault(mistakes.Unlike("input_shape", f"it stands {len(shapes)} times for {len(names)} inputs"))
    sizes = shapes or [tuple(dims[4 * at : 4 * at + 4]) or None for at in range(len(names))]
    return [(one.text, size, one.span) for one, size in zip(net.message.named("input"), sizes, strict=True)]


def _shape(fields: Fields) -> tuple[int, ...]:
    found = tuple(fields.wholes("dim", 1))
    if len(found) > MOST_AXES:
        raise Fault(mistakes.TooMuch("axes of a shape", len(found), MOST_AXES), fields.span)
    fields.rest()
    return found


def sizes(given: Given) -> Sequence[tuple[int, ...] | None]:
    """For each top of a layer that reads data its dims with a batch, None where the file does not say them."""
    fields, count = given.fields, len(given.tops)
    found: list[tuple[int, ...] | None] = [None] * count
    shapes = [_shape(one) for one in fields.inner("input_param").inners("shape")]
    if given.kind == "DummyData":
        inner = fields.inner("dummy_data_param")
        old = [inner.wholes(name, 1) for name in ("num", "channels", "height", "width")]
        shapes = [_shape(one) for one in inner.inners("shape")] or list(zip(*old, strict=False))
    if shapes:
        if len(shapes) not in (1, count):
            raise Fault(mistakes.Unlike("shape", f"there are {len(shapes)} for {count} tops"))
        return shapes if len(shapes) == count else shapes * count
    if count and (size := _of_pictures(given)):
        found[0] = (1, *size)
    return found


def _of_pictures(given: Given) -> Dims | None:
    """Channels, height and width of pictures, where the file says all of them."""
    fields = given.fields
    if given.kind == "MemoryData":
        inner = fields.inner("memory_data_param")
        return inner.whole("channels", least=1), inner.whole("height", least=1), inner.whole("width", least=1)
    crop, channels = cropped(given), len(fields.inner("transform_param").message.named("mean_value"))
    if given.kind == "ImageData":
        inner = fields.inner("image_data_param")
        height, width = inner.whole("new_height", 0), inner.whole("new_width", 0)
        channels = 3 if inner.flag("is_color", True) else 1
        if not crop and height and width:
            return channels, height, width
    if given.kind == "WindowData":
        channels = 3
    return (channels, crop, crop) if crop and (channels > 1 or given.kind == "ImageData") else None


def cropped(given: Given) -> int:
    """The size that pictures are cut to; 0 where they are not."""
    fields = given.fields
    said = [fields.inner(name).whole("crop_size", 0) for name in _CROPPING]
    return next((size for size in said if size), 0)


def changes(given: Given) -> Sequence[str]:
    """What is done to pixels before they flow in."""
    said = [given.fields.inner(name) for name in _CROPPING]
    means = [value for one in said for value in one.reals("mean_value")]
    scale = next((value for one in said if (value := one.real("scale", 1)) != 1), 1)
    found = ["less the means of a file"] * any(one.text("mean_file") for one in said)
    found += [f"less {', '.join(f'{float(mean):g}' for mean in means[:8])}"] * bool(means)
    return [*found, *[f"times {float(scale):g}"] * (scale != 1)]
