"""What explanations say of each layer beside its figures: its arguments read out, remarks, further questions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from math import prod

from netdsl.layers import guard
from netdsl.layers.answer import Answer, Equation
from netdsl.layers.arguments import arguments_of, once, show
from netdsl.layers.attention import Attention
from netdsl.layers.base import Layer, per_axis
from netdsl.layers.conv import Convolving
from netdsl.layers.deconv import Deconv
from netdsl.layers.dense import Dense
from netdsl.layers.dropout import Dropout
from netdsl.layers.formula import formula, product
from netdsl.layers.norm import BatchNorm, LocalResponse
from netdsl.layers.pool import Pooling
from netdsl.layers.recurrent import Recurrent
from netdsl.layers.reshape import Crop, Reshape
from netdsl.layers.resize import Upsample
from netdsl.layers.rules import rule
from netdsl.layers.shape import Shape
from netdsl.layers.source import Input
from netdsl.measure.saves import least_batch

# Its arguments


@rule(guard.instance(str))
def reading(layer: Layer, *inputs: Shape) -> str:
    """Its arguments read out: `96 filters of 11x11, stride 4, padding 0`."""
    words: list[str] = []
    for argument in arguments_of(type(layer)):
        value = getattr(layer, argument.attribute)
        if value is None or value is False:
            continue
        name = argument.field.replace("_", " ")
        words.append(name if value is True else f"{name} {argument.kind.written(value)}")
    return ", ".join(words)


@reading.of(Input)
def _input(layer: Input) -> str:
    return f"{product(layer.dims)} numbers"


@reading.of(Convolving, Deconv)
def _convolving(layer: Convolving | Deconv, x: Shape) -> str:
    out, kernel = layer.shape(x).channels, show(per_axis(layer.kernel, x, "kernel"))
    words = [f"{out:,} filter{'s' * (out > 1)} of {kernel}", f"stride {show(layer.stride)}"]
    if isinstance(layer, Deconv):
        groups, table = layer.groups, False
        words.append(f"padding {show(layer.padding)}")
        words.append(f"output_pad {show(layer.output_pad)}" if any(layer.output_pad) else "")
    else:
        groups, table = layer.groups_of(x), bool(layer.fixed(x))
        words.append("padding `same`" if layer.same else f"padding {show(layer.padding)}")
    words.append(f"dilation {show(layer.dilation)}" if max(layer.dilation) > 1 else "")
    words.append(f"{groups:,} groups" if groups > 1 else "")
    words += ["a table of connections"] * table + ["no bias"] * layer.nobias
    return ", ".join(filter(None, words))


@reading.of(Attention)
def _attention(layer: Attention, x: Shape) -> str:
    width = layer.inner(x) // layer.heads
    words = [f"{layer.heads:,} head{'s' * (layer.heads > 1)} of {width:,} numbers"]
    if sides := layer.sides(x):
        shifts = layer.shifts(x)
        words += [f"windows of {show(sides)}"] + [f"shifted by {show(once(shifts))}"] * any(shifts)
    words += ["a learned number for each way within a window"] * layer.relative
    words += ["no position sees a later one"] * layer.causal + [
        "no bias in the projections of what flows in"
    ] * layer.nobias
    return ", ".join(words)


@reading.of(Dense)
def _dense(layer: Dense, x: Shape) -> str:
    return f"{layer.units:,} unit{'s' * (layer.units > 1)}, each of which reads all {product(x.dims)} numbers"


@reading.of(Recurrent)
def _recurrent(layer: Recurrent, x: Shape) -> str:
    words = [f"{layer.units:,} unit{'s' * (layer.units > 1)}"]
    words += ["from the end as well as from the start"] * layer.both
    return ", ".join([*words, *["their final state alone"] * layer.last])


@reading.of(Pooling)
def _pooling(layer: Pooling, x: Shape) -> str:
    if layer.global_:
        return f"one window over the whole map of {show(x.spatial)}"
    if layer.to is not None:
        return f"windows that adapt, so that {show(layer.shape(x).spatial)} come out"
    kernel, padding = per_axis(layer.kernel or (1,), x, "kernel"), "`same`" if layer.same else show(layer.padding)
    after = "" if layer.after is None else f" before and {show(layer.after)} after"
    return f"windows of {show(kernel)}, stride {show(layer.stride or kernel)}, padding {padding}{after}"


# Remarks


@rule(guard.texts)
def notes(layer: Layer, *inputs: Shape) -> Mapping[str, str]:
    """Remarks on the formulas of its figures: on its `size`, `channels`, `params` and `macs`."""
    return _NOTES.get(layer.keyword, {})


_NOTES: Mapping[str, Mapping[str, str]] = {
    "INPUT": {"channels": "as the file says"},
    "DECONV": {"channels": "one for each filter", "macs": "each weight works once at each position of the input"},
    "FC": {"channels": "one for each unit"},
    "RBF": {"channels": "one for each unit"},
    "FLATTEN": {"channels": "every value of the map"},
    "CONCAT": {"channels": "those of all branches, one after the other"},
    "MUL": {"size": "axes of 1 stretch"},
}


@notes.of(Convolving)
def _of_convolving(layer: Convolving, x: Shape) -> Mapping[str, str]:
    found = {"channels": "one for each filter", "macs": "each weight, at each position"}
    if fixed := layer.fixed(x):
        filters = layer.filters_of(x)
        read = filters * x.channels - fixed // prod(per_axis(layer.kernel, x, "kernel"))
        found["params"] = f"the table joins {read:,} of {filters:,}·{x.channels:,} pairs of a filter and a map"
    if layer.same:
        pads = dict.fromkeys(f"{one.before} in front and {one.after} behind" for one in layer.windows(x))
        found["size"] = f"`same` pads {', '.join(pads)}"
    return found


@notes.of(Attention)
def _of_attention(layer: Attention, x: Shape) -> Mapping[str, str]:
    found = {"params": "queries, keys, values, and back", "macs": "projections; then pairs of positions, twice"}
    if layer.causal:
        found["macs"] = "projections; then pairs of a position and one that is no later, twice"
    if layer.relative:
        found["params"] = "ways within a window; queries, keys, values, and back"
    if (padded := layer.padded(x)) != x.spatial:
        found["macs"] += f"; windows pad the map to {show(padded)}"
    return found


@notes.of(Recurrent)
def _of_recurrent(layer: Recurrent, x: Shape) -> Mapping[str, str]:
    return {
        "channels": "one for each unit" + " of a direction" * layer.both,
        "params": f"{layer.gates} gates of what flows in, of the state, and two biases" + ", twice" * layer.both,
        "macs": "each weight, at each position",
    }


@notes.of(Pooling)
def _of_pooling(layer: Pooling, x: Shape) -> Mapping[str, str]:
    found = {"channels": "pooling keeps the channels"}
    windows = layer.windows(x)
    if windows == "all":
        found["size"] = "the window is the whole map"
    elif layer.to is not None:
        found["size"] = "as asked for: window i reads positions ⌊i·in/out⌋ to ⌈(i + 1)·in/out⌉ − 1"
    elif layer.same:
        found["size"] = "`same` rounds up"
    elif layer.ceil:
        axes = zip(x.spatial, windows, layer.shape(x).spatial, strict=True)
        beyond = [
            n * w.stride - w.before for size, w, n in axes if size + w.before + w.after - w.reach > (n - 1) * w.stride
        ]
        drops = "".join(f", and drops a window that would start at {at}, beyond the input" for at in beyond[:1])
        found["size"] = f"`ceil` rounds up{drops}"
    return found


@notes.of(Reshape)
def _of_reshape(layer: Reshape, x: Shape) -> Mapping[str, str]:
    values = product(layer.shape(x).dims)
    asked = "as asked for, with what that leaves" if -1 in layer.dims else "as asked for"
    return {"channels": f"{asked}: {values} values, as before"}


@notes.of(Crop)
def _of_crop(layer: Crop, *inputs: Shape) -> Mapping[str, str]:
    places = zip(layer.windows(*inputs), layer.shape(*inputs).spatial, strict=True)
    kept = " and ".join(dict.fromkeys(f"{-one.before:,} to {part - one.before - 1:,}" for one, part in places))
    return {"size": f"positions from {kept} stay"}


@notes.of(Upsample)
def _of_upsample(layer: Upsample, *inputs: Shape) -> Mapping[str, str]:
    if layer.factor is not None:
        return {}
    return {"size": "as asked for" if layer.like is None else f"that of {layer.like}"}


# Questions


@rule(guard.every(guard.instance(Answer)))
def answers(layer: Layer, *inputs: Shape) -> Iterable[Answer]:
    """What else people ask of it, where its own shapes are enough to answer."""
    return ()


@answers.of(LocalResponse)
def _of_local_response(layer: LocalResponse, x: Shape) -> Iterator[Answer]:
    yield Answer(
        "Why divide by the neighbours?",
        (
            f"Each value is divided by what {layer.size} channels around it hold at its position, so that a strong "
            "response quiets the others. Its authors found it to take 1.2 points off the top-5 error (Krizhevsky "
            "2012, section 3.3); VGG's found no gain, and left it out (Simonyan 2015, section 2.1).",
        ),
    )


@answers.of(BatchNorm)
def _of_batch_norm(layer: BatchNorm, x: Shape) -> Iterator[Answer]:
    channels = f"{x.channels:,} channel{'s' * (x.channels > 1)}"
    yield Answer(
        "What is left of it in inference?",
        (
            f"One factor and one offset for each of {channels}: mean and variance are the running ones then, which "
            "are constants. A convolution before it can take both up into its weights, and nothing is left.",
        ),
    )
    if least_batch(layer, x) > 1:
        yield Answer(
            "How many examples does training take at once?",
            (
                "Two at least: each example gives one value a channel, and one value has no variance. PyTorch "
                "refuses to train it at batch 1; inference takes any batch.",
            ),
        )


@answers.of(Dropout)
def _of_dropout(layer: Dropout, x: Shape) -> Iterator[Answer]:
    dropped = Equation("", formula(layer.rate) * x.elements, "values, on average")
    yield Answer(
        "What does it do in inference?",
        ("Nothing: it passes its input on. In training it sets to 0, each time anew,", dropped),
    )
