"""Networks of Caffe: their counts, their outputs against a plain reading in PyTorch, and what is wrong with them."""

from __future__ import annotations

import random
from itertools import permutations
from pathlib import Path
from time import process_time

import numpy as np
import pytest
import torch
from foreign import FILES, caffemodel, outputs, totals
from torch.nn import functional

import netdsl
from netdsl.interchange import caffe
from netdsl.interchange.caffe.reading import reading
from netdsl.interchange.flat import Flat, ForeignError, graph, sayable
from netdsl.text.source import Source

COUNTS = {
    "netscope/alexnet": (60_965_224, 724_406_816),
    "netscope/googlenet": (6_998_552, 1_599_884_032),
    "netscope/resnet-50": (25_557_096, 3_857_973_248),
    "netscope/squeezenet": (1_248_424, 861_339_936),
    "netscope/nin": (7_595_176, 1_100_188_800),
    "netscope/inceptionv4": (42_711_400, 12_253_974_624),
    "caffe/bvlc_alexnet_deploy": (60_965_224, 724_406_816),
    "caffe/bvlc_googlenet_deploy": (6_998_552, 1_582_671_872),
    "caffe/bvlc_googlenet_train_val": (13_378_280, 1_591_044_096),
    "caffe/lenet": (431_080, 2_293_000),
    "caffe/cifar10_quick": (145_578, 12_354_176),
    "caffe/mnist_siamese": (431_102, 2_293_020),
    "caffe/mnist_autoencoder": (2_837_314, 2_833_000),
}
SIZELESS = {
    "netscope/alexnet": (227, 227, 3),
    "netscope/nin": (224, 224, 3),
    "caffe/mnist_autoencoder": (28, 28, 1),
}
INPUT = 'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 4 dim: 9 dim: 10 } } }\n'


def read(text: str, **options: object) -> Flat:
    return reading(Source(text, "net.prototxt"), **options)  # pyright: ignore[reportArgumentType]


def layer(kind: str, more: str = "", *, bottom: str = "data", top: str = "y") -> str:
    bottoms = " ".join(f'bottom: "{one}"' for one in bottom.split())
    return f'layer {{ name: "{top}" type: "{kind}" {bottoms} top: "{top}" {more} }}\n'


def told(text: str, **options: object) -> list[tuple[str, int, str, str]]:
    with pytest.raises(ForeignError) as caught:
        read(text, **options)
    return [(one.code, one.span.line, one.message, str(one.help)) for one in caught.value.diagnostics]


@pytest.mark.parametrize("name", COUNTS)
def test_published_networks_have_their_counts(name: str) -> None:
    path = FILES / f"{name}.prototxt"
    inputs = {"": SIZELESS[name]} if name in SIZELESS else None
    if inputs:
        with pytest.raises(ForeignError, match="does not say the size of data"):
            caffe.read(path)
    flat = caffe.read(path, inputs=inputs)
    assert (flat.params, flat.macs) == totals(flat) == COUNTS[name]


def test_heads_are_outputs_and_losses_are_not() -> None:
    flat = caffe.read(FILES / "caffe/bvlc_googlenet_train_val.prototxt")
    assert [name for name, _ in flat.outputs] == ["loss1/prob", "loss2/prob", "loss3/prob"]
    flat = caffe.read(FILES / "caffe/mnist_autoencoder.prototxt", inputs={"": (28, 28, 1)})
    assert flat.outputs == (("decode1neuron", "decode1neuron"),)


def test_a_head_of_the_training_phase_is_a_training_output() -> None:
    aux = layer("InnerProduct", "inner_product_param { num_output: 3 } include { phase: TRAIN }", top="aux")
    test = layer("Softmax", "include { phase: TEST }", top="prob", bottom="y")
    flat = read(INPUT + layer("InnerProduct", "inner_product_param { num_output: 5 }") + aux + test)
    assert (flat.outputs, flat.training_outputs) == ((("y", "y"),), (("aux", "aux"),))
    network = netdsl.from_graph(graph(flat))
    assert "output training aux" in network.text
    assert network.summary().totals.params == 360 * 5 + 5


def test_dropout_of_the_training_phase_is_ordinary_and_else_a_phase_in_place_is_told() -> None:
    train = "include { phase: TRAIN }"
    flat = read(INPUT + layer("Dropout", train, top="data") + layer("TanH"))
    assert [(item.layer.written, item.training) for item in flat.items[1:]] == [("DROPOUT", False), ("TANH", False)]
    assert told(INPUT + layer("ReLU", train, top="data") + layer("TanH"))[0][:2] == ("unknown-layer", 2)


def test_what_is_there_in_training_alone_is_ordinary_where_nothing_else_is() -> None:
    flat = read(INPUT + layer("TanH", "include { phase: TRAIN }"))
    assert (flat.outputs, flat.training_outputs, flat.items[1].training) == ((("y", "y"),), (), False)


def test_one_layer_for_each_phase_is_one_layer() -> None:
    text = "".join(
        layer("BatchNorm", f"include {{ phase: {phase} }} batch_norm_param {{ use_global_stats: {use} }}", top="data")
        for phase, use in (("TRAIN", "false"), ("TEST", "true"))
    )
    flat = read(INPUT + text + layer("TanH"))
    assert [(item.layer.written, item.training) for item in flat.items[1:]] == [("BN noaffine", False), ("TANH", False)]


def test_data_of_code_of_ones_own_asks_for_a_size() -> None:
    text = layer("Python", 'python_param { module: "m" layer: "L" }', bottom="", top="data") + layer("TanH")
    assert told(text)[0][0] == "no-input"
    assert read(text, inputs={"": (5, 6, 7)}).items[0].layer.written == "INPUT 5x6x7"


WINDOWS = {
    "convolution_param { num_output: 6 kernel_size: 3 stride: 2 pad: 1 group: 2 }": lambda x, w, b: functional.conv2d(
        x, w, b, 2, 1, 1, 2
    ),
    "convolution_param { num_output: 6 kernel_h: 3 kernel_w: 1 pad_h: 1 pad_w: 0 dilation: 2 }": (
        lambda x, w, b: functional.conv2d(x, w, b, 1, (1, 0), 2)
    ),
    "convolution_param { num_output: 6 kernel_size: 3 hole: 2 }": lambda x, w, b: functional.conv2d(x, w, b, 1, 0, 2),
    "convolution_param { num_output: 8 kernel_size: 3 group: 4 }": lambda x, w, b: functional.conv2d(x, w, b, groups=4),
}


@pytest.mark.parametrize("given", WINDOWS)
@pytest.mark.parametrize("old", [False, True])
def test_convolutions_compute_what_caffe_does(given: str, old: bool, tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    (tmp_path / "net.prototxt").write_text(INPUT + layer("Convolution", given))
    flat = caffe.read(tmp_path / "net.prototxt")
    dims = {
        one.name: one.dims
        for one in flat.items[1].layer.weights(netdsl.from_graph(graph(flat)).graph.nodes["data"]["shape"])
    }
    weight, bias = (generator.normal(size=dims[name]).astype("f4") for name in ("weight", "bias"))
    (tmp_path / "net.caffemodel").write_bytes(caffemodel({"y": [weight, bias]}, old=old))
    x = torch.randn(2, 4, 9, 10, generator=torch.Generator().manual_seed(1))
    wanted = WINDOWS[given](x, torch.tensor(weight), torch.tensor(bias))
    torch.testing.assert_close(outputs(caffe.read(tmp_path / "net.prototxt"), x)["y"], wanted)


def caffe_pool(x: torch.Tensor, kernel: int, stride: int, pad: int, average: bool) -> torch.Tensor:
    """Pooling as pooling_layer.cpp has it, window by window."""
    sizes = []
    for size in x.shape[2:]:
        count = -(-(size + 2 * pad - kernel) // stride) + 1
        sizes.append(count - (pad > 0 and (count - 1) * stride >= size + pad))
    found = torch.empty(*x.shape[:2], *sizes)
    for row in range(sizes[0]):
        for column in range(sizes[1]):
            starts = [row * stride - pad, column * stride - pad]
            ends = [min(start + kernel, size + pad) for start, size in zip(starts, x.shape[2:], strict=True)]
            area = (ends[0] - starts[0]) * (ends[1] - starts[1])
            part = x[:, :, max(starts[0], 0) : min(ends[0], x.shape[2]), max(starts[1], 0) : min(ends[1], x.shape[3])]
            found[:, :, row, column] = part.sum((2, 3)) / area if average else part.amax((2, 3))
    return found


@pytest.mark.parametrize("pool", ["MAX", "AVE"])
@pytest.mark.parametrize(
    ("kernel", "stride", "pad"), [(3, 2, 0), (3, 2, 1), (2, 2, 0), (2, 2, 1), (3, 3, 1), (5, 3, 2)]
)
def test_poolings_round_up_as_caffe_does(pool: str, kernel: int, stride: int, pad: int) -> None:
    more = f"pooling_param {{ pool: {pool} kernel_size: {kernel} stride: {stride} pad: {pad} }}"
    x = torch.randn(1, 4, 9, 10, generator=torch.Generator().manual_seed(1))
    found = outputs(read(INPUT + layer("Pooling", more)), x)["y"]
    torch.testing.assert_close(found, caffe_pool(x, kernel, stride, pad, pool == "AVE"))


def pyramid(x: torch.Tensor, count: int) -> torch.Tensor:
    """The largest values of so many windows along each axis, as spp_layer.cpp places them."""
    pads: list[int] = []
    for size in reversed(x.shape[2:]):
        missing = -(-size // count) * count - size
        pads += [(missing + 1) // 2, missing // 2]
    wide = functional.pad(x, pads, value=-np.inf)
    return functional.max_pool2d(wide, [size // count for size in wide.shape[2:]]).flatten(1)


POINTWISE = {
    ("ReLU", "relu_param { negative_slope: 0.25 }"): lambda x: functional.leaky_relu(x, 0.25),
    ("ELU", "elu_param { alpha: 0.5 }"): lambda x: functional.elu(x, 0.5),
    ("Power", "power_param { scale: 2 shift: -1 }"): lambda x: 2 * x - 1,
    ("Power", "power_param { power: 2 shift: 1 }"): lambda x: (x + 1) ** 2,
    ("BNLL", ""): functional.softplus,
    ("AbsVal", ""): torch.abs,
    ("TanH", ""): torch.tanh,
    ("Softmax", ""): lambda x: functional.softmax(x, 1),
    ("LRN", "lrn_param { local_size: 3 alpha: 0.5 beta: 0.75 k: 2 }"): lambda x: functional.local_response_norm(
        x, 3, 0.5, 0.75, 2
    ),
    ("Flatten", ""): lambda x: x.flatten(1),
    ("Reshape", "reshape_param { shape { dim: 0 dim: 2 dim: -1 dim: 10 } }"): lambda x: x.reshape(1, 2, 18, 10),
    ("Pooling", "pooling_param { pool: AVE global_pooling: true }"): lambda x: x.mean((2, 3), keepdim=True),
    ("Interp", "interp_param { zoom_factor: 2 }"): (
        lambda x: functional.interpolate(x, (17, 19), mode="bilinear", align_corners=True)
    ),
    ("Interp", "interp_param { height: 20 width: 5 }"): (
        lambda x: functional.interpolate(x, (20, 5), mode="bilinear", align_corners=True)
    ),
    ("Interp", "interp_param { zoom_factor: 2 pad_beg: 0 pad_end: 0 }"): (
        lambda x: functional.interpolate(x, (17, 19), mode="bilinear", align_corners=True)
    ),
    ("Upsample", "upsample_param { scale: 3 }"): lambda x: functional.interpolate(x, scale_factor=3),
    ("Dropout", "dropout_param { dropout_ratio: 0.3 }"): lambda x: x,
    ("Power", "power_param { power: -1 }"): lambda x: 1 / x,
    ("Power", "power_param { power: -2 scale: 3 shift: 0.5 }"): lambda x: (3 * x + 0.5) ** -2,
    ("Power", "power_param { power: 3 }"): lambda x: x**3,
    ("Exp", ""): torch.exp,
    ("Exp", "exp_param { base: 2 scale: 3 shift: -1 }"): lambda x: 2 ** (3 * x - 1),
    ("SPP", "spp_param { pyramid_height: 2 }"): lambda x: torch.cat([pyramid(x, count) for count in (1, 2)], 1),
    ("Swish", "swish_param { beta: 2 }"): lambda x: x * torch.sigmoid(2 * x),
    ("Clip", "clip_param { min: -0.5 max: 2 }"): lambda x: x.clamp(-0.5, 2),
    ("Clip", "clip_param { min: 0 max: 6 }"): functional.relu6,
    ("LRN", "lrn_param { norm_region: WITHIN_CHANNEL local_size: 3 alpha: 0.5 beta: 0.6 }"): (
        lambda x: x * (1 + 0.5 * functional.avg_pool2d(x * x, 3, 1, 1)) ** -0.6
    ),
    ("MVN", ""): lambda x: (x - x.mean((2, 3), keepdim=True)) / x.std((2, 3), correction=0, keepdim=True),
    ("MVN", "mvn_param { across_channels: true }"): lambda x: (x - x.mean()) / x.std(correction=0),
    ("MVN", "mvn_param { normalize_variance: false }"): lambda x: x - x.mean((2, 3), keepdim=True),
    ("Normalize", ""): lambda x: functional.normalize(x, dim=1),
    ("Softmax", "softmax_param { axis: 2 }"): lambda x: x.softmax(2),
    ("Softmax", "softmax_param { axis: -1 }"): lambda x: x.softmax(3),
    ("Tile", "tile_param { axis: 1 tiles: 3 }"): lambda x: x.repeat(1, 3, 1, 1),
    ("Tile", "tile_param { axis: 2 tiles: 2 }"): lambda x: x.repeat(1, 1, 2, 1),
    **{
        ("Permute", f"permute_param {{ {' '.join(f'order: {axis}' for axis in (0, *order))} }}"): (
            lambda x, order=order: x.permute(0, *order)
        )
        for order in permutations((1, 2, 3))
    },
}


@pytest.mark.parametrize("given", POINTWISE, ids=" ".join)
def test_layers_without_weights_compute_what_caffe_does(given: tuple[str, str]) -> None:
    x = torch.randn(1, 4, 9, 10, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(outputs(read(INPUT + layer(*given)), x)["y"], POINTWISE[given](x))


MERGES = {
    ("Eltwise", ""): lambda x, y: x + y,
    ("Eltwise", "eltwise_param { operation: SUM coeff: 1 coeff: -1 }"): lambda x, y: x - y,
    ("Eltwise", "eltwise_param { coeff: 0.5 coeff: 2 }"): lambda x, y: 0.5 * x + 2 * y,
    ("Eltwise", "eltwise_param { operation: PROD }"): lambda x, y: x * y,
    ("Eltwise", "eltwise_param { operation: MAX }"): torch.maximum,
    ("Bias", ""): lambda x, y: x + y,
    ("Concat", ""): lambda x, y: torch.cat((x, y), 1),
    ("Concat", "concat_param { axis: 2 }"): lambda x, y: torch.cat((x, y), 2),
    ("Concat", "concat_param { axis: 3 }"): lambda x, y: torch.cat((x, y), 3),
}


@pytest.mark.parametrize("given", MERGES, ids=" ".join)
def test_merges_compute_what_caffe_does(given: tuple[str, str]) -> None:
    x = torch.randn(1, 4, 9, 10, generator=torch.Generator().manual_seed(1))
    flat = read(INPUT + layer("TanH", top="t") + layer(*given, bottom="data t"))
    torch.testing.assert_close(outputs(flat, x)["y"], MERGES[given](x, torch.tanh(x)))


def test_slices_and_crops_take_their_parts() -> None:
    x = torch.randn(1, 4, 9, 10, generator=torch.Generator().manual_seed(1))
    text = 'layer { name: "s" type: "Slice" bottom: "data" top: "a" top: "b" slice_param { slice_point: 1 } }\n'
    found = outputs(read(INPUT + text), x)
    torch.testing.assert_close(found["a"], x[:, :1])
    torch.testing.assert_close(found["b"], x[:, 1:])
    pool = layer("Pooling", "pooling_param { kernel_size: 5 }", top="p")
    found = outputs(read(INPUT + pool + layer("Crop", "crop_param { offset: 3 offset: 2 }", bottom="data p")), x)
    torch.testing.assert_close(found["y"], x[:, :, 3:8, 2:8])


def test_normalization_and_scale_are_one_layer_and_statistics_are_divided(tmp_path: Path) -> None:
    text = INPUT + 'layer { name: "bn" type: "BatchNorm" bottom: "data" top: "data" }\n'
    text += 'layer { name: "scale" type: "Scale" bottom: "data" top: "data" scale_param { bias_term: true } }\n'
    (tmp_path / "net.prototxt").write_text(text)
    generator = np.random.default_rng(1)
    mean, variance, scale, bias = (generator.uniform(0.5, 2, 4).astype("f4") for _ in range(4))
    blobs = {"bn": [mean * 8, variance * 8, np.array([8.0])], "scale": [scale, bias]}
    (tmp_path / "net.caffemodel").write_bytes(caffemodel(blobs))
    flat = caffe.read(tmp_path / "net.prototxt")
    assert [item.layer.written for item in flat.items] == ["INPUT 9x10x4", "BN"]
    x = torch.randn(2, 4, 9, 10, generator=torch.Generator().manual_seed(1))
    learned = [torch.tensor(one) for one in (mean, variance, scale, bias)]
    wanted = functional.batch_norm(x, learned[0], learned[1], learned[2], learned[3])
    torch.testing.assert_close(next(iter(outputs(flat, x).values())), wanted)


LEARNED = {
    ("Deconvolution", "convolution_param { num_output: 6 kernel_size: 4 stride: 2 pad: 1 group: 2 }"): (
        ((4, 3, 4, 4), (6,)),
        lambda x, w, b: functional.conv_transpose2d(x, w, b, 2, 1, 0, 2),
    ),
    ("InnerProduct", "inner_product_param { num_output: 3 }"): (
        ((3, 360), (3,)),
        lambda x, w, b: functional.linear(x.flatten(1), w, b),
    ),
    ("InnerProduct", "inner_product_param { num_output: 3 transpose: true bias_term: false }"): (
        ((360, 3),),
        lambda x, w: x.flatten(1) @ w,
    ),
    ("Scale", "scale_param { bias_term: true }"): (
        ((4,), (4,)),
        lambda x, w, b: x * w[:, None, None] + b[:, None, None],
    ),
    ("PReLU", ""): (((4,),), functional.prelu),
    ("Bias", ""): (((4,),), lambda x, b: x + b[:, None, None]),
    ("Normalize", "norm_param { across_spatial: false channel_shared: false }"): (
        ((4,),),
        lambda x, w: functional.normalize(x, dim=1) * w[:, None, None],
    ),
    ("BN", "bn_param { eps: 0.01 }"): (
        ((4,),) * 4,
        lambda x, w, b, m, v: functional.batch_norm(x, m, v, w, b, eps=0.01),
    ),
    ("PReLU", "prelu_param { channel_shared: true }"): (((1,),), functional.prelu),
}


@pytest.mark.parametrize("given", LEARNED, ids=" ".join)
def test_layers_with_weights_compute_what_caffe_does(given: tuple[str, str], tmp_path: Path) -> None:
    dims, wanted = LEARNED[given]
    generator = np.random.default_rng(1)
    blobs = [generator.uniform(0.1, 1, one).astype("f4") for one in dims]
    (tmp_path / "net.prototxt").write_text(INPUT + layer(*given))
    (tmp_path / "net.caffemodel").write_bytes(caffemodel({"y": blobs}))
    x = torch.randn(2, 4, 9, 10, generator=torch.Generator().manual_seed(1))
    flat = caffe.read(tmp_path / "net.prototxt")
    torch.testing.assert_close(outputs(flat, x)["y"], wanted(x, *map(torch.tensor, blobs)))
    assert (flat.params, flat.macs) == totals(flat)


def test_a_siamese_network_has_two_branches_of_one_set_of_weights() -> None:
    text = layer("Data", "include { phase: TRAIN }", bottom="", top="pair").replace(
        'top: "pair"', 'top: "pair" top: "sim"'
    )
    text += 'layer { name: "s" type: "Slice" bottom: "pair" top: "a" top: "b" }'
    more = 'param { name: "w" } param { name: "b" } inner_product_param { num_output: 2 }'
    text += layer("InnerProduct", more, bottom="a", top="feat") + layer("InnerProduct", more, bottom="b", top="feat_p")
    text += layer("ContrastiveLoss", bottom="feat feat_p sim")
    assert told(text)[0][0] == "no-input"
    flat = read(text, inputs={"": (6, 6, 2)})
    assert flat.outputs == (("feat", "feat"), ("feat_p", "feat_p"))
    assert "feat_p: feat()" in netdsl.from_graph(graph(flat)).text


def test_normalization_that_others_read_stays_apart() -> None:
    text = (
        INPUT + layer("BatchNorm", top="bn") + layer("Scale", "scale_param { bias_term: true }", bottom="bn", top="s")
    )
    flat = read(text + layer("Eltwise", bottom="bn s"))
    assert [item.layer.written for item in flat.items[1:]] == ["BN noaffine", "SCALE bias", "ADD"]
    assert (flat.params, flat.macs) == totals(flat) == (8, 0)


def test_what_a_file_calls_things_is_shown_on_one_line() -> None:
    flat = read('name: "a\x1bb"\n' + INPUT + layer("ReLU") + layer("TanH", "include { phase: TEST }", top="c\x1bd"))
    assert "\x1b" not in flat.title + "".join(flat.notes)


def test_names_tell_of_scopes() -> None:
    flat = caffe.read(FILES / "caffe/bvlc_googlenet_deploy.prototxt")
    (item,) = [one for one in flat.items if one.name == "inception_3a/5x5_reduce"]
    assert item.scope == (("inception_3a", ""),)


def test_a_published_network_computes_what_its_file_says(tmp_path: Path) -> None:
    (tmp_path / "lenet.prototxt").write_bytes((FILES / "caffe/lenet.prototxt").read_bytes())
    generator = np.random.default_rng(1)
    dims = {"conv1": (20, 1, 5, 5), "conv2": (50, 20, 5, 5), "ip1": (500, 800), "ip2": (10, 500)}
    blobs = {
        name: [generator.normal(scale=0.05, size=one).astype("f4"), generator.normal(size=one[:1]).astype("f4")]
        for name, one in dims.items()
    }
    (tmp_path / "lenet.caffemodel").write_bytes(caffemodel(blobs))
    learned = {name: [torch.tensor(blob) for blob in both] for name, both in blobs.items()}
    images = torch.randn(2, 1, 28, 28, generator=torch.Generator().manual_seed(1))
    x = images
    for name in ("conv1", "conv2"):
        weight, bias = learned[name]
        x = functional.max_pool2d(functional.conv2d(x, weight, bias), 2)
    x = functional.linear(functional.linear(x.flatten(1), *learned["ip1"]).relu(), *learned["ip2"])
    torch.testing.assert_close(outputs(caffe.read(tmp_path / "lenet.prototxt"), images)["prob"], x.softmax(1))


def test_layers_share_weights_by_the_names_of_their_params() -> None:
    more = 'param { name: "w" } param { name: "b" } inner_product_param { num_output: 3 }'
    flat = read(INPUT + layer("InnerProduct", more, top="a") + layer("InnerProduct", more, top="b"))
    assert flat.items[2].shares == "a"
    assert (flat.params, flat.macs) == totals(flat) == (360 * 3 + 3, 2 * 360 * 3)


def test_the_first_version_and_lists_and_both_brackets_are_read() -> None:
    text = "input: 'x' input_dim: [1, 3, 8, 8]  # a comment\n"
    text += "layers < name: \"c\" type: CONVOLUTION bottom: 'x' top: 'y';"
    text += " convolution_param { num_output: 2, kernel_size: 0x3 } >\n"
    text += 'layers { name: "r" type: RELU bottom: "y" top: "y" }'
    assert [item.layer.written for item in read(text).items] == ["INPUT 8x8x3", "CONV 2 3", "RELU"]


SHARING = {
    'param { name: "w" }': "it shares some of them with another layer, and some not",
    'param { name: "w" } param { name: "b" } # stride': "a has the same, and is CONV 3 1, not CONV 3 1 s2",
}


@pytest.mark.parametrize("names", SHARING)
def test_weights_that_cannot_be_shared_are_told(names: str) -> None:
    said = names.partition("#")[0]
    first = layer("Convolution", f"{said} convolution_param {{ num_output: 3 kernel_size: 1 }}", top="a")
    stride = "stride: 2" * ("stride" in names)
    second = layer("Convolution", f"{said} convolution_param {{ num_output: 3 kernel_size: 1 {stride} }}", top="b")
    assert told(INPUT + first + second)[0][1:3] == (3, f"its weights cannot be said: {SHARING[names]}")


def test_weights_that_are_shared_are_read_once(tmp_path: Path) -> None:
    more = 'param { name: "w" } inner_product_param { num_output: 3 bias_term: false }'
    (tmp_path / "net.prototxt").write_text(
        INPUT + layer("InnerProduct", more, top="a") + layer("InnerProduct", more, top="b")
    )
    weight = np.ones((3, 360))
    (tmp_path / "net.caffemodel").write_bytes(caffemodel({"a": [weight], "b": [weight], "c": [weight]}))
    flat = caffe.read(tmp_path / "net.prototxt")
    assert [len(item.weights) for item in flat.items] == [0, 1, 0]
    assert flat.notes == ("net.caffemodel has weights of other layers too: c",)


WRONG = {
    "layer {": ("syntax-error", 2, "this is never closed: } is missing", ""),
    "layer { type }": ("syntax-error", 2, "`:` is missing behind type", ""),
    layer("Convolutoin"): ("unknown-layer", 2, "Caffe has no layer Convolutoin", "did you mean Convolution?"),
    layer("PSROIAlign"): (
        *("unknown-layer", 2, "Caffe has no layer PSROIAlign", "what a layer of a fork computes is not in the file"),
    ),
    layer("ReLU", bottom="dato"): ("unknown-name", 2, "no layer before this one makes dato", "did you mean data?"),
    layer("Convolution", "convolution_param { num_outputs: 3 kernel_size: 1 num_output: 3 }"): (
        *("unknown-option", 2, "convolution_param has no key num_outputs", "did you mean num_output?"),
    ),
    layer("Convolution", "convolution_param { kernel_size: 1 }"): (
        *("missing-argument", 2, "convolution_param has no num_output", ""),
    ),
    layer("Convolution", "convolution_param { kernel_size: 1 num_outputs: 3 }"): (
        *("missing-argument", 2, "convolution_param has no num_output", "write num_output for num_outputs"),
    ),
    layer("Pooling", "pooling_param { kernel_size: 2 stride: 2 }") + layer("Eltwise", bottom="data y", top="sum"): (
        *("shape-mismatch", 3, "Eltwise: it wants equal shapes, not 9x10x4 of data, 5x5x4 of y", ""),
    ),
    layer("Pooling", "pooling_param { kernel_size: 2.5 }"): (
        *("invalid-argument", 2, "kernel_size: 2.5 is not a whole number", ""),
    ),
    layer("Normalize", "norm_param { across_spatial: true }"): (
        "unknown-layer",
        2,
        "across_spatial cannot be said: no layer divides a map by the length of all its values",
        "",
    ),
    "": ("no-input", 1, "this is no Caffe network: it has no layers", ""),
    layer("Silence") + layer("SoftmaxWithLoss", bottom="data label"): (
        *("no-input", 1, "this is no Caffe network: it has no layers", ""),
    ),
    layer("Bias", bottom="data data data"): ("merge-without-fork", 2, "Bias takes 2 inputs, and has 3", ""),
    layer("Eltwise", bottom="data"): ("merge-without-fork", 2, "Eltwise takes 2 inputs or more, and has 1", ""),
    layer("InnerProduct", "inner_product_param { num_output: 2147483647 }")
    + layer("InnerProduct", "inner_product_param { num_output: 2147483647 }", bottom="y"): (
        "limit-exceeded",
        3,
        "",
        "",
    ),
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_told_at_its_line(text: str) -> None:
    wanted = WRONG[text]
    (found,) = told(INPUT + text)
    assert found[:2] == wanted[:2]
    assert not wanted[2] or found[2:] == wanted[2:]


def test_all_mistakes_are_told_at_once_and_what_follows_is_silent() -> None:
    broken = layer("ReLux", top="a") + layer("TanH", bottom="a", top="b") + layer("Poolin", top="c")
    assert [line for _, line, _, _ in told(INPUT + broken)] == [2, 4]


@pytest.mark.parametrize("text", ["a {" * 40, "}\n" * 300])
def test_what_is_no_such_file_is_read_no_further(text: str) -> None:
    assert told(text)[-1][0] == "limit-exceeded"


def test_time_grows_with_length_alone() -> None:
    start = process_time()
    assert len(read(INPUT + layer("ReLU") * 3000).items) == 3001
    assert process_time() - start < 2


def test_nothing_reads_past_what_could_not_be_said() -> None:
    broken = layer("Log", top="data") + layer("TanH")
    with pytest.raises(ForeignError) as caught:
        read(INPUT + layer("ReLU", top="data") + broken)
    partial = caught.value.partial
    assert partial is not None
    assert [item.layer.written for item in partial.items] == ["INPUT 9x10x4", "RELU"]


@pytest.mark.parametrize(("state", "kept"), [("", "TANH"), ("state { level: 2 }", "RELU")])
def test_layers_of_another_level_are_left_out(state: str, kept: str) -> None:
    text = layer("TanH", "include { max_level: 1 }") + layer("ReLU", "exclude { max_level: 1 }")
    flat = read(f"{state}\n" + INPUT + text)
    assert [item.layer.written for item in flat.items[1:]] == [kept]
    assert flat.notes == ("left out, of another level: y",)


def test_what_reads_nothing_is_an_input_though_caffe_has_no_such_layer() -> None:
    noise = layer("RandVec", "randvec_param { dim: 128 }", bottom="", top="noise")
    shape = "reshape_param { shape { dim: 64 dim: 2 dim: 2 dim: 3 } }"
    text = noise + layer("Reshape", shape, bottom="noise")
    assert told(text)[0][:3] == ("no-input", 1, "the file does not say the size of noise")
    assert [item.layer.written for item in read(text, inputs={"": (12,)}).items] == ["INPUT 12", "RESHAPE 2x3x2"]
    assert told(layer("Inptu", bottom="", top="data"))[0][3] == "did you mean Input?"


def test_netscope_calls_layers_and_what_they_make_by_their_names() -> None:
    text = INPUT.replace('"Input"', "data") + layer("RELU", top="other").replace('name: "other"', 'name: "it"')
    text += 'layers { name: "out" type: SOFTMAX bottom: "it" }\nlayer { name: "end" type: "implicit" bottom: "out" }\n'
    flat = read(text)
    assert [item.layer.written for item in flat.items] == ["INPUT 9x10x4", "RELU", "SOFTMAX"]
    assert flat.outputs == (("out", "out"),)
    assert flat.notes == ("out reads it, the name of a layer, which makes other",)


def test_what_several_read_is_called_as_they_call_it() -> None:
    conv = layer("Convolution", "convolution_param { num_output: 4 kernel_size: 1 }", top="both")
    relu = layer("ReLU", bottom="both", top="both").replace('name: "both"', 'name: "both_relu"')
    other = layer("TanH", bottom="both", top="t") + layer("Eltwise", bottom="both t", top="end")
    names = sayable(read(INPUT + conv + relu + other))
    assert (names["both_relu"], names["both"]) == ("both", "both_conv")
    names = sayable(read(INPUT + conv + relu + layer("TanH", bottom="both", top="t")))
    assert (names["both_relu"], names["both"]) == ("both_relu", "both")


@pytest.mark.parametrize("kind", ["SmoothL1Loss", "SEG_ACCURACY", "MAT_WRITE", "Python"])
def test_losses_and_measures_of_forks_end_the_network(kind: str) -> None:
    more = "loss_weight: 1" if kind == "Python" else ""
    flat = read(INPUT + layer("TanH") + layer(kind, more, bottom="y label", top="loss"))
    assert flat.outputs == (("y", "y"),)


def test_what_picks_of_outputs_is_left_out_and_told() -> None:
    text = layer("PriorBox", "prior_box_param { min_size: 30 }", bottom="data data", top="boxes")
    text += layer("Concat", "concat_param { axis: 2 }", bottom="boxes boxes", top="all")
    text += layer("Convolution", "convolution_param { num_output: 8 kernel_size: 1 }")
    text += layer("DetectionOutput", bottom="y all", top="found") + layer("ArgMax", bottom="y", top="class")
    flat = read(INPUT + text)
    assert flat.outputs == (("y", "y"),)
    yolo = layer("Reorg", "reorg_param { stride: 1 }") + layer("YoloDetectionOutput", bottom="y", top="found")
    assert read(INPUT + yolo).outputs == (("y", "y"),)
    assert flat.notes == (
        "left out: boxes, whose boxes follow from sizes alone",
        "left out: found, which picks boxes",
        "left out: class, which picks a class",
    )


def test_keys_of_other_caffes_are_noted_and_slips_are_told() -> None:
    flat = read(INPUT + layer("ReLU", "forward_math: FLOAT forward_type: FLOAT", top="a") * 2)
    assert flat.notes == ("left out: forward_math, forward_type, which are keys of another Caffe",)
    assert told(INPUT + layer("ReLU", "relu_parm { }"))[0][2:] == (
        "ReLU has no key relu_parm",
        "did you mean relu_param?",
    )


def test_sizes_are_asked_for_once_and_given_by_name() -> None:
    text = layer("Data", "include { phase: TRAIN }", bottom="", top="image")
    text += layer("Data", "include { phase: TEST }", bottom="", top="image") + layer("ReLU", bottom="image")
    assert [code for code, *_ in told(text)] == ["no-input"]
    assert read(text, inputs={"image": (5, 6, 7)}).items[0].layer.written == "INPUT 5x6x7"
    assert told(text, inputs={"": (5, 6, 7), "imagee": (5, 6, 7)})[0][2:] == (
        "--input imagee: the network has no input of this name",
        "did you mean image?",
    )


def test_one_shape_is_that_of_all_inputs_of_a_layer() -> None:
    text = layer("DummyData", "dummy_data_param { shape { dim: 1 dim: 2 dim: 3 } }", bottom="", top="a")
    flat = read(text.replace('top: "a"', 'top: "a" top: "b"') + layer("Eltwise", bottom="a b"))
    assert [item.layer.written for item in flat.items] == ["INPUT 3x2", "INPUT 3x2", "ADD"]


def test_several_inputs_are_asked_for_by_name_and_what_is_done_to_pixels_is_told() -> None:
    change = "transform_param { crop_size: 5 scale: 0.5 mean_value: 104 mean_value: 117.5 mean_value: 123 }"
    text = layer("Data", bottom="", top="a") + layer("Data", bottom="", top="b") + layer("Eltwise", bottom="a b")
    assert [help for *_, help in told(text)] == [
        "say it: --input 224x224x3, sizes first and channels last",
        "say it: --input b=224x224x3, sizes first and channels last",
    ]
    assert read(layer("Data", change, bottom="", top="data") + layer("ReLU")).notes == (
        "data wants pixels less 104, 117.5, 123, times 0.5, as the file makes them",
    )


def test_the_size_of_an_input_may_stand_with_another_phase() -> None:
    text = layer("Data", 'include { stage: "train" }', bottom="", top="data")
    text += INPUT.replace("input_param", 'include { stage: "deploy" } input_param')
    text += layer("TanH") + layer("SoftmaxWithLoss", 'exclude { stage: "deploy" }', bottom="y label", top="loss")
    assert [item.layer.written for item in read(text).items] == ["INPUT 9x10x4", "TANH"]


def test_a_shape_of_many_axes_is_told_at_once() -> None:
    start = process_time()
    shape = "dim: 2147483647 " * 20_000
    (found,) = told(layer("Input", f"input_param {{ shape {{ {shape} }} }}", bottom="", top="data"))
    assert found[2] == "axes of a shape: 20,000 are more than 8"
    (found,) = told(INPUT + layer("Reshape", f"reshape_param {{ shape {{ {shape} }} }}"))
    assert found[2] == "axes of a shape: 20,000 are more than 8"
    assert process_time() - start < 2


def test_what_could_be_said_is_there() -> None:
    with pytest.raises(ForeignError) as caught:
        read(INPUT + layer("ReLU", top="a") + layer("Python", bottom="a"))
    partial = caught.value.partial
    assert partial is not None
    assert partial.outputs == (("a", "a"),)
    assert totals(partial) == (partial.params, partial.macs)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "this is no .caffemodel: it has no layer with weights"),
        (b"\xff" * 99, "this is no .caffemodel: a number never ends at 0"),
        (b"\xa2\x06\xff\xff\xff\xff\x7f", "this is no .caffemodel: its bytes make no message at 7"),
        (caffemodel({"x": [np.zeros(3)]}), "net.caffemodel does not fit: it has no weights for y"),
        (caffemodel({"y": [np.zeros(3)]}), "net.caffemodel does not fit: 1 blobs for y, which has 2"),
        (
            caffemodel({"y": [np.zeros(3), np.zeros(2)]}),
            "net.caffemodel does not fit: 3 values for the weight of y, which is 2x360",
        ),
    ],
)
def test_weights_that_do_not_fit_are_told(data: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "net.prototxt").write_text(INPUT + layer("InnerProduct", "inner_product_param { num_output: 2 }"))
    (tmp_path / "net.caffemodel").write_bytes(data)
    with pytest.raises(ForeignError) as caught:
        caffe.read(tmp_path / "net.prototxt")
    assert [one.message for one in caught.value.diagnostics] == [message]


def test_broken_weights_end_in_a_diagnostic_or_in_weights(tmp_path: Path) -> None:
    rules = random.Random(1)
    whole = caffemodel({"y": [np.ones((2, 360)), np.ones(2)]})
    (tmp_path / "net.prototxt").write_text(INPUT + layer("InnerProduct", "inner_product_param { num_output: 2 }"))
    for _ in range(100):
        data = bytearray(whole)
        for _ in range(rules.choice([1, 4])):
            data[rules.choice([rules.randrange(30), rules.randrange(len(data))])] = rules.randrange(256)
        (tmp_path / "net.caffemodel").write_bytes(bytes(data[: rules.choice([len(data), rules.randrange(len(data))])]))
        try:
            found = caffe.read(tmp_path / "net.prototxt").items[1].weights
        except ForeignError:
            continue
        assert {name: value.shape for name, value in found.items()} in ({"weight": (2, 360), "bias": (2,)}, {})


def test_broken_files_end_in_a_diagnostic_or_a_program() -> None:
    rules = random.Random(1)
    texts = [(FILES / f"caffe/{name}.prototxt").read_text() for name in ("lenet", "cifar10_quick", "mnist_autoencoder")]
    signs = [
        "{",
        "}",
        ":",
        '"',
        "-1",
        "0",
        "2147483647",
        "1e400",
        "layer {",
        'type: "Split"',
        "phase: TRAIN",
        "[",
        "\0",
    ]
    ended = 0
    for _ in range(300):
        text = rules.choice(texts)
        for _ in range(rules.choice([1, 2, 8])):
            at = rules.randrange(len(text))
            text = text[:at] + rules.choice(signs) + text[at + rules.choice([0, 1, 20]) :]
        start = process_time()
        try:
            flat = read(text, inputs=rules.choice([None, {"": (28, 28, 1)}]))
        except ForeignError as error:
            flat = error.partial
        if flat is not None:
            assert totals(flat) == (flat.params, flat.macs)
        ended += process_time() - start < 2
    assert ended == 300


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("input { a: 1 } input_dim: 1 input_dim: 3 input_dim: 4 input_dim: 4", "input"),
        ('input: "x" input_dim: 1 input_dim: 3 input_dim: 4 input_dim: 4 layer { type: "ReLU" bottom { } }', "bottom"),
    ],
)
def test_a_message_where_a_string_belongs_is_told(text: str, name: str, tmp_path: Path) -> None:
    (tmp_path / "net.prototxt").write_text(text)
    with pytest.raises(ForeignError) as caught:
        caffe.read(tmp_path / "net.prototxt")
    assert caught.value.diagnostics[0].message == f"{name}: a message is not a string"
