"""What autograd keeps of each layer until its backward pass, as PyTorch does, and how many examples training takes."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from netdsl.layers import activation, dropout, guard, merge, norm, reshape, resize, sequence, window
from netdsl.layers.attention import Attention
from netdsl.layers.base import Layer
from netdsl.layers.channels import Shuffle, Slice
from netdsl.layers.conv import Convolving
from netdsl.layers.deconv import Deconv
from netdsl.layers.dense import FullyConnected, RadialBasis
from netdsl.layers.pool import AveragePool, MaxPool
from netdsl.layers.recurrent import Recurrent
from netdsl.layers.rules import rule
from netdsl.layers.shape import Shape
from netdsl.measure.autograd import FLOAT32, INT64, Layout, Operand, Saved, view


@rule(guard.whole)
def least_batch(layer: Layer, *inputs: Shape) -> int:
    """The fewest examples that it takes at once in training."""
    return 1


@least_batch.of(norm.BatchNorm)
def _least_of_batch_norm(layer: norm.BatchNorm, x: Shape) -> int:
    """One value has no variance: where a channel has a single position, it takes two examples."""
    return 2 if x.positions == 1 else 1


@rule(guard.instance(Saved))
def saves(layer: Layer, *inputs: Operand) -> Saved:
    """What autograd keeps of it until its backward pass; by default all that it takes, and what it gives."""
    if layer.view and not layer.training_only:
        return view(inputs[0])
    return Saved(inputs=tuple(range(len(inputs))), output=True, layout=inputs[0].order)


# Layers with weights


@saves.of(Convolving)
def _convolving(layer: Convolving, x: Operand) -> Saved:
    windows = layer.windows(x.shape)
    padded = window.padded(x.shape, windows) if layer.same and window.uneven(windows) else 0
    masked = 0 if layer.maps_of() is None else prod(layer.weights(x.shape)[0].dims)
    kept = () if padded else (0,)
    scratch = padded - x.shape.elements if padded and x.gradient else 0
    return Saved(kept, values=padded, batch_values=masked, scratch=scratch, layout=x.kernel_order)


@saves.of(Deconv)
def _deconv(layer: Deconv, x: Operand) -> Saved:
    return Saved((0,), layout=x.kernel_order)


@saves.of(FullyConnected)
def _dense(layer: FullyConnected, x: Operand) -> Saved:
    return Saved((0,)) if x.flat else Saved(values=x.shape.elements)


@saves.of(RadialBasis)
def _radial_basis(layer: RadialBasis, x: Operand) -> Saved:
    values = layer.units * x.shape.elements
    return Saved(values=values, scratch=3 * values - x.shape.elements)


@saves.of(Attention)
def _attention(layer: Attention, x: Operand) -> Saved:
    """Queries, keys and values, the sums of weighted values, what flowed in, and a number for each head and position.

    Where `relative` adds a learned number, PyTorch has no kernel for a CPU that does all at once, and its own steps
    keep the weights of the values. Of one head the values are a view into what was projected.
    """
    places, elements = layer.padded(x.shape), x.shape.elements
    positions, sides = prod(places), layer.sides(x.shape)
    seen, inner = prod(sides) or positions, positions * layer.inner(x.shape)
    moved = any(layer.shifts(x.shape))
    whole = x.layout == "permuted" and not moved and places == x.shape.spatial and places[1:] == sides[1:]
    copied = 0 if whole or 1 in (x.shape.channels, x.shape.positions) else positions * x.shape.channels
    weights = layer.heads * positions * seen
    made = 2 * elements if x.gradient else elements
    if layer.relative:
        kept = 4 * inner + weights + (2 * inner if layer.heads == 1 else 0)
        scratch = max(4 * inner, (3 if moved else 2) * weights - inner)
        return Saved(() if copied else (0,), values=copied + kept, scratch=scratch - made, layout="permuted")
    kept = 4 * inner + (positions * seen if moved else 0)
    back = inner + elements
    if len(sides) > 1:  # gradients of what was brought out of the order of the windows, and then cropped
        back = positions * x.shape.channels * (2 if places == x.shape.spatial else 3)
    elif sides:
        back = positions * x.shape.channels + elements
    return Saved(
        () if copied else (0,),
        values=copied + kept,
        bytes=FLOAT32 * layer.heads * positions,
        scratch=max(4 * inner, back) - made,
        layout="permuted",
    )


# Poolings


@saves.of(MaxPool)
def _max_pool(layer: MaxPool, x: Operand) -> Saved:
    """What it pools, and where each largest value was, as int64 numbers."""
    padded = layer.padded(x.shape)
    more = layer.left_out(x.shape) if padded else 0
    found = INT64 * (layer.shape(x.shape).elements + more)
    layout = "dense" if layer.kernel is None and x.shape.rank == 3 else x.order
    if padded:
        return Saved(values=padded, bytes=found, scratch=padded - x.shape.elements + more, layout=x.kernel_order)
    return Saved((0,), bytes=found, layout=layout)


@saves.of(AveragePool)
def _average_pool(layer: AveragePool, x: Operand) -> Saved:
    """What it pools, though its values do not matter; nothing for the mean of the whole map."""
    out, padded = layer.shape(x.shape), layer.padded(x.shape)
    if layer.kernel is None and out.positions == 1:
        return Saved()
    layout = "dense" if x.shape.rank == 3 else x.kernel_order if padded else x.order
    if padded:
        counts, more = (out.positions, 0) if layer.exclude_pad else (0, layer.left_out(x.shape))
        return Saved(values=padded, batch_values=counts, scratch=padded - x.shape.elements + more, layout=layout)
    return Saved((0,), layout=layout)


# Normalisations


@saves.of(norm.LocalResponse)
def _local_response(layer: norm.LocalResponse, x: Operand) -> Saved:
    """The input, its squares with zeros around the channels, and the divisor before and after the power."""
    padded = (x.shape.channels + layer.size - 1) * x.shape.positions
    elements = x.shape.elements
    return Saved((0,), values=padded + 2 * elements, scratch=3 * elements, layout=x.order)


@saves.of(norm.BatchNorm)
def _batch_norm(layer: norm.BatchNorm, x: Operand) -> Saved:
    """The input, and each channel's mean and deviation over the batch."""
    return Saved((0,), batch_bytes=2 * FLOAT32 * x.shape.channels, layout=x.kernel_order)


@saves.of(norm.GroupNorm)
def _group_norm(layer: norm.GroupNorm, x: Operand) -> Saved:
    """The input, or a copy without gaps, and the mean and deviation of each group."""
    whole = x.layout == "dense" or (x.layout == "permuted" and x.shape.rank > 1)
    copied = 0 if whole else x.shape.elements
    return Saved((0,) if whole else (), values=copied + 2 * layer.groups, layout=x.kernel_order)


@saves.of(norm.LayerNorm)
def _layer_norm(layer: norm.LayerNorm, x: Operand) -> Saved:
    """The input, and each position's mean and deviation. A map's output lies channels last."""
    layout = "permuted" if x.shape.spatial else "dense"
    return Saved((0,), bytes=2 * FLOAT32 * x.shape.positions, layout=layout)


@saves.of(norm.InstanceNorm)
def _instance_norm(layer: norm.InstanceNorm, x: Operand) -> Saved:
    """The input, or a copy without gaps, each channel's mean and deviation, and weights for each example."""
    whole = x.layout == "dense"
    weights = x.shape.channels if layer.affine else 0
    values = weights if whole else weights + x.shape.elements
    return Saved((0,) if whole else (), values=values, bytes=2 * FLOAT32 * x.shape.channels)


@saves.of(norm.Plus)
def _plus(layer: norm.Plus, x: Operand) -> Saved:
    """Nothing: the gradient is the output's own."""
    return Saved(passes=(0,), layout=x.order)


@saves.of(norm.Normalize, norm.Times)
def nothing(layer: Layer, x: Operand) -> Saved:
    """Nothing: the gradient is the output's, or that times constants."""
    return Saved(layout=x.order)


# Activations, of which most keep their input


@saves.of(activation.Activation)
def _activation(layer: activation.Activation, x: Operand) -> Saved:
    return Saved((0,), layout=x.order)


@saves.of(activation.Relu, activation.Sigmoid)
def _of_output(layer: activation.Activation, x: Operand) -> Saved:
    """The output, from which their gradients follow."""
    return Saved(output=True, layout=x.order)


@saves.of(activation.Softmax, activation.LogSoftmax)
def _softmax(layer: activation.Activation, x: Operand) -> Saved:
    return Saved(output=True)


@saves.of(activation.Tanh)
def _tanh(layer: activation.Tanh, x: Operand) -> Saved:
    return Saved(output=True, layout=x.order) if layer.plain else Saved(values=x.shape.elements, layout=x.order)


@saves.of(activation.ParametricRelu)
def _parametric_relu(layer: activation.ParametricRelu, x: Operand) -> Saved:
    return Saved((0,), scratch=x.shape.elements * (1 if x.gradient else 2), layout=x.order)


@saves.of(activation.Absolute, norm.Scale)
def _scaled(layer: Layer, x: Operand) -> Saved:
    return Saved((0,), scratch=x.shape.elements, layout=x.order)


@saves.of(dropout.Dropping)
def _dropout(layer: dropout.Dropping, x: Operand) -> Saved:
    """The mask: a byte for each value, as on a GPU (a CPU keeps numbers), or for each example."""
    if layer.rate == 0:
        return view(x)
    if isinstance(layer, dropout.DropPath):
        return Saved(bytes=1, layout=x.order)
    return Saved(batch_values=1, layout=x.order) if layer.rate == 1 else Saved(bytes=x.shape.elements, layout=x.order)


# What moves values about


@saves.of(reshape.Viewing)
def _reshaped(layer: reshape.Viewing, x: Operand) -> Saved:
    """The same memory, or a copy where that has gaps or another order."""
    return view(x) if x.flat else Saved(passes=(0,))


@saves.of(Shuffle, resize.Upsample)
def _copied(layer: Layer, x: Operand, *like: Operand) -> Saved:
    return Saved(constant=(1,), layout=x.kernel_order)


@saves.of(resize.PixelShuffle, resize.PixelUnshuffle)
def _pixel_shuffle(layer: Layer, x: Operand) -> Saved:
    return Saved()


@saves.of(reshape.Pad)
def _pad(layer: reshape.Pad, x: Operand) -> Saved:
    return Saved(() if layer.mode == "zero" else (0,), layout=x.kernel_order)


@saves.of(reshape.Crop)
def _crop(layer: reshape.Crop, x: Operand, *like: Operand) -> Saved:
    spatial = layer.shape(x.shape, *[one.shape for one in like]).spatial
    cut = [axis for axis, (size, part) in enumerate(zip(x.shape.spatial, spatial, strict=True)) if part < size]
    if not cut:
        return Saved(shares=True, constant=(1,), layout=x.layout)
    gaps = x.shape.channels * prod(spatial[: cut[-1]])
    layout = "sliced" if x.flat and gaps == 1 else x.cut
    uncut = x.shape.channels * prod([spatial[0], *x.shape.spatial[1:]])  # all axes but the first have been undone
    return Saved(shares=True, constant=(1,), scratch=uncut - x.shape.channels * prod(spatial), layout=layout)


@saves.of(Slice)
def _slice(layer: Slice, x: Operand) -> Saved:
    whole = layer.to - layer.from_ == x.shape.channels
    return Saved(shares=True, layout=x.layout if whole else "sliced" if x.flat else x.cut)


# Sequences


@saves.of(sequence.Token)
def _token(layer: sequence.Token, x: Operand) -> Saved:
    return Saved(passes=(0,))


@saves.of(sequence.Positions)
def _positions(layer: sequence.Positions, x: Operand) -> Saved:
    return Saved(passes=(0,), layout=x.order)


@saves.of(sequence.Pick)
def _pick(layer: sequence.Pick, x: Operand) -> Saved:
    return Saved(shares=True, layout="sliced" if x.order == "permuted" else "strided")


@saves.of(Recurrent)
def _recurrent(layer: Recurrent, x: Operand) -> Saved:
    """What flows in, position by position, and seven numbers of each unit: gates, state, and what they are made of.

    So it is where PyTorch takes step after step; oneDNN and cuDNN keep it in a piece of their own. The backward pass
    has the gradients of all gates at once, those of both directions where both begin with one state.
    """
    (size,) = x.shape.spatial
    products = layer.gates * size * (layer.states if layer.last else layer.units)
    return Saved(values=size * (x.shape.channels + 7 * layer.states), scratch=products)


# Merges


@saves.of(merge.Concat)
def _concat(layer: merge.Concat, *inputs: Operand) -> Saved:
    permuted = all(x.kernel_order == "permuted" for x in inputs)
    return Saved(passes=tuple(range(len(inputs))), layout="permuted" if permuted else "dense")


@saves.of(merge.Add, merge.Subtract)
def _sum(layer: Layer, *inputs: Operand) -> Saved:
    """Nothing: branches get the gradient itself, of a difference the first alone; a branch alone is passed on."""
    if len(inputs) == 1:
        return view(inputs[0])
    passed = inputs if isinstance(layer, merge.Add) else inputs[:1]
    return Saved(passes=tuple(range(len(passed))), layout=inputs[0].order)


@saves.of(merge.Mean)
def _mean(layer: merge.Mean, *inputs: Operand) -> Saved:
    (x, *_) = inputs
    return Saved(passes=tuple(range(len(inputs))), scratch=x.shape.elements, layout=x.order)


@saves.of(merge.Multiply)
def _multiply(layer: merge.Multiply, *inputs: Operand) -> Saved:
    """The factors: each for the other's gradient, and the products of the first ones."""
    made = [layer.shape(*[x.shape for x in inputs[: n + 1]]).elements for n in range(len(inputs))]
    stretched = [x.shape.elements for x in inputs if x.gradient and x.shape.elements < made[-1]]
    sums = sum([made[-1] - size for size in stretched]) + max(stretched, default=0)
    return _chain(inputs, made, sums or made[-1] * (2 - len(inputs)))


@saves.of(merge.Maximum)
def _maximum(layer: merge.Maximum, *inputs: Operand) -> Saved:
    """All branches, and the largest values of the first ones."""
    elements = inputs[0].shape.elements
    return _chain(inputs, [elements] * len(inputs), elements * (7 - 2 * len(inputs)) // 2, both=True)


def _chain(inputs: tuple[Operand, ...], elements: Sequence[int], scratch: int, *, both: bool = False) -> Saved:
    """What is kept of an operation on two values that takes in one branch after the other.

    `elements` has what has been made after each. A step keeps each operand for the gradient of the other, or both for
    that of any.
    """
    first, *others = inputs
    if not others:
        return view(first)
    kept: set[int] = set()
    values = 0
    gradient = first.gradient
    for position, other in enumerate(others, 1):
        if other.gradient or (both and gradient):
            kept |= {0} if position == 1 else set()
            values += elements[position - 1] if position > 1 else 0
        if gradient or (both and other.gradient):
            kept.add(position)
        gradient = gradient or other.gradient
    whole: list[Layout] = [x.order for x in inputs if x.shape.elements == elements[-1]]
    order = whole[0] if whole else "dense"
    return Saved(tuple(sorted(kept)), values=values, scratch=scratch, layout=order)
