"""The bundled networks have the figures that they are known by, and compute what their originals compute."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torchvision_models
from torch import Tensor, nn

import netdsl
from netdsl import resources

PUBLISHED = {
    "lenet5": (60_000, 325_680),
    "lenet5_modern": (61_706, 416_520),
    "alexnet": (62_378_344, 1_135_256_096),
    "alexnet_two_gpus": (60_965_224, 724_406_816),
    "zfnet": (62_357_608, 1_168_032_896),
    "vgg11": (132_863_336, 7_609_090_048),
    "vgg13": (133_047_848, 11_308_466_176),
    "vgg16": (138_357_544, 15_470_264_320),
    "vgg19": (143_667_240, 19_632_062_464),
    "nin": (7_595_176, 1_100_188_800),
    "googlenet": (6_998_552, 1_582_671_872),
    "inception_v3": (23_834_568, 5_713_216_096),
    "resnet18": (11_689_512, 1_814_073_344),
    "resnet34": (21_797_672, 3_663_761_408),
    "resnet50": (25_557_032, 4_089_184_256),
    "resnet101": (44_549_160, 7_801_405_440),
    "resnet152": (60_192_808, 11_513_626_624),
    "resnet152_paper": (60_192_808, 11_282_415_616),
    "resnext50_32x4d": (25_028_904, 4_230_479_872),
    "densenet121": (7_978_856, 2_834_161_664),
    "inception_v4": (42_679_816, 12_253_974_624),
    "se_resnet50": (28_088_024, 3_860_488_192),
    "regnet_y_400mf": (4_344_144, 401_842_848),
    "convnext_tiny": (28_589_128, 4_455_531_264),
    "squeezenet1_1": (1_235_496, 349_151_936),
    "shufflenet_v2_x1_0": (2_278_604, 144_907_992),
    "mobilenet_v2": (3_504_872, 300_774_272),
    "mobilenet_v3_large": (5_483_032, 216_589_760),
    "efficientnet_b0": (5_288_548, 385_814_752),
    "vit_b_16": (86_567_656, 17_563_828_224),
    "swin_t": (28_288_354, 4_490_566_656),
    "unet": (31_030_658, 150_428_424_448),
    "fcn_resnet50": (32_957_013, 142_725_772_800),  # of torchvision's 35,322,218 less the head that is for training
    "yolov3_tiny": (8_852_366, 2_782_480_896),  # of the 8,858,734 numbers in Darknet's file less running statistics
    "crepe_tiny": (486_552, 36_792_320),
    "c3d": (79_991_015, 38_548_959_232),
}
"""Parameters and MACs that the papers, torchvision, Caffe, timm, Darknet, pytorchcv and netscope give."""

GROUPS = {"course", "classic", "mobile", "attention", "segmentation", "signal and video"}

NAMES = [path.stem for path in resources.bundled()]


@pytest.mark.parametrize("name", NAMES)
def test_a_bundled_network_states_its_source_and_keeps_its_claims(name: str) -> None:
    network = netdsl.load(name)  # raises where an expectation fails
    assert network.shaped.graph.expectations
    assert network.meta["year"]
    assert network.meta["group"] in GROUPS
    assert str(network.shaped.graph.source.text).startswith("# ")


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_and_macs_are_those_published(name: str) -> None:
    totals = netdsl.load(name).summary().totals
    assert (totals.params, totals.macs) == PUBLISHED[name]


def test_lenet_has_the_parameters_of_the_paper_layer_by_layer() -> None:
    network = netdsl.load("lenet5")
    params = [figure.params for figure in network.summary().figures if figure.params]
    # Each subsampling is a pooling and a SCALE; the table in LeCun et al. 1998, section II.B.
    assert params == [156, 12, 1_516, 32, 48_120, 10_164]


def test_vgg16_sees_212_pixels_at_its_last_pool() -> None:
    summary = netdsl.load("vgg16").summary()
    paths = [node.path for node in summary.shaped.nodes]
    pool5, conv5_3 = summary.fields[paths.index("pool5")], summary.fields[paths.index("conv5_3")]
    assert [(axis.size, axis.stride) for axis in pool5] == [(212, 32)] * 2
    assert [axis.size for axis in conv5_3] == [196, 196]


def randomised(model: nn.Module) -> nn.Module:
    """A model made on the meta device, with weights that keep activations in range; quick even for VGG."""
    model = model.to_empty(device="cpu").eval()
    generator = torch.Generator().manual_seed(1)
    for name, tensor in model.state_dict().items():
        if tensor.ndim > 1:
            bound = (6 / tensor[0].numel()) ** 0.5
            tensor.uniform_(-bound, bound, generator=generator)
        elif name.endswith(("running_var", "weight")):
            tensor.uniform_(0.5, 1, generator=generator)
        elif tensor.is_floating_point():
            tensor.uniform_(-0.1, 0.1, generator=generator)
    return model


def _run(model: nn.Module, image: Tensor) -> tuple[Any, list[Tensor]]:
    """What a model gives, and its weights and statistics in the order in which its modules run."""
    order: list[Tensor] = []

    def ran(module: nn.Module, given: object, made: object) -> None:
        own = [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
        order.extend(tensor for name, tensor in own if name != "num_batches_tracked")

    for module in model.modules():
        module.register_forward_hook(ran)
    with torch.inference_mode():
        return model(image), order


def _carried(given: list[Tensor], name: str, dims: tuple[int, ...] = (224, 224, 3)) -> nn.Module:
    """netdsl's network with a model's weights, tensor after tensor in order."""
    module = netdsl.load(name, inputs=dims).module(train=False)
    ours = {key: tensor for key, tensor in module.state_dict().items() if not key.endswith("num_batches_tracked")}
    assert [tensor.squeeze().shape for tensor in ours.values()] == [tensor.squeeze().shape for tensor in given]
    fitted = [theirs.reshape(tensor.shape) for tensor, theirs in zip(ours.values(), given, strict=True)]
    module.load_state_dict(dict(zip(ours, fitted, strict=True)), strict=False, assign=True)
    return module.eval()


TORCHVISION = (
    *("resnet18", "resnet34", "resnet50", "resnet152", "vgg11"),
    *("densenet121", "resnext50_32x4d", "regnet_y_400mf", "convnext_tiny"),
    *("squeezenet1_1", "mobilenet_v2", "shufflenet_v2_x1_0", "mobilenet_v3_large", "efficientnet_b0"),
)


@pytest.mark.parametrize("name", TORCHVISION)
def test_outputs_equal_torchvision_with_its_weights(name: str) -> None:
    build: Callable[[], nn.Module] = getattr(torchvision_models.load(), name)
    with torch.device("cpu" if name.startswith("regnet") else "meta"):  # tensors compute a RegNet's widths
        model = build()
    image: Tensor = torch.rand(1, 3, 224, 224, generator=torch.Generator().manual_seed(2))
    _compare(name, randomised(model), image)


def test_outputs_of_fcn_equal_torchvision_where_the_size_does_not_divide() -> None:
    with torch.device("meta"):
        model = torchvision_models.load().segmentation.fcn_resnet50(weights=None, weights_backbone=None)
    image = torch.rand(1, 3, 97, 65, generator=torch.Generator().manual_seed(2))
    _compare("fcn_resnet50", randomised(model), image, lambda made: made["out"])


def _compare(name: str, model: nn.Module, image: Tensor, scores: Callable[..., Tensor] = lambda made: made) -> None:
    """Hold scores, which are what SOFTMAX reads, against those of a model with its weights."""
    made, weights = _run(model, image)
    module = _carried(weights, name, (*image.shape[2:], 3))
    found: list[Tensor] = []
    module.get_submodule("prob").register_forward_pre_hook(lambda _, given: found.extend(given))
    with torch.inference_mode():
        module(image)
    wanted = scores(made)
    assert wanted.std() > 1e-5  # not all alike, so that agreeing says something
    assert (found[0] - wanted).abs().max() < 1e-5 * wanted.abs().max()
