"""What stands in the sources of the tables of `docs/carried.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Row:
    """A layer of a source: its kind, what it says, what is to be known, and what it reads besides 9x9x4."""

    kind: str
    given: str = ""
    note: str = ""
    before: str = ""


@dataclass(frozen=True)
class Op:
    """An operator of ONNX: its kind, its constants by their dims or values, its attributes, and what is to be known."""

    kind: str
    given: tuple[object, ...] = ()
    how: Mapping[str, object] = field(default_factory=dict[str, object])
    note: str = ""
    dims: tuple[int, ...] = (1, 4, 9, 9)
    reads: int = 1
    outputs: int = 1
    sequence: bool = False
    """Whether it is of a sequence, whose examples stand behind its positions there."""


CAFFE = [
    Row("Convolution", "convolution_param { num_output: 8 kernel_size: 3 pad: 1 }"),
    Row("Convolution", "convolution_param { num_output: 4 kernel_size: 3 group: 4 bias_term: false }"),
    Row("ConvolutionDepthwise", "convolution_param { num_output: 4 kernel_size: 3 }", "of forks"),
    Row("DepthwiseConvolution", "convolution_param { num_output: 4 kernel_size: 3 }", "of forks"),
    Row("Deconvolution", "convolution_param { num_output: 8 kernel_size: 4 stride: 2 }"),
    Row("Pooling", "pooling_param { kernel_size: 3 stride: 2 }", "`ceil` where rounding up makes a difference"),
    Row("Pooling", "pooling_param { kernel_size: 2 stride: 2 }"),
    Row("Pooling", "pooling_param { pool: AVE global_pooling: true }"),
    Row("Pooling", "pooling_param { pool: STOCHASTIC kernel_size: 3 }"),
    Row("InnerProduct", "inner_product_param { num_output: 10 }"),
    Row("BatchNorm", "", "with the Scale behind it one `BN`, unless something else reads between"),
    Row("Scale", "scale_param { bias_term: true }"),
    Row("Scale", "scale_param { axis: 0 }", "of two inputs", "b:4"),
    Row("LRN", "lrn_param { local_size: 5 alpha: 0.0001 }"),
    Row("LRN", "lrn_param { norm_region: WITHIN_CHANNEL }"),
    Row("ReLU", "relu_param { negative_slope: 0.1 }"),
    Row("ReLU"),
    Row("Clip", "clip_param { min: 0 max: 6 }", ""),
    Row("Power", "power_param { scale: 2 shift: 1 }", ""),
    Row("Eltwise", "", "", "b:4x9x9"),
    Row("Eltwise", "eltwise_param { operation: PROD }", "MAX likewise", "b:4x9x9"),
    Row("Eltwise", "eltwise_param { coeff: 1 coeff: -1 }", "", "b:4x9x9"),
    Row("Axpy", "", "of forks", "b:4x9x9 c:4x9x9"),
    Row("Concat", "", "along other axes `SHUFFLE`s stand around it", "b:8x9x9"),
    Row("Crop", "crop_param { offset: 2 }", "", "b:4x5x5"),
    Row("Flatten"),
    Row("Reshape", "reshape_param { shape { dim: 0 dim: 2 dim: -1 } }", "the batch stays apart"),
    Row("Interp", "interp_param { zoom_factor: 2 }", "of forks"),
    Row("Upsample", "upsample_param { scale: 2 }", "of forks"),
    Row("ShuffleChannel", "shuffle_channel_param { group: 2 }", "of forks"),
    Row("Permute", "permute_param { order: 0 order: 2 order: 3 order: 1 }"),
    Row("Tile", "tile_param { tiles: 2 }"),
    Row("Normalize", "norm_param { across_spatial: false }"),
    Row("MVN", "mvn_param { normalize_variance: false }"),
    Row("Reorg", "reorg_param { stride: 2 }", "of forks", "a:4x8x8"),
    Row("SPP", "spp_param { pyramid_height: 2 }"),
    Row("Split", "", "it gives what it reads"),
    Row("Slice", "", "a `SLICE` for each top, or `CROP` along other axes"),
    Row("Dropout", "dropout_param { dropout_ratio: 0.5 }"),
]

_CONV = "[convolutional]\nfilters=4\nactivation=linear\n"
DARKNET = [
    Row("convolutional", "filters=8 size=3 pad=1 batch_normalize=1 activation=leaky"),
    Row("convolutional", "filters=8 size=3 stride=2 activation=linear"),
    Row("convolutional", "filters=4 groups=4 size=3 pad=1 activation=mish"),
    Row("convolutional", "filters=8 size=3 pad=1 antialiasing=1", "AlexeyAB's"),
    Row("deconvolutional", "filters=8 size=2 stride=2 activation=relu"),
    Row("connected", "output=10 activation=linear", "what flows in is one vector"),
    Row("maxpool", "size=2 stride=2", "its padding is size - 1 in all"),
    Row("maxpool", "size=2 stride=1"),
    Row("maxpool", "size=3 stride=2"),
    Row("avgpool", "", "over the whole map"),
    Row("batchnorm"),
    Row("shortcut", "from=-2 activation=linear", "", _CONV + _CONV),
    Row(
        "shortcut",
        "from=-2 activation=linear",
        "of unequal maps: where both have values",
        _CONV + _CONV.replace("4", "6"),
    ),
    Row("route", "layers=-1,-2", "", _CONV + _CONV),
    Row("route", "layers=-1 groups=2 group_id=1", "", _CONV),
    Row("sam", "from=-2", "", _CONV + _CONV),
    Row("scale_channels", "from=-2", "", _CONV + "[avgpool]\n"),
    Row("reorg", "stride=2", "as it lies in memory", "[crop]\ncrop_height=8\ncrop_width=8\nnoadjust=1\n"),
    Row("reorg", "stride=2 reverse=1"),
    Row("upsample", "stride=2"),
    Row("dropout", "probability=.5"),
    Row("softmax", "", "over all that flows in"),
    Row("softmax", "spatial=1", "over channels"),
    Row("crop", "crop_height=7 crop_width=7", "and its values from 0 to 1 taken to -1 to 1"),
    Row("crop", "crop_height=7 crop_width=7 noadjust=1"),
    Row("normalization", "size=5 alpha=.0001", "whose alpha is no share of the size there"),
    Row("activation", "activation=swish"),
]

_IMAGE = (1, 4, 9, 9)
ONNX = [
    Op("Conv", ((8, 4, 3, 3), (8,)), {"pads": [1, 1, 1, 1]}, "over one, two and three axes"),
    Op("Conv", ((8, 4, 3, 3),), {"strides": [2, 2], "auto_pad": "SAME_UPPER"}, "uneven pads: `before`, `after`"),
    Op("Conv", ((4, 1, 3, 3),), {"group": 4}),
    Op("ConvTranspose", ((4, 8, 2, 2), (8,)), {"strides": [2, 2]}),
    Op("Gemm", ((10, 24), (10,)), {"transB": 1}, dims=(1, 24)),
    Op("MatMul", ((24, 10),), {}, "with the `Add` of a constant behind it a bias", (1, 24)),
    Op("MaxPool", (), {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1}),
    Op("AveragePool", (), {"kernel_shape": [2, 2], "strides": [2, 2]}),
    Op("BatchNormalization", ((4,), (4,), (4,), (4,))),
    Op("InstanceNormalization", ((4,), (4,))),
    Op("GroupNormalization", ((4,), (4,)), {"num_groups": 2}),
    Op("LayerNormalization", ((16,), (16,)), {}, "over channels that come last", (1, 10, 16)),
    Op("LRN", (), {"size": 5}),
    Op("PRelu", ((4, 1, 1),)),
    Op("LeakyRelu", (), {"alpha": 0.1}),
    Op("Clip", (0.0, 6.0)),
    Op("Add", (), {}, "of a constant: `PLUS`, or a bias", reads=2),
    Op("Mul", (2.0,), {}, "of two maps `MUL`; of a constant for each channel `SCALE`"),
    Op("Sub", (), {}, reads=2),
    Op("Concat", (), {"axis": 1}, reads=2),
    Op("Split", ([2, 2],), {"axis": 1}, outputs=2),
    Op("Slice", ([1], [3], [1])),
    Op("Pad", ([0, 0, 1, 1, 0, 0, 1, 1],)),
    Op("Reshape", ([1, -1],)),
    Op(
        "Reshape",
        ([1, 2, 2, 9, 9],),
        {},
        "where a Transpose and a Reshape back follow: `SHUFFLE`, `PIXELSHUFFLE`, heads of `ATTENTION`, windows",
    ),
    Op("Transpose", (), {"perm": [0, 2, 3, 1]}, "no layer: what follows reads its axes where they are"),
    Op("Expand", ([1, 4, 9, 9],)),
    Op("Squeeze", ([0],)),
    Op("Unsqueeze", ([2],)),
    Op("Resize", ("", [1.0, 1.0, 2.0, 2.0])),
    Op("DepthToSpace", (), {"blocksize": 2}, dims=(1, 8, 9, 9)),
    Op("SpaceToDepth", (), {"blocksize": 3}),
    Op("ReduceMean", ([2, 3],), {"keepdims": 1}),
    Op("ReduceMax", ([2, 3],), {"keepdims": 1}),
    Op("ReduceSum", ([1],), {"keepdims": 1}),
    Op("Softmax", (), {"axis": 1}, "over channels; of queries with keys a part of `ATTENTION`"),
    Op("LogSoftmax", (), {"axis": 1}),
    Op("Div", (4.0,), {}, "of two maps `MUL` by `LRN size=1 alpha=1 beta=1 k=0`, which is 1 divided by it"),
    Op("Pow", (2.0,), {}, "the third power likewise; others as a part of an activation or of `LRN`"),
    Op("Max", (), {}, "`Sum` likewise", reads=2),
    Op("Sum", (), {}, reads=2),
    Op("Min", (), {}, reads=2),
    Op("Mean", (), {}, reads=2),
    Op("Gather", ([2, 0],), {"axis": 1}, "of rows that follow one another: `SLICE`, `CROP`"),
    Op(
        "LSTM",
        ((1, 32, 16), (1, 32, 8), (1, 64)),
        {"hidden_size": 8},
        "`bidirectional` too",
        (1, 10, 16),
        sequence=True,
    ),
    Op(
        "GRU",
        ((1, 24, 16), (1, 24, 8), (1, 48)),
        {"hidden_size": 8, "linear_before_reset": 1},
        "",
        (1, 10, 16),
        sequence=True,
    ),
    Op(
        "Einsum",
        ((4, 8),),
        {"equation": "bchw,co->bohw"},
        "of two values, or of one; of queries and keys a part of `ATTENTION`",
    ),
    Op("Swish"),
    Op("Celu", (), {"alpha": 2.0}),
    Op("Tile", ([1, 2, 1, 1],)),
    Op("com.microsoft.FusedConv", ((8, 4, 3, 3), (8,)), {"activation": "Relu"}),
    Op("Where", (2.0,), {}, reads=2),
    Op("QuantizeLinear", (0.1,)),
    Op("TopK", ([3],)),
    Op("GlobalLpPool"),
    Op("Erf", (), {}, "it is read as a part of `GELU`"),
]

MODULES = [
    Row("nn.Conv2d(4, 8, 3, padding=1)", "", "`Conv1d` and `Conv3d` likewise"),
    Row("nn.Conv2d(4, 8, 3, stride=2, bias=False)"),
    Row("nn.Conv2d(4, 8, 3, groups=4)"),
    Row("nn.ConvTranspose2d(4, 8, 2, stride=2)"),
    Row("nn.Linear(24, 10)", "", "", "v"),
    Row("nn.BatchNorm2d(4)"),
    Row("nn.InstanceNorm2d(4, affine=True)"),
    Row("nn.GroupNorm(2, 4)"),
    Row("nn.LayerNorm(16)", "", "", "s"),
    Row("nn.LocalResponseNorm(5)"),
    Row("nn.RMSNorm(16)", "", "", "s"),
    Row("F.normalize(x)", "", "`LpNormalization` of ONNX too"),
    Row("nn.MaxPool2d(3, 2, ceil_mode=True)"),
    Row("nn.AvgPool2d(2)"),
    Row("nn.AdaptiveAvgPool2d(1)", "", "to other sizes `to=`"),
    Row("nn.ReLU()"),
    Row("nn.LeakyReLU(0.1)"),
    Row("nn.PReLU()"),
    Row("nn.GELU()"),
    Row("nn.SiLU()", "", ""),
    Row("nn.Hardswish()"),
    Row("nn.ReLU6()"),
    Row("nn.Sigmoid()"),
    Row("nn.Tanh()"),
    Row("nn.Softmax(1)"),
    Row("nn.Dropout(0.5)", "", "`Dropout2d` too"),
    Row("nn.Flatten()"),
    Row("nn.Upsample(scale_factor=2)"),
    Row("nn.PixelShuffle(2)"),
    Row("nn.ZeroPad2d(1)"),
    Row("nn.LSTM(16, 8, batch_first=True)", "", "`GRU` too", "s"),
    Row("nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)", "", "", "s"),
    Row("nn.MultiheadAttention(16, 2, batch_first=True)", "", "of a sequence with itself", "s"),
    Row("x + F.relu(x)"),
    Row("x * torch.sigmoid(x)", "", "activations are known by what they compute"),
    Row("torch.cat([x, F.relu(x)], 1)"),
    Row("x.chunk(2, 1)[1]"),
    Row("x[:, :, 1:5, 1:5]"),
    Row("x.view(x.size(0), -1)"),
    Row("x.mean([2, 3])"),
    Row("F.interpolate(x, size=(16, 16), mode='bilinear')"),
    Row("x.clamp(0, 6)"),
    Row("2 * x + 1"),
    Row("x.sort()[0]"),
    Row("x.argmax(1)"),
    Row("torch.fft.fft2(x).real"),
    Row("x.cumsum(1)"),
    Row("torch.where(x > 0, x, 0.5)"),
    Row("x[:, torch.tensor([2, 0])]"),
]
