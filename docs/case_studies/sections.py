"""The claims of the slides, in their order."""

from __future__ import annotations

from dataclasses import dataclass

from case_studies import findings
from case_studies.claim import Claim, kinds, of_layer, total


@dataclass(frozen=True)
class Section:
    """A part of the slides, and what there is to say above and below its claims."""

    title: str
    claims: tuple[Claim, ...]
    before: str = ""
    after: str = ""
    source: str = "the slides"
    """Who makes the claims."""


def _json(network: str) -> str:
    return f"netdsl summary {network} --format json"


def _winner(says: str, network: str, value: str, note: str = "") -> Claim:
    return Claim(says, f"netdsl compare {network} --format csv", findings.error_and_depth, value, note)


LENET = Section(
    "LeNet-5 (1998)",
    (
        Claim(
            "Conv, Pool, Conv, Pool, FC, FC, softmax",
            _json("lenet5_modern"),
            kinds("RELU"),
            "CONV, MAXPOOL, CONV, MAXPOOL, FC, FC, FC, SOFTMAX",
            "the softmax has a third FC before it, which the slides draw as one with it",
        ),
        Claim("60k parameters", "netdsl summary lenet5", total("parameters"), "~60K", "to the letter of the paper"),
        Claim("60k parameters", "netdsl summary lenet5_modern", total("parameters"), "~60K", "as it is taught today"),
        Claim("sigmoid and tanh then", _json("lenet5"), findings.activations, "TANH", "LeCun's 1.7159 tanh(2x/3)"),
        Claim("ReLU in modern versions", _json("lenet5_modern"), findings.activations, "RELU"),
        Claim(
            "the last layer was no softmax at the time",
            _json("lenet5"),
            findings.last,
            "RBF",
            "distances to ten fixed pictures of digits",
        ),
        Claim("sizes shrink …", _json("lenet5"), findings.sizes, "32, 28, 14, 10, 5, 1"),
        Claim("… while channels grow", _json("lenet5"), findings.channels, "1, 6, 16, 120"),
        Claim(
            "340,908 connections (the paper)",
            "netdsl summary lenet5",
            total("connections"),
            "340,908",
            "each bias counts as one, and the subsampling and output layers do too: these are no MACs",
        ),
    ),
)

ALEXNET = Section(
    "AlexNet (2012), in one tower",
    (
        Claim("input 227x227x3", _json("alexnet"), of_layer("input1", "output"), "227x227x3"),
        Claim(
            "CONV1 96 11x11 s4 p0",
            "netdsl explain alexnet conv1",
            r"Here: (.+)\.",
            "96 filters of 11x11, stride 4, padding 0",
        ),
        Claim("→ 55x55x96", "netdsl explain alexnet conv1", r"In all (\S+)\.", "55x55x96"),
        Claim(
            "(227−11)/4+1 = 55",
            "netdsl explain alexnet conv1",
            r"height, width +(.+)",
            "(227 − 11 + 2·0)/4 + 1 = 55",
        ),
        Claim(
            "(11·11·3)·96+96 = 35K",
            "netdsl explain alexnet conv1",
            r"\(11·11·3\)·96 \+ 96 = ([\d,]+)",
            "~35K",
        ),
        Claim("MAX POOL1 3x3 s2 → 27x27x96", _json("alexnet"), of_layer("pool1", "output"), "27x27x96"),
        Claim("… 0 parameters", _json("alexnet"), of_layer("pool1", "params"), "0"),
        Claim("NORM1", _json("alexnet"), of_layer("norm1", "kind"), "LRN", "also written `NORM`"),
        Claim("CONV2 256 5x5 s1 p2 → 27x27x256", _json("alexnet"), of_layer("conv2", "output"), "27x27x256"),
        Claim("MAX POOL2 3x3 s2 → 13x13x256", _json("alexnet"), of_layer("pool2", "output"), "13x13x256"),
        Claim(
            "MAX POOL2 once with “96 filters”",
            _json("alexnet"),
            of_layer("pool2", "output"),
            "13x13x96",
            "pooling keeps the 256 channels of CONV2",
        ),
        Claim("NORM2", _json("alexnet"), of_layer("norm2", "kind"), "LRN"),
        Claim("CONV3 384 3x3 s1 p1", _json("alexnet"), of_layer("conv3", "output"), "13x13x384"),
        Claim("CONV4 384 3x3 s1 p1", _json("alexnet"), of_layer("conv4", "output"), "13x13x384"),
        Claim("CONV5 256 3x3 s1 p1", _json("alexnet"), of_layer("conv5", "output"), "13x13x256"),
        Claim("MAX POOL3 3x3 s2 → 6x6x256", _json("alexnet"), of_layer("pool3", "output"), "6x6x256"),
        Claim("FC6 4096", _json("alexnet"), of_layer("fc6", "output"), "4096"),
        Claim("FC7 4096", _json("alexnet"), of_layer("fc7", "output"), "4096"),
        Claim("FC8 1000", _json("alexnet"), of_layer("fc8", "output"), "1000"),
        Claim("60M parameters", "netdsl summary alexnet", total("parameters"), "~60M"),
    ),
    after="""
The paper writes an input of 224x224, which leaves a row and a column unread, and `netdsl check alexnet --input
224x224x3` warns of it (`inexact-window`). The slides' 227 is what fits.
""",
)

TOWERS = Section(
    "AlexNet, on two GPUs",
    (
        Claim("[55x55x48] × 2", _json("alexnet_two_gpus"), findings.conv1_of_each_device, "55x55x48 × 2"),
        Claim(
            "CONV1, 2, 4, 5 read only the maps of their own GPU",
            _json("alexnet_two_gpus"),
            findings.within,
            "CONV1, CONV2, CONV4, CONV5",
            "CONV1 reads the image, which both have",
        ),
        Claim(
            "CONV3, FC6, FC7, FC8 read all, across the GPUs",
            _json("alexnet_two_gpus"),
            findings.across,
            "CONV3, FC6, FC7, FC8",
        ),
        Claim("60M parameters", "netdsl summary alexnet_two_gpus", total("parameters"), "~60M"),
        Claim(
            "one network too large for a GTX 580 of 3 GB (at the batch of 128)",
            "netdsl memory alexnet --batch 128 --fit 3GB --keep all",
            r"Training at batch 128 (.*)\.",
            lambda found: "does not fit" in found,
            "even with each activation and its gradient kept, as frameworks of the time did",
        ),
        Claim(
            "two GPUs, half of it on each",
            "netdsl memory alexnet_two_gpus --batch 128 --fit 3GB --keep all",
            r"Training at batch 128 (.*)\.",
            lambda found: "fits into 3.00 GB on each device" in found,
        ),
    ),
    after="""
The towers are real, their reason is less so: weights, gradients, momentum and all activations of one tower, with the
gradients of these, leave a good part of a GTX 580 free. What is not counted is what a framework needs besides: the
workspaces of the convolutions, copies of the maps in another order, the next batch. [Memory](memory.md) has the whole
account.
""",
)

TRAINING = Section(
    "AlexNet, training",
    (
        Claim("dropout 0.5", "netdsl explain alexnet dropout1", r"rate (\d\.\d)", "0.5"),
        Claim("batch 128"),
        Claim("SGD with momentum 0.9, learning rate 0.01 lowered by hand, weight decay 0.0005"),
        Claim("heavy augmentation"),
        Claim("7 networks averaged: 18.2% → 15.4%"),
    ),
    before="""
How a network is trained is no part of its architecture.
""",
)

ZFNET = Section(
    "ZFNet (2013)",
    (
        Claim(
            "CONV1 7x7 s2 in place of 11x11 s4",
            "netdsl explain zfnet conv1",
            r"Here: \d+ filters of (\S+, stride \d+)",
            "7x7, stride 2",
        ),
        Claim(
            "filters 48-128-192-192-128-2048-2048, × 2",
            _json("zfnet"),
            findings.filters,
            "96-256-384-384-256-4096-4096",
            "in one tower",
        ),
        Claim("top-5 error 16.4% → 11.7%", "netdsl compare alexnet zfnet --format csv", findings.errors, "16.4, 11.7"),
        Claim(
            "made features visible (deconvolution pictures of layers 1, 2, …)",
            note="[`netdsl see --deconv`](training.md#what-it-sees) makes them, of a trained network",
        ),
    ),
)

VGG = Section(
    "VGG-16 and VGG-19 (2014)",
    (
        Claim("CONV 3x3 s1 same alone …", _json("vgg16"), findings.convolutions, "stride 1, the size stays"),
        Claim("… and MAX-POOL 2x2 s2: pooling alone shrinks", _json("vgg16"), findings.shrinking, "MAXPOOL"),
        Claim("channels 64, 128, 256, 512", _json("vgg16"), findings.widths, "64, 128, 256, 512"),
        Claim("16 layers …", "netdsl summary vgg16", total("depth"), "16"),
        Claim("… to 19", "netdsl summary vgg19", total("depth"), "19"),
        Claim("138M parameters", "netdsl summary vgg16", total("parameters"), "~138M"),
        Claim(
            "most parameters in the FC layers",
            "netdsl explain vgg16",
            r"3 FC: (\d+%) of the parameters",
            "89%",
        ),
        Claim(
            "most memory in the first layers",
            "netdsl explain vgg16",
            r"Most memory: (conv1_1) .*conv1_2",
            "conv1_1",
            "with conv1_2, which holds as much, 42% of it",
        ),
        Claim("top-5 error 7.3%", "netdsl compare vgg16 --format csv", findings.errors, "7.3"),
        Claim("no LRN", _json("vgg16"), findings.normalisations, "none"),
        Claim("FC7 features serve other tasks"),
        Claim("ensembles help"),
    ),
    after="""
The slides draw AlexNet, VGG-16 and VGG-19 as columns beside each other, as `netdsl draw alexnet vgg16 vgg19 --style
columns` does ([pictures](pictures.md#columns)).
""",
)

ROWS = Section(
    "VGG-16, row by row",
    (
        *findings.vgg_rows(),
        Claim(
            "24M * 4 bytes = 96 MB / image",
            "netdsl summary vgg16 --format slides",
            r"TOTAL memory: (.*) / image",
            "24M * 4 bytes = 96 MB",
            "the sum of the slides' own rows",
        ),
        Claim(
            "24M, if what each ReLU puts out counts too",
            _json("vgg16"),
            findings.numbers_with_activations,
            "~24M",
            "so that is not where it comes from",
        ),
        Claim("138M parameters", "netdsl summary vgg16 --format slides", r"([\d,]+) with them", "~138M"),
    ),
    before="""
Each row's numbers and its parameters without biases, as `netdsl summary vgg16 --format slides` prints them.
""",
)

STACKS = Section(
    "Three 3x3 against one 7x7",
    (
        Claim("the same receptive field", "netdsl explain three_3x3 three", r"= (7) \(along each axis\)", "7"),
        Claim("… as one 7x7", _json("one_7x7"), findings.field, "7"),
        Claim(
            "fewer parameters: 3·9C² against 49C²",
            "netdsl explain three_3x3",
            findings.stack,
            findings.fewer,
            "for C = 64",
        ),
        Claim("more nonlinearities", _json("three_3x3"), findings.nonlinearities, "3"),
    ),
)

ONE_BY_ONE = Section(
    "Network in network, and 1x1 (2013)",
    (
        Claim("6x6x1 through one 1x1 filter → 6x6x1", _json("conv1x1_single"), of_layer("conv1", "output"), "6x6x1"),
        Claim("6x6x32 through five → 6x6x5", _json("conv1x1_five"), of_layer("conv1", "output"), "6x6x5"),
        Claim("shrinks channels", "netdsl explain conv1x1_five conv1", r"from (32 numbers to 5)", "32 numbers to 5"),
        Claim(
            "saves computation",
            "netdsl explain googlenet inception_3a.unit4",
            findings.saving,
            findings.fewer,
            "a 1x1 before a 5x5, in GoogLeNet",
        ),
    ),
)

FULLY_CONNECTED = Section(
    "A fully connected layer is a convolution (LeCun)",
    (
        Claim(
            "a fully connected layer is a convolution with 1x1 kernels …",
            "netdsl transform --convolutional vgg16",
            r"-> (fc7: CONV 4096 1x1)",
            "fc7: CONV 4096 1x1",
        ),
        Claim(
            "… or, over a map, with a kernel of its size",
            "netdsl transform --convolutional vgg16",
            r"-> (fc6: CONV 4096 7x7)",
            "fc6: CONV 4096 7x7",
        ),
        Claim(
            "networks can be rewritten so",
            "netdsl transform --convolutional vgg16",
            r"expect params = (\d+)",
            "138357544",
            "the same parameters; the result takes larger images",
        ),
    ),
)

LATER = Section(
    "Inception and ResNet",
    (
        Claim("Inception (Google): GoogLeNet", "netdsl summary googlenet", total("depth"), "22"),
        Claim("ResNet: 152 layers", "netdsl summary resnet152", total("depth"), "152"),
        Claim(
            "the first to beat the human classifier (5.1%)",
            "netdsl compare resnet152 --format csv",
            findings.beats_the_human,
            "3.6 < 5.1",
        ),
    ),
    before="""
Both are named in the agenda alone.
""",
)


def _costs(says: str, network: str, params: str, macs: str, source: str) -> Claim:
    value = f"{params} parameters, {macs} MACs"
    return Claim(f"{says}: {value}", f"netdsl compare {network} --format csv", findings.costs, value, source)


NETWORKS = Section(
    "What the networks are known by",
    (
        _costs("LeNet-5 of 1998, to the letter", "lenet5", "60,000", "325,680", "LeCun 1998, section II.B"),
        Claim(
            "its parameters layer by layer",
            _json("lenet5"),
            findings.of_layers("params", "c1", "s2", "c3", "s4", "c5", "f6"),
            "c1 156, s2 12, c3 1,516, s4 32, c5 48,120, f6 10,164",
        ),
        Claim(
            "its connections layer by layer",
            _json("lenet5"),
            findings.of_layers("connections", "c1", "s2", "c3", "s4", "c5", "f6", "rbf1"),
            "c1 122,304, s2 5,880, c3 151,600, s4 2,000, c5 48,120, f6 10,164, rbf1 840",
        ),
        _costs("LeNet-5 as taught", "lenet5_modern", "61,706", "416,520", ""),
        _costs("AlexNet, one tower", "alexnet", "62,378,344", "1,135,256,096", "Darknet's alexnet.cfg"),
        _costs("AlexNet, two towers", "alexnet_two_gpus", "60,965,224", "724,406,816", "Caffe's bvlc_alexnet"),
        _costs("ZFNet", "zfnet", "62,357,608", "1,168,032,896", "pytorchcv's zfnet"),
        _costs("VGG-11", "vgg11", "132,863,336", "7,609,090,048", "torchvision"),
        _costs("VGG-13", "vgg13", "133,047,848", "11,308,466,176", "torchvision"),
        _costs("VGG-16", "vgg16", "138,357,544", "15,470,264,320", "torchvision, netscope"),
        _costs("VGG-19", "vgg19", "143,667,240", "19,632,062,464", "torchvision"),
        _costs("Network in Network", "nin", "7,595,176", "1,100,188,800", "netscope's nin"),
        _costs("GoogLeNet of the paper", "googlenet", "6,998,552", "1,582,671,872", "Caffe's bvlc_googlenet"),
        _costs("Inception-v3", "inception_v3", "23,834,568", "5,713,216,096", "torchvision"),
        _costs("ResNet-18", "resnet18", "11,689,512", "1,814,073,344", "torchvision"),
        _costs("ResNet-34", "resnet34", "21,797,672", "3,663,761,408", "torchvision"),
        _costs("ResNet-50", "resnet50", "25,557,032", "4,089,184,256", "torchvision"),
        _costs("ResNet-101", "resnet101", "44,549,160", "7,801,405,440", "torchvision"),
        _costs("ResNet-152", "resnet152", "60,192,808", "11,513,626,624", "torchvision"),
        _costs("ResNet-152, paper", "resnet152_paper", "60,192,808", "11,282,415,616", "netscope's resnet-152"),
        Claim("VGG-16's pool5 sees 212", _json("vgg16"), findings.field_and_stride("pool5"), "212, stride 32"),
        Claim("its conv5_3 sees 196", _json("vgg16"), findings.field_and_stride("conv5_3"), "196, stride 16"),
    ),
    before="""
Not of the slides: the figures that others give for these very networks, one example each, training heads left out.
""",
    source="published",
)

IMAGENET = Section(
    "The ImageNet challenge",
    (
        Claim("2010: Lin et al., 28.2%, shallow"),
        Claim("2011: Sánchez and Perronnin, 25.8%, shallow"),
        _winner("2012: AlexNet, 16.4%, 8 layers", "alexnet", "16.4%, 8 layers"),
        _winner("2013: ZFNet, 11.7%, 8 layers", "zfnet", "11.7%, 8 layers"),
        _winner("2014: VGG, 7.3%, 19 layers", "vgg19", "7.3%, 19 layers", "second of that year"),
        _winner("2014: GoogLeNet, 6.7%, 22 layers", "googlenet", "6.7%, 22 layers"),
        _winner("2015: ResNet, 3.6%, 152 layers", "resnet152", "3.6%, 152 layers"),
        Claim("2016: Shao et al., 3.0%, 152 layers"),
        Claim("2017: SENet, 2.3%, 152 layers"),
        Claim("a human, 5.1%"),
    ),
    before="""
Errors are what the papers report, of what they sent in: mostly several networks averaged. Depths are computed. `netdsl
compare --chart winners` draws the slides' bar chart ([comparing networks](comparing.md)).
""",
)

SECTIONS = (
    *(LENET, ALEXNET, TOWERS, TRAINING, ZFNET, VGG, ROWS, STACKS, ONE_BY_ONE, FULLY_CONNECTED, LATER),
    IMAGENET,
    NETWORKS,
)
