"""Every layer's rules against torch's own execution of what it lowers to, over sizes that do not divide."""

from __future__ import annotations

import copy
import io
import pickle
from typing import TYPE_CHECKING

import pytest
import torch

import netdsl
from netdsl.layers import table
from netdsl.layers.modules import merge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netdsl.layers.base import Layer
    from netdsl.layers.shape import Shape

RANKS = ("6", "11x6", "7x9x6", "5x6x7x6")
FURTHER = ("8x6", "8x8x6", "6x13x6")

WINDOWED = """
CONV 4 3; CONV 4 2 s2; CONV 4 3 p1 s2; CONV 6 3 g3; CONV 4 3 p2 d2 nobias; CONV 4 5 s4 p2; CONV 5 1
CONV 4 3 same; CONV 4 2 same; CONV 4 2 same s3; CONV 4 3 same d2 s2; CONV 4 5 same s2 nobias; CONV 4 1 same s3
CONV 2 2 table="01 2345"; CONV 3 3 p1 s2 table="0,5 1 2,3,4" nobias; CONV 2 2 same table="0 12345"
DWCONV 3; DWCONV 3 s2 p1 nobias; DWCONV 2 same s2 multiplier=2; DWCONV 3 d2 p1 multiplier=3
DECONV 4 3; DECONV 4 2 s2; DECONV 4 4 s2 p1; DECONV 6 3 s2 p1 output_pad=1 nobias; DECONV 4 3 s3 g2; DECONV 3 1 s2
DECONV 4 3 d2; DECONV 4 3 s2 p2 d3 g2 output_pad=2; DECONV 2 2 s3 d2 nobias
MAXPOOL 2; MAXPOOL 3 s2; MAXPOOL 3 s2 p1; MAXPOOL 2 ceil; MAXPOOL 3 s2 ceil; MAXPOOL 2 p1 ceil; MAXPOOL 2 s3 ceil
MAXPOOL 3 s2 same; MAXPOOL 2 same; MAXPOOL 2 s1 same; MAXPOOL 3 s1 same; MAXPOOL 1 s2; MAXPOOL to=3; MAXPOOL global
AVGPOOL 2; AVGPOOL 3 s2 p1; AVGPOOL 3 s2 p1 exclude_pad; AVGPOOL 2 ceil; AVGPOOL 3 s2 p1 ceil; AVGPOOL 3 s1 same
AVGPOOL 3 s2 p1 ceil exclude_pad; AVGPOOL 3 s2 same; AVGPOOL 2 s1 same exclude_pad; AVGPOOL to=4; AVGPOOL to=2
AVGPOOL global; IN; IN affine eps=1e-3
MAXPOOL 3 s2 p1 after=0; MAXPOOL 2 after=1; MAXPOOL 4 s3 after=2 ceil; MAXPOOL 4 s3 p2 after=1 ceil; MAXPOOL 3 after=0
AVGPOOL 3 s2 p1 after=0; AVGPOOL 2 after=1 exclude_pad; AVGPOOL 4 s3 after=2 ceil
AVGPOOL 4 s3 p1 after=2 ceil exclude_pad
PAD 1; PAD 0 after=2; PAD 2 mode=reflect; PAD 1 after=0 mode=edge; PAD 1 after=3 mode=edge
CROP 4; CROP 3 at=1; CROP 5 at=0; UPSAMPLE 2; UPSAMPLE 3 mode=bilinear; UPSAMPLE 2 mode=bilinear; UPSAMPLE to=17
UPSAMPLE to=9 mode=bilinear; UPSAMPLE to=3; UPSAMPLE 2 mode=bilinear aligned
a: PAD 1 -> UPSAMPLE 3 -> UPSAMPLE like=a mode=bilinear aligned
PIXELSHUFFLE 1; a: PAD 2 -> MAXPOOL 2 -> UPSAMPLE like=a
a: PAD 1 -> UPSAMPLE 2 -> UPSAMPLE like=a mode=bilinear; a: MAXPOOL 2 -> PAD 3 -> CROP like=a
a: MAXPOOL 2 -> PAD 3 -> CROP like=a at=2; CROP 4 axis=0; CROP 2 axis=0 at=1
ATTENTION 2; ATTENTION 3 causal nobias; ATTENTION 2 width=4; ATTENTION 3 window=4; ATTENTION 1 width=2 window=5 nobias
ATTENTION 2 window=3 shift relative; ATTENTION 3 window=4 shift=1; ATTENTION 1 window=20 shift relative nobias
[ SKIP | AVGPOOL global ] -> MUL; [ FC 6 | SKIP | CONV 1 1 ] -> MUL; [ SKIP | CONV 4 3 p1 | SKIP ] -> CONCAT
"""
ANYWHERE = """
FC 5; FC 3 nobias; RBF 4; BN; BN eps=1e-3 momentum=0.01 noaffine; GN 2; GN 3 noaffine eps=1e-6; LN; LN noaffine
LRN; NORM size=2 alpha=0.5 beta=0.5 k=2; LRN size=9 alpha=1; SCALE; SCALE bias init=1e-6; SCALE init={1/3}
NORMALIZE; NORMALIZE mean=0.5 std={1/4}; RELU; RELU6; LEAKYRELU; LEAKYRELU 0.2; PRELU; PRELU 0.1 per_channel
ELU; ELU slope=0.5; SELU; GELU; SILU; MISH; HARDSWISH; HARDSIGMOID; SIGMOID; TANH; TANH scale=1.7159 slope={2/3}
TANH slope=-2; SOFTPLUS; ABS; SOFTMAX; LOGSOFTMAX; DROPOUT; DROPOUT 0.2; DROPOUT 1; DROPPATH; DROPPATH 0; DROPPATH 1
TIMES 0.1; TIMES -2; PLUS {-1/3}; PLUS 0
FLATTEN; POSITIONS; SLICE 0 2; SLICE 1 6; SHUFFLE 2; SHUFFLE 3; SHUFFLE 1
[ SKIP ] -> ADD; [ SKIP | RELU ] -> ADD; [ SKIP | RELU | ABS ] -> SUB; [ RELU | ABS ] -> MUL; [ SKIP ] -> MUL
[ SKIP | RELU | ABS ] -> MEAN; [ SKIP | ABS | TANH | RELU ] -> MAX; [ SKIP | SLICE 1 3 ] -> CONCAT
"""
PARTICULAR = """
11x6: CONV 4 3 s2 p{1}; PAD 3 after=1; RESHAPE 3x22; RESHAPE 66; RESHAPE 2x3x11
7x9x6: CONV 4 3x1 p1x0 s2x1; CONV 4 1x5 same s1x2; CONV 4 2x3 same s2x3; CONV 2 3x2 d1x2 p0x1 table="012 345"
7x9x6: DWCONV 3x1 s1x2 p1x0; DECONV 4 3x1 s1x2 p1x0; DECONV 4 2x3 s2x3 output_pad={1, 0}; MAXPOOL 3x2 s2x1 p1x0
7x9x6: DECONV 2 2x3 s1x2 d3x2 p1x0
7x9x6: MAXPOOL 1x3 same; AVGPOOL to=3x5; MAXPOOL to=10x2; AVGPOOL 2x3 s1x2 same exclude_pad; PAD 1x0 after=2x3
7x9x6: PAD 1x2 after=3x0 mode=reflect; CROP 4x9; CROP 2x3 at=5x0; UPSAMPLE 1x3; UPSAMPLE to=8x3; RESHAPE 6x63
7x9x6: UPSAMPLE 2 mode=bicubic; UPSAMPLE 3x1 mode=bicubic aligned; UPSAMPLE to=5x13 mode=bicubic
7x9x6: a: PAD 1 -> UPSAMPLE 2 -> UPSAMPLE like=a mode=bicubic aligned; UPSAMPLE to=1x4 mode=bicubic aligned
7x9x6: UPSAMPLE to=1x8 mode=bilinear aligned
1x1x6: UPSAMPLE 3 mode=bilinear aligned; UPSAMPLE 1 mode=bicubic; UPSAMPLE to=1x2 mode=bicubic aligned
8x6x8: PIXELUNSHUFFLE 2; PIXELUNSHUFFLE 2 order=dcr; PIXELUNSHUFFLE 2 order=swin; PIXELUNSHUFFLE 2 order=darknet
9x12: PIXELUNSHUFFLE 3; PIXELUNSHUFFLE 3 order=dcr; PIXELUNSHUFFLE 3 order=swin; PIXELUNSHUFFLE 3 order=darknet
4x6x8x8: PIXELUNSHUFFLE 2; PIXELUNSHUFFLE 2 order=dcr; PIXELUNSHUFFLE 2 order=swin; PIXELUNSHUFFLE 2 order=darknet
2x2x4: PIXELUNSHUFFLE 1; PIXELUNSHUFFLE 2; PIXELUNSHUFFLE 1 order=darknet; PIXELUNSHUFFLE 2 order=darknet
7x9x8: PIXELSHUFFLE 2; PIXELSHUFFLE 2 order=dcr
11x6: PIXELSHUFFLE 3; PIXELSHUFFLE 2 order=dcr
5x6x7x8: PIXELSHUFFLE 2; PIXELSHUFFLE 2 order=dcr
1x1x8: PIXELSHUFFLE 2; PIXELSHUFFLE 2 order=dcr
1x1x4: PIXELSHUFFLE 2 order=dcr
11x6: TOKEN; TOKEN 3; PICK 0; PICK 7; PICK -1; PICK -11
11x6: LSTM 4; LSTM 5 both; LSTM 1 last; LSTM 4 both last; GRU 4; GRU 5 both; GRU 1 last; GRU 4 both last
1x6: TOKEN; PICK 0; LSTM 3 both; GRU 3 last
7x9x6: RESHAPE 378; RESHAPE 2x3x63; NORMALIZE mean={1, 2, 3, 4, 5, 6} std=2; NORMALIZE std={1, 2, 3, 4, 5, 6}
7x9x6: ATTENTION 2 window=7x2 shift=0x1; ATTENTION 3 window=1x9 shift relative; ATTENTION 2 window=2x4 relative
7x9x6: CONV 4 7x9; MAXPOOL 7x9; [ AVGPOOL 7x1 | AVGPOOL 1x9 ] -> MUL; [ FC 1 | SKIP ] -> MUL
8x9x6: CROP 3 axis=1; CROP 3 axis=1 at=6; CROP 8 axis=0
8x8x6: CONV 4 8; AVGPOOL 8; RESHAPE 4x4x24; RESHAPE {-1, 12}; RESHAPE {-1}; RESHAPE {2, -1, 3}
5x6x7x6: CONV 4 3x1x2 p1x0x1; MAXPOOL 1x2x2; AVGPOOL 2x3x3 s1x2x2 same; CROP 2x3x4 at=0x1x2; PAD 1x0x2 mode=reflect
5x6x7x6: ATTENTION 2 window=5x3x4 shift=2x1x0 relative
5x6x7x6: UPSAMPLE 1x2x3 mode=bilinear; AVGPOOL to=1x6x4; DECONV 2 2x1x3 s2x1x3
6: RESHAPE 3x2; RESHAPE 1x1x6; FC 1; [ SKIP | FC 1 ] -> MUL
84: RBF 10; RBF 11
2x6x7: RBF 10
1x1x6: CONV 3 1; FC 2; AVGPOOL global; UPSAMPLE 5; GN 3
"""


def _texts(block: str) -> list[str]:
    return [text.strip() for line in block.strip().splitlines() for text in line.split(";")]


CASES = [(dims, text) for text in _texts(WINDOWED) for dims in RANKS[1:]]
CASES += [(dims, text) for text in _texts(ANYWHERE) for dims in RANKS]
for line in PARTICULAR.strip().splitlines():
    dims, _, texts = line.partition(":")
    CASES += [(dims, text) for text in _texts(texts)]
SIZES = [(dims, text) for text in _texts(WINDOWED) for dims in FURTHER]


def last(dims: str, text: str) -> tuple[Layer, tuple[Shape, ...], Shape]:
    """The layer at the end of a chain, the shapes of its inputs, and its output's."""
    shaped = netdsl.loads(f"INPUT {dims} -> {text}\n").shaped
    return shaped.nodes[-1].layer, shaped.input_shapes(len(shaped.nodes) - 1), shaped.shapes[-1]


def tensors(shapes: Sequence[Shape], batch: int = 2) -> list[torch.Tensor]:
    return [torch.randn(batch, shape.channels, *shape.spatial) for shape in shapes]


def test_every_layer_is_among_the_cases() -> None:
    words = {word for _, text in CASES for word in text.split()}
    assert set(table.keywords()) - words == {"INPUT"}


def check_rules(
    layer: Layer, shapes: Sequence[Shape], shape: Shape
) -> tuple[torch.nn.Module, list[torch.Tensor], torch.Tensor]:
    """Run a layer in training and in inference, against what its rules say."""
    torch.manual_seed(1)
    module = layer.lower(*shapes)
    inputs = tensors(shapes)
    kept = [tensor.clone() for tensor in inputs]

    weights = {weight.name: weight.dims for weight in layer.weights(*shapes)}
    assert {name: tuple(one.shape) for name, one in module.named_parameters()} == weights
    assert all(one.requires_grad for one in module.parameters())

    assert module.train()(*inputs).shape == (2, shape.channels, *shape.spatial)
    output = module.eval()(*inputs)
    assert output.shape == (2, shape.channels, *shape.spatial)
    assert output.dtype == torch.float32
    assert output.isfinite().all()
    assert all(torch.equal(*pair) for pair in zip(inputs, kept, strict=True)), "an input was changed"
    return module, inputs, output


def names(cases: list[tuple[str, str]]) -> list[str]:
    return [f"{dims}: {text}" for dims, text in cases]


@pytest.mark.parametrize(("dims", "text"), CASES, ids=names(CASES))
def test_rules_and_script_agree_with_execution(dims: str, text: str) -> None:
    layer, shapes, shape = last(dims, text)
    module, inputs, output = check_rules(layer, shapes, shape)
    if layer.training_only:
        assert output is inputs[0]
    scripted = torch.jit.script(module)
    torch.testing.assert_close(scripted(*inputs), output)
    assert scripted.state_dict().keys() == module.state_dict().keys()
    assert torch.equal(copy.deepcopy(module)(*inputs), output)


@pytest.mark.parametrize(("dims", "text"), SIZES, ids=names(SIZES))
def test_rules_agree_with_execution_for_further_sizes(dims: str, text: str) -> None:
    check_rules(*last(dims, text))


@pytest.mark.parametrize(
    "text", ["CONV 4 3 same s2", "MAXPOOL 3 s2 same", "AVGPOOL 2 s3 same", "AVGPOOL 2 same exclude_pad"]
)
def test_same_pads_for_the_size_that_comes(text: str) -> None:
    layer, shapes, _ = last("8x9x6", text)
    module = torch.jit.script(layer.lower(*shapes))
    for size in range(4, 12):
        other, given, shape = last(f"{size}x{size + 1}x6", text)
        twin = other.lower(*given)
        twin.load_state_dict(module.state_dict())
        (x,) = tensors(given)
        assert module(x).shape[2:] == shape.spatial
        torch.testing.assert_close(module(x), twin(x))


@pytest.mark.parametrize("operation", ["Concat", "Add", "Subtract", "Multiply", "Mean", "Maximum"])
def test_merges_of_any_number_pickle_and_script(operation: str) -> None:
    for count in (1, 2, 3, 17):
        module = merge.of(operation, count)()
        assert type(module) is merge.of(operation, count)
        inputs = [torch.randn(2, 3, 4) for _ in range(count)]
        assert torch.equal(pickle.loads(pickle.dumps(module))(*inputs), module(*inputs))
        file = io.BytesIO()
        torch.jit.save(torch.jit.script(module), file)
        file.seek(0)
        assert torch.equal(torch.jit.load(file)(*inputs), module(*inputs))
    with pytest.raises(AttributeError):
        merge.Divide2  # noqa: B018


def test_fresh_modules_follow_the_callers_seed() -> None:
    for dims, text in [("7x9x6", "CONV 4 3 same s2"), ("6", "FC 5"), ("7x9x6", "DECONV 4 2 s2")]:
        layer, shapes, _ = last(dims, text)
        states = []
        for seed in (1, 1, 2):
            torch.manual_seed(seed)
            states.append(layer.lower(*shapes).state_dict()["weight"])
        assert torch.equal(states[0], states[1])
        assert not torch.equal(states[0], states[2])
