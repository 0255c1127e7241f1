"""Layers against references written out longhand: what they compute, what they read, and what they cost."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
import torch

import netdsl
from netdsl.layers.modules import digits
from netdsl.measure import field

if TYPE_CHECKING:
    from netdsl.layers.shape import Shape


def last(dims: str, text: str) -> tuple[Any, tuple[Shape, ...], Shape]:
    """The layer at the end of a chain, the shapes of its inputs, and its output's."""
    shaped = netdsl.loads(f"INPUT {dims} -> {text}\n").shaped
    return shaped.nodes[-1].layer, shaped.input_shapes(len(shaped.nodes) - 1), shaped.shapes[-1]


def lowered(dims: str, text: str) -> tuple[Any, torch.Tensor]:
    """A layer's module in inference, and an input for it."""
    torch.manual_seed(3)
    layer, (x, *_), _ = last(dims, text)
    return layer.lower(x).eval(), torch.randn(2, x.channels, *x.spatial)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8])
def test_local_response_normalisation(size: int) -> None:
    for dims in ("7", "3x7", "2x3x7"):
        module, x = lowered(dims, f"LRN size={size} alpha=0.3 beta=0.6 k=1.5")
        expected = torch.empty_like(x)
        for channel in range(7):
            low, high = max(0, channel - size // 2), min(7, channel + (size - 1) // 2 + 1)
            squares = x[:, low:high].square().sum(1)
            expected[:, channel] = x[:, channel] / (1.5 + 0.3 / size * squares) ** 0.6
        torch.testing.assert_close(module(x), expected)


def same_positions(size: int, kernel: int, stride: int) -> list[list[int]]:
    """For each output of `same`, the real positions that it reads."""
    count = math.ceil(size / stride)
    total = max(0, (count - 1) * stride + kernel - size)
    starts = [o * stride - total // 2 for o in range(count)]
    return [[i for i in range(start, start + kernel) if 0 <= i < size] for start in starts]


@pytest.mark.parametrize(("size", "kernel", "stride"), [*product((5, 6, 7), (1, 2, 3, 4), (1, 2, 3))])
def test_same_pooling(size: int, kernel: int, stride: int) -> None:
    maximum, x = lowered(f"{size}x3", f"MAXPOOL {kernel} s{stride} same")
    average, _ = lowered(f"{size}x3", f"AVGPOOL {kernel} s{stride} same")
    real, _ = lowered(f"{size}x3", f"AVGPOOL {kernel} s{stride} same exclude_pad")
    x = x - 5  # a padding of zeros would be the largest
    for o, read in enumerate(same_positions(size, kernel, stride)):
        window = x[:, :, read]
        torch.testing.assert_close(maximum(x)[:, :, o], window.amax(2))
        torch.testing.assert_close(average(x)[:, :, o], window.sum(2) / kernel)
        torch.testing.assert_close(real(x)[:, :, o], window.mean(2))
    assert maximum(x).shape[2] == math.ceil(size / stride)


@pytest.mark.parametrize("exclude", [False, True])
def test_ceil_never_counts_what_lies_beyond_the_padding(exclude: bool) -> None:
    module, x = lowered("6x2", "AVGPOOL 3 s2 p1 ceil" + " exclude_pad" * exclude)
    output = module(x)
    assert output.shape[2] == 4  # windows from -1, 1, 3 and 5: the last reaches to 7, one beyond the padding
    torch.testing.assert_close(output[:, :, 3], x[:, :, 5] / (1 if exclude else 2))


@pytest.mark.parametrize("options", ["", "exclude_pad", "ceil", "ceil exclude_pad"])
def test_averages_of_clips_smaller_than_their_window(options: str) -> None:
    """Which PyTorch computes for images, and refuses for clips: each picture of one is averaged as an image is."""
    for dims, kernel, padding, stride in (("2x3", "3x4", "1x2", "2x1"), ("2x2", "1x2", "0x1", "1x3")):
        clip, x = lowered(f"4x{dims}x5", f"AVGPOOL 1x{kernel} p0x{padding} s1x{stride} {options}".strip())
        image, _ = lowered(f"{dims}x5", f"AVGPOOL {kernel} p{padding} s{stride} {options}".strip())
        pictures = torch.stack([image(picture) for picture in x.unbind(2)], 2)
        torch.testing.assert_close(clip(x), pictures, equal_nan=True)
        torch.testing.assert_close(torch.jit.script(clip)(x), pictures, equal_nan=True)


@pytest.mark.parametrize("options", ["", "same", "same s2", "p1 s3"])
def test_connection_table(options: str) -> None:
    maps = ["01", "2", "0123", "13"]
    module, x = lowered("6x7x4", f'CONV 4 3 {options} table="{" ".join(maps)}"')
    plain, _ = lowered("6x7x4", f"CONV 4 3 {options}")
    module(x).square().sum().backward()
    weight = module.weight.detach().clone()
    for filter, word in enumerate(maps):
        for channel in range(4):
            unread = str(channel) not in word
            assert (weight[filter, channel] == 0).all() == unread
            assert (module.weight.grad[filter, channel] == 0).all() == unread
    plain.load_state_dict({"weight": weight, "bias": module.bias})
    torch.testing.assert_close(module(x), plain(x))
    with torch.no_grad():
        module.weight += 1  # what an optimizer may do to the zeros
    assert not torch.allclose(module(x), plain(x))
    blind = x.clone()
    blind[:, 0] += 1
    torch.testing.assert_close(module(x)[:, [1, 3]], module(blind)[:, [1, 3]])


def test_table_counts_its_connections_alone() -> None:
    layer, shapes, _ = last("5x5x4", 'CONV 3 3 table="01 2 0123" nobias')
    (weight,) = layer.weights(*shapes)
    assert (weight.dims, weight.count) == ((3, 4, 3, 3), 7 * 9)
    assert layer.macs(*shapes) == 7 * 9 * 9


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "extra", "dilation"),
    [case for case in product((1, 2, 3), (1, 2, 3), (0, 1), (0, 1), (1, 2, 3)) if case[3] < max(case[1], case[4])],
)
def test_transposed_convolution(kernel: int, stride: int, padding: int, extra: int, dilation: int) -> None:
    text = f"DECONV 2 {kernel} s{stride} p{padding} d{dilation} output_pad={extra}"
    module, x = lowered("5x3", text)
    size = 4 * stride - 2 * padding + dilation * (kernel - 1) + 1 + extra
    expected = module.bias.detach()[None, :, None].repeat(2, 1, size)
    for i, tap in product(range(5), range(kernel)):
        o = i * stride + tap * dilation - padding
        if 0 <= o < size:
            expected[:, :, o] += x[:, :, i] @ module.weight.detach()[:, :, tap]
    torch.testing.assert_close(module(x).detach(), expected)


@pytest.mark.parametrize("rounding", ["", " ceil"])
@pytest.mark.parametrize(("before", "after"), [case for case in product((0, 1, 2), (0, 1, 2)) if case[0] != case[1]])
def test_pools_that_pad_their_sides_apart(before: int, after: int, rounding: str) -> None:
    """Each window by itself: padding is never the largest, and counts in a mean unless it is excluded."""
    for size, kernel, stride in product((4, 5, 7, 9), (4, 5), (1, 2, 3, 5)):
        written = f"{kernel} s{stride} p{before} after={after}{rounding}"
        room = size + before + after - kernel
        count = (-(-room // stride) if rounding else room // stride) + 1
        count -= bool(rounding) and (count - 1) * stride >= size + before
        windows = [range(o * stride - before, o * stride - before + kernel) for o in range(count)]
        real = [[at for at in one if 0 <= at < size] for one in windows]
        counted = [sum(at < size + after for at in one) for one in windows]
        module, x = lowered(f"{size}x3", f"MAXPOOL {written}")
        assert torch.equal(module(x), torch.stack([x[:, :, one].amax(2) for one in real], 2))
        sums = torch.stack([x[:, :, one].sum(2) for one in real], 2)
        mean = lowered(f"{size}x3", f"AVGPOOL {written}")[0](x)
        torch.testing.assert_close(mean, sums / torch.tensor(counted))
        mean = lowered(f"{size}x3", f"AVGPOOL {written} exclude_pad")[0](x)
        torch.testing.assert_close(mean, sums / torch.tensor([len(one) for one in real]))


def test_rbf_units_are_distances_to_the_digits() -> None:
    module, x = lowered("84", "RBF 10")
    assert set(module.state_dict()) == {"codes"}
    assert not list(module.parameters())
    codes = torch.tensor(digits.codes(), dtype=torch.float32)
    assert codes.shape == (10, 84)
    assert codes.unique().tolist() == [-1, 1]
    differences = (codes[:, None] != codes[None]).sum(2)
    assert differences.fill_diagonal_(84).min() >= 6, "two digits are hard to tell apart"
    assert torch.equal(module(codes).argmin(1), torch.arange(10))
    assert torch.equal(module(codes).diagonal(), torch.zeros(10))
    expected = torch.stack([((x - code) ** 2).sum(1) for code in codes], 1)
    torch.testing.assert_close(module(x), expected)


def test_other_rbf_codes_never_change() -> None:
    first, x = lowered("3x4x5", "RBF 7")
    torch.manual_seed(99)
    again = last("3x4x5", "RBF 7")[0].lower(*last("3x4x5", "RBF 7")[1])
    assert torch.equal(first.codes, again.codes)
    assert first.codes.unique().tolist() == [-1, 1]
    torch.testing.assert_close(first(x)[0, 3], ((x[0].flatten() - first.codes[3]) ** 2).sum())


@pytest.mark.parametrize("dims", ["12", "3x12", "2x3x12", "2x2x2x12"])
def test_shuffle(dims: str) -> None:
    for groups in (1, 2, 3, 4, 12):
        module, x = lowered(dims, f"SHUFFLE {groups}")
        order = [row * (12 // groups) + column for column in range(12 // groups) for row in range(groups)]
        assert torch.equal(module(x), x[:, order])


@pytest.mark.parametrize(("dims", "factor"), [("4x3x12", 2), ("3x5x18", 3), ("1x1x4", 2), ("5x2x7", 1)])
def test_pixel_shuffle_is_that_of_pytorch(dims: str, factor: int) -> None:
    module, x = lowered(dims, f"PIXELSHUFFLE {factor}")
    assert torch.equal(module(x), torch.nn.PixelShuffle(factor)(x))
    layer, (shape,), out = last(dims, f"PIXELSHUFFLE {factor} order=dcr")
    cells = shape.channels // out.channels
    order = [cell * out.channels + channel for channel in range(out.channels) for cell in range(cells)]
    assert torch.equal(layer.lower(shape)(x), torch.nn.PixelShuffle(factor)(x[:, order]))


@pytest.mark.parametrize(("dims", "factor"), [("8x6x3", 2), ("9x6x2", 3), ("4x4x1", 4), ("5x2x7", 1), ("8x4x8", 2)])
def test_pixel_unshuffle_is_that_of_other_tools(dims: str, factor: int) -> None:
    module, x = lowered(dims, f"PIXELUNSHUFFLE {factor}")
    assert torch.equal(module(x), torch.nn.PixelUnshuffle(factor)(x))
    places = [(dy, dx) for dy in range(factor) for dx in range(factor)]
    parts = {place: x[:, :, place[0] :: factor, place[1] :: factor] for place in places}
    to_depth = torch.cat([parts[place] for place in places], 1)  # TensorFlow's space_to_depth
    assert torch.equal(lowered(dims, f"PIXELUNSHUFFLE {factor} order=dcr")[0](x), to_depth)
    merged = torch.cat([parts[dy, dx] for dx, dy in places], 1)  # torchvision's PatchMerging
    assert torch.equal(lowered(dims, f"PIXELUNSHUFFLE {factor} order=swin")[0](x), merged)


@pytest.mark.parametrize("dims", ["12x1", "8x6", "4x6x2", "2x4x6x1"])
@pytest.mark.parametrize("order", ["crd", "dcr"])
def test_pixel_shuffle_undoes_pixel_unshuffle(dims: str, order: str) -> None:
    text = f"PIXELUNSHUFFLE 2 order={order}"
    apart, x = lowered(dims, text)
    together, _ = lowered(str(last(dims, text)[2]), f"PIXELSHUFFLE 2 order={order}")
    assert torch.equal(together(apart(x)), x)


@pytest.mark.parametrize(("height", "width", "channels", "stride"), [(4, 6, 8, 2), (2, 2, 4, 2), (6, 3, 9, 3)])
def test_darknets_reorg(height: int, width: int, channels: int, stride: int) -> None:
    """As reorg_cpu of Darknet's blas.c has it: the loops over channels, rows and columns, and its two indices."""
    module, x = lowered(f"{height}x{width}x{channels}", f"PIXELUNSHUFFLE {stride} order=darknet")
    fewer = channels // stride**2
    for example, found in zip(x.flatten(1), module(x), strict=True):
        expected = torch.empty_like(example)
        for k, j, i in product(range(channels), range(height), range(width)):
            column, row = i * stride + k // fewer % stride, j * stride + k // fewer // stride
            source = column + width * stride * (row + height * stride * (k % fewer))
            expected[i + width * (j + height * k)] = example[source]
        assert torch.equal(found.flatten(), expected)
        assert found.shape == (channels * stride**2, height // stride, width // stride)


@pytest.mark.parametrize("dims", ["5x12", "2x3x4x16"])
def test_pixel_shuffle_along_other_axes(dims: str) -> None:
    layer, (x,), out = last(dims, "PIXELSHUFFLE 2")
    values = torch.randn(2, x.channels, *x.spatial)
    found = layer.lower(x)(values)
    assert found.shape == (2, out.channels, *out.spatial)
    cells = 2**x.rank
    for place in product((0, 1), repeat=x.rank):
        cell = int("".join(map(str, place)), 2)
        part = found[(slice(None), slice(None), *(slice(at, None, 2) for at in place))]
        assert torch.equal(part, values[:, cell::cells])


def test_tokens_positions_and_one_of_them() -> None:
    module, x = lowered("4x3", "TOKEN 2")
    assert module.weight.shape == (2, 3)
    expected = torch.cat([module.weight.T[None].repeat(2, 1, 1), x], 2)
    assert torch.equal(module(x), expected)
    assert 0.005 < lowered("4x300", "TOKEN 2")[0].weight.std() < 0.05
    for dims in ("3", "4x3", "4x5x3"):
        module, x = lowered(dims, "POSITIONS")
        assert tuple(module.weight.shape) == tuple(map(int, dims.split("x")))
        places = module.weight.reshape(-1, 3).T.reshape(x.shape[1:])
        assert torch.equal(module(x), x + places)
    for position in (0, 3, -1, -4):
        module, x = lowered("4x3", f"PICK {position}")
        assert torch.equal(module(x), x[:, :, position])


@pytest.mark.parametrize("both", ["", " both"])
@pytest.mark.parametrize("keyword", ["LSTM", "GRU"])
def test_recurrent_layers_are_those_of_pytorch(keyword: str, both: str) -> None:
    """With its names of weights; `last` is the final state of each direction, of the second at the first position."""
    module, x = lowered("7x3", f"{keyword} 4{both}")
    theirs = getattr(torch.nn, keyword)(3, 4, batch_first=True, bidirectional=bool(both))
    theirs.load_state_dict(module.state_dict())
    states, _ = theirs(x.transpose(1, 2))
    torch.testing.assert_close(module(x), states.transpose(1, 2))
    last, _ = lowered("7x3", f"{keyword} 4{both} last")
    last.load_state_dict(module.state_dict())
    ends = [states[:, -1, :4], states[:, 0, 4:]] if both else [states[:, -1]]
    torch.testing.assert_close(last(x), torch.cat(ends, 1))
    assert all(weight.abs().max() <= 0.5 and weight.std() > 0.1 for weight in module.parameters())


@pytest.mark.parametrize("keyword", ["LSTM", "GRU"])
def test_recurrent_layers_step_by_step(keyword: str) -> None:
    module, x = lowered("5x3", f"{keyword} 4")
    weights = [weight.detach() for weight in module.parameters()]
    state = cell = torch.zeros(2, 4)
    for step in range(5):
        inner, outer = x[:, :, step] @ weights[0].T + weights[2], state @ weights[1].T + weights[3]
        if keyword == "LSTM":
            i, f, g, o = (inner + outer).chunk(4, 1)
            cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
            state = o.sigmoid() * cell.tanh()
        else:
            (r, z, n), (reset, keep, new) = inner.chunk(3, 1), outer.chunk(3, 1)
            z = (z + keep).sigmoid()
            state = (1 - z) * (n + (r + reset).sigmoid() * new).tanh() + z * state
        torch.testing.assert_close(module(x).detach()[:, :, step], state)


def test_crop_is_centred_and_rounds_down() -> None:
    module, x = lowered("9x8x1", "CROP 4x3")
    assert torch.equal(module(x), x[:, :, 2:6, 2:5])
    module, x = lowered("9x8x1", "CROP 4x3 at=5x0")
    assert torch.equal(module(x), x[:, :, 5:9, 0:3])
    module, x = lowered("9x8x1", "CROP 4 axis=0")
    assert torch.equal(module(x), x[:, :, 2:6])
    assert torch.equal(module(x[..., 3:]), x[:, :, 2:6, 3:]), "applied again, it cuts that axis alone"
    module, x = lowered("9x8x1", "CROP 3 axis=1 at=4")
    assert torch.equal(module(x), x[..., 4:7])
    layer, shapes, _ = last("9x8x1", "a: MAXPOOL 3 s2 -> PAD 2 -> CROP like=a")
    x, like = (torch.randn(2, 1, *shape.spatial) for shape in shapes)
    assert torch.equal(layer.lower(*shapes)(x, like), x[:, :, 2:6, 2:5])


def test_upsample_repeats_and_interpolates() -> None:
    module, x = lowered("4x3", "UPSAMPLE 3")
    assert torch.equal(module(x), x.repeat_interleave(3, 2))
    module, x = lowered("4x3", "UPSAMPLE 2 mode=bilinear")
    left, right = module(x)[:, :, 1:-1:2], module(x)[:, :, 2::2]
    torch.testing.assert_close(left, 0.75 * x[:, :, :-1] + 0.25 * x[:, :, 1:])
    torch.testing.assert_close(right, 0.25 * x[:, :, :-1] + 0.75 * x[:, :, 1:])
    module, x = lowered("4x3", "UPSAMPLE to=7 mode=bilinear aligned")
    torch.testing.assert_close(module(x)[:, :, ::2], x)
    torch.testing.assert_close(module(x)[:, :, 1::2], (x[:, :, :-1] + x[:, :, 1:]) / 2)
    module, x = lowered("4x9x3", "UPSAMPLE to=7x9 mode=bicubic aligned")
    torch.testing.assert_close(module(x)[:, :, ::2], x)
    one, two, three, four = x.unbind(2)  # cubic convolution in the middle, with a = -0.75
    torch.testing.assert_close(module(x)[:, :, 3], (19 * (two + three) - 3 * (one + four)) / 32)


def test_flatten_and_reshape_are_channel_major() -> None:
    module, x = lowered("2x3x4", "FLATTEN")
    assert module(x)[0].tolist() == [x[0, c, i, j] for c in range(4) for i in range(2) for j in range(3)]
    module, x = lowered("2x3x4", "RESHAPE 4x2x3")
    assert torch.equal(module(x).flatten(1), x.flatten(1))
    assert module(x).shape == (2, 3, 4, 2)


def test_layer_norm_is_of_each_position() -> None:
    module, x = lowered("3x4x6", "LN")
    centred = x - x.mean(1, keepdim=True)
    expected = centred / (centred.square().mean(1, keepdim=True) + 1e-5).sqrt()
    torch.testing.assert_close(module(x), expected)


def test_constants_and_factors_meet_their_channels() -> None:
    module, x = lowered("3x4x2", "NORMALIZE mean={1, 2} std={3, 4}")
    expected = torch.stack([(x[:, 0] - 1) / 3, (x[:, 1] - 2) / 4], 1)
    torch.testing.assert_close(module(x), expected)
    assert module((x * 20 + 99).clamp(0, 255).byte()).dtype == torch.float32, "it takes raw pixels"
    module, x = lowered("3x4x2", "SCALE bias init=0.5")
    with torch.no_grad():
        module.bias += torch.tensor([1.0, 2.0])
    expected = torch.stack([x[:, 0] / 2 + 1, x[:, 1] / 2 + 2], 1)
    torch.testing.assert_close(module(x), expected)
    for text, scaled in [("TIMES -0.25", -x / 4), ("PLUS {-1/3}", x - 1 / 3), ("PLUS 2", x + 2)]:
        torch.testing.assert_close(lowered("3x4x2", text)[0](x), scaled)
    assert lowered("3x4x2", "TIMES {1/255}")[0](torch.full((1, 2, 3, 4), 255).byte()).unique().tolist() == [1.0]


def test_multiply_takes_a_vector_as_1x1() -> None:
    layer, shapes, _ = last("3x4x2", "[ FC 2 | SKIP ] -> MUL")
    gate, x = torch.randn(2, 2), torch.randn(2, 2, 3, 4)
    assert torch.equal(layer.lower(*shapes)(gate, x), gate[:, :, None, None] * x)


def test_drop_path_drops_whole_examples() -> None:
    layer, shapes, _ = last("3x2", "DROPPATH 0.25")
    torch.manual_seed(0)
    kept = layer.lower(*shapes).train()(torch.ones(4000, 2, 3)).flatten(1)
    assert (kept == kept[:, :1]).all()
    assert kept.unique().tolist() == pytest.approx([0, 4 / 3])
    assert kept.mean().item() == pytest.approx(1, abs=0.03)


def test_scaled_tanh_and_slopes() -> None:
    module, x = lowered("9", "TANH scale=1.7159 slope={2/3}")
    torch.testing.assert_close(module(x), 1.7159 * torch.tanh(2 * x / 3))
    module, x = lowered("9", "ELU 0.5")
    torch.testing.assert_close(module(x), torch.where(x > 0, x, 0.5 * x.expm1()))
    module, x = lowered("9", "PRELU 0.1 per_channel")
    torch.testing.assert_close(module(x), torch.where(x > 0, x, 0.1 * x))


READS = """
CONV 2 3; CONV 2 3 s2 p1; CONV 2 2 same; CONV 2 4 same s3; CONV 2 3 d2 p1; DWCONV 3 s2
DECONV 2 3; DECONV 2 2 s2; DECONV 2 4 s2 p1; DECONV 2 5 s3 p1 output_pad=1; DECONV 2 1 s2
DECONV 2 3 d2; DECONV 2 3 s2 p1 d3; DECONV 2 2 s3 d2 output_pad=2
MAXPOOL 3 s2; AVGPOOL 3 s2 p1 exclude_pad; AVGPOOL 2 s2; AVGPOOL 3 s2 ceil; MAXPOOL 2 same
MAXPOOL 3 s2 p1 after=0; AVGPOOL 4 s3 after=2 ceil
PAD 1; PAD 0 after=2; CROP 5; CROP 4 at=1; CROP 4 axis=0 at=2; UPSAMPLE 1; UPSAMPLE 2;
UPSAMPLE 3; UPSAMPLE 1 mode=bilinear
UPSAMPLE 2 mode=bilinear; UPSAMPLE 3 mode=bilinear; UPSAMPLE 4 mode=bilinear; LRN; BN; LN; RELU; SOFTMAX; SHUFFLE 2
TIMES -2; PLUS 1
PIXELSHUFFLE 1; PIXELSHUFFLE 2; PIXELUNSHUFFLE 1; PIXELSHUFFLE 2 order=dcr; TOKEN; TOKEN 3; POSITIONS
"""


@pytest.mark.parametrize("text", [text.strip() for text in READS.replace("\n", ";").split(";") if text.strip()])
@pytest.mark.parametrize("size", [7, 12])
def test_windows_are_what_gradients_show(text: str, size: int) -> None:
    """Which inputs have an influence on each output, against the window's own arithmetic."""
    layer, (x,), shape = last(f"{size}x2", text)
    module = layer.lower(x).eval()
    count = shape.spatial[0]
    torch.manual_seed(1)
    values = torch.randn(count, 32, 2, size, requires_grad=True)  # a maximum shows one of its inputs at a time
    output = module(values.flatten(0, 1)).unflatten(0, (count, 32))
    (gradients,) = torch.autograd.grad(torch.stack([output[o, :, 0, o].sum() for o in range(count)]).sum(), values)
    read = [{i for i in range(size) if one[:, :, i].abs().max() > 1e-4} for one in gradients]
    windows, enlarged = layer.windows(x) or (None,), layer.enlargement(x) or (Fraction(1),)
    for o, positions in enumerate(read):
        if windows[0] is None:
            assert positions == {o}
            continue
        start = o * windows[0].stride - windows[0].before
        inside = {i for i in range(size) if start <= i * enlarged[0] < start + windows[0].reach}
        assert positions <= inside
        if windows[0].dilation == 1:
            assert positions == inside


@pytest.mark.parametrize("mode", ["nearest", "bilinear", "bilinear aligned", "bicubic", "bicubic aligned"])
@pytest.mark.parametrize("size", [1, 2, 5, 8])
def test_what_an_enlarged_position_reads(mode: str, size: int) -> None:
    """Against gradients, for factors that are whole and that are not, and for those that make smaller."""
    for count in (1, 2, 3, 4, 7, 8, 9, 13, 15, 16, 24):
        side = ("x1", "x1") if "bicubic" in mode else ("", "")
        layer, (x,), shape = last(f"{size}{side[0]}x1", f"UPSAMPLE to={count}{side[1]} mode={mode}")
        values = torch.randn(count, 1, *x.spatial, dtype=torch.float64, requires_grad=True)
        output = layer.lower(x)(values)
        (gradients,) = torch.autograd.grad(torch.stack([output[o, 0, o].sum() for o in range(count)]).sum(), values)
        (window, *_), (scale, *_) = layer.windows(x), layer.enlargement(x)
        for o in range(shape.spatial[0]):
            read = {i for i in range(size) if gradients[o, 0, i].abs().max() > 1e-9}
            assert set(layer.reads(0, o, x)) == read
            start = o * window.stride - window.before
            meets = {min(max(i, 0), size - 1) for i in range(-9, 9 + size) if 0 <= i * scale - start < window.reach}
            assert read == meets or ("bicubic" in mode and read < meets and len(read) == 1)


@pytest.mark.parametrize("dilation", [1, 2, 3, 4])
@pytest.mark.parametrize("kernel", [1, 2, 3, 5])
def test_the_field_of_a_transposed_convolution_has_no_holes_at_its_ends(kernel: int, dilation: int) -> None:
    """Against gradients in the middle of a map, where some outputs see nothing at all."""
    for stride in (1, 2, 3, 4, 6):
        text = f"INPUT 40x1 -> AVGPOOL 2 -> DECONV 1 {kernel} s{stride} d{dilation}"
        shaped = netdsl.loads(text).shaped
        x = torch.randn(1, 1, 40, requires_grad=True)
        output = netdsl.loads(text).module().eval()(x)
        seen = [0]
        for o in range(output.shape[2] // 2 - stride, output.shape[2] // 2 + stride):
            (gradient,) = torch.autograd.grad(output[0, 0, o], x, retain_graph=True)
            reached = gradient.flatten().nonzero().flatten().tolist()
            seen.append(reached[-1] - reached[0] + 1 if reached else 0)
        assert field.fields(shaped)[-1][0].size == max(seen)


def test_adaptive_windows_are_exact_where_they_divide() -> None:
    for size, count in product(range(1, 20), range(1, 20)):
        layer, (x,), _ = last(f"{size}x1", f"AVGPOOL to={count}")
        (window,) = layer.windows(x)
        reads = [math.ceil((i + 1) * size / count) - i * size // count for i in range(count)]
        assert window.size == max(reads)
        assert window.stride == max(1, size // count)
        if size % count == 0:
            assert window == last(f"{size}x1", f"AVGPOOL {size // count}")[0].windows(x)[0]


FLOPS = """
4x5x6: RELU: 120
4x5x6: TANH: 600
4x5x6: TANH scale=2: 840
4x5x6: SOFTMAX: 600
4x5x6: LRN: 1560
4x5x6: BN: 240
4x5x6: GN 2: 840
4x5x6: GN 2 noaffine: 600
4x5x6: SCALE: 120
4x5x6: SCALE bias: 240
4x5x6: NORMALIZE: 240
4x5x6: TIMES 2: 120
4x5x6: PLUS 2: 120
4x5x6: MAXPOOL 2: 72
4x5x6: AVGPOOL 2: 96
4x5x6: AVGPOOL global: 120
4x5x6: MAXPOOL global: 114
4x5x6: AVGPOOL to=2: 144
4x5x6: RBF 3: 1080
4x5x6: FC 3: 720
4x5x6: CONV 2 3: 1296
4x5x6: DECONV 2 3: 4320
4x5x6: UPSAMPLE 2: 0
4x5x6: UPSAMPLE 2 mode=bilinear: 3360
5x6: UPSAMPLE 2 mode=bilinear: 180
4x5x6: UPSAMPLE 2 mode=bicubic aligned: 14880
4x5x6: DROPOUT: 0
4x5x6: FLATTEN: 0
4x5x6: POSITIONS: 120
6: POSITIONS: 6
5x6: TOKEN 2: 0
5x6: LSTM 3: 1530
5x6: LSTM 3 both last: 3060
5x6: GRU 3: 1125
5x6: PICK 2: 0
4x5x6: [ SKIP | RELU | ABS ] -> ADD: 240
4x5x6: [ SKIP | RELU | ABS ] -> MEAN: 360
4x5x6: [ SKIP | FC 6 ] -> MUL: 120
4x5x6: [ SKIP | RELU ] -> CONCAT: 0
"""


@pytest.mark.parametrize("case", FLOPS.strip().splitlines())
def test_flops(case: str) -> None:
    dims, text, count = case.split(": ")
    layer, shapes, _ = last(dims, text)
    assert layer.flops(*shapes) == int(count)
