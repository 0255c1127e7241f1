"""What PyTorch, Keras, Caffe and Darknet call layers and their arguments, and how the same is written here.

One table of words, and one function that writes a layer of theirs as one of ours: `Conv2d(3, 64, 3, padding=1)` as
`CONV 64 3 p1`. Nothing else in netdsl names a layer by a word of another tool.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Foreign:
    """A layer by a word of another tool: what it is called `here`, and the slots that it takes there by position.

    `torch` are those of PyTorch, where they differ: its layers are told what flows in (`-`).
    """

    here: str
    takes: str = ""
    torch: str = ""


_CONV = "count size s p d g bias"
_WORDS = {
    "conv convolution convolutional separableconv": Foreign("CONV", _CONV, f"- {_CONV}"),
    "deconv convtranspose convolutiontranspose deconvolution deconvolutional transposedconv upconv": Foreign(
        "DECONV", "count size s p", "- count size s p output_pad g bias"
    ),
    "dwconv depthwiseconv depthwise depthwiseconvolution": Foreign("DWCONV", "size s p d bias"),
    "fc dense innerproduct fullyconnected connected gemm affine": Foreign("FC", "count activation bias"),
    "linear": Foreign("FC", "- count bias"),
    "maxpool maxpooling": Foreign("MAXPOOL", "size s p"),
    "avgpool avgpooling averagepool averagepooling meanpool meanpooling": Foreign("AVGPOOL", "size s p"),
    "pool pooling": Foreign("MAXPOOL or AVGPOOL", "size s p"),
    "globalaveragepooling globalaveragepool globalavgpool globalavgpooling gap": Foreign("AVGPOOL global"),
    "globalmaxpooling globalmaxpool gmp": Foreign("MAXPOOL global"),
    "adaptiveavgpool adaptiveaveragepool": Foreign("AVGPOOL", "to"),
    "adaptivemaxpool": Foreign("MAXPOOL", "to"),
    "bn batchnorm batchnormalization batchnormalize bnorm syncbatchnorm": Foreign("BN", "- eps= momentum="),
    "ln layernorm layernormalization": Foreign("LN", "- eps="),
    "gn groupnorm groupnormalization": Foreign("GN", "groups - eps="),
    "in instancenorm instancenormalization": Foreign("IN", "- eps="),
    "lrn norm localresponsenorm localresponsenormalization responsenormalization": Foreign(
        "LRN", "size= alpha= beta= k="
    ),
    "relu rectifier": Foreign("RELU"),
    "relu6": Foreign("RELU6"),
    "leakyrelu lrelu leaky leakyrectify": Foreign("LEAKYRELU", "slope"),
    "prelu parametricrelu": Foreign("PRELU"),
    "elu": Foreign("ELU", "slope"),
    "selu": Foreign("SELU"),
    "gelu": Foreign("GELU"),
    "silu swish": Foreign("SILU"),
    "mish": Foreign("MISH"),
    "hardswish hswish": Foreign("HARDSWISH"),
    "hardsigmoid hsigmoid": Foreign("HARDSIGMOID"),
    "sigmoid logistic": Foreign("SIGMOID"),
    "tanh": Foreign("TANH"),
    "softplus": Foreign("SOFTPLUS"),
    "abs absval": Foreign("ABS"),
    "softmax softmaxwithloss": Foreign("SOFTMAX"),
    "logsoftmax": Foreign("LOGSOFTMAX"),
    "dropout spatialdropout alphadropout drop": Foreign("DROPOUT", "rate"),
    "droppath stochasticdepth": Foreign("DROPPATH", "rate"),
    "scale": Foreign("SCALE"),
    "rbf": Foreign("RBF", "count"),
    "normalize": Foreign("NORMALIZE"),
    "flatten": Foreign("FLATTEN"),
    "reshape view": Foreign("RESHAPE", "dims"),
    "pad zeropadding zeropad constantpad": Foreign("PAD", "size"),
    "crop cropping centercrop": Foreign("CROP", "size"),
    "upsample upsampling interpolate resize": Foreign("UPSAMPLE", "size"),
    "slice": Foreign("SLICE"),
    "shuffle channelshuffle": Foreign("SHUFFLE", "groups"),
    "input data placeholder": Foreign("INPUT", "dims"),
    "skip identity skipconnection passthrough": Foreign("SKIP"),
    "concat concatenate concatenation cat route": Foreign("[ a | b ] -> CONCAT"),
    "add addition eltwise shortcut residual sum": Foreign("[ a | SKIP ] -> ADD"),
    "sub subtract": Foreign("[ a | b ] -> SUB"),
    "mul multiply": Foreign("[ a | b ] -> MUL"),
    "mean average": Foreign("[ a | b ] -> MEAN"),
    "max maximum maxout": Foreign("[ a | b ] -> MAX"),
}
LAYERS = {word: foreign for words, foreign in _WORDS.items() for word in words.split()}
"""By word: in lower case, without underscores and number of axes. Every layer of netdsl is found by its keyword too."""

_SLOTS = {
    "count": "filters out_channels num_output num_filters nb_filter units out_features",
    "size": "kernel kernel_size ksize kernel_shape pool_size size filter_size scale_factor",
    "s": "s stride strides subsample",
    "p": "p padding pad pads",
    "d": "d dilation dilation_rate dilations atrous_rate",
    "g": "g groups group",
    "groups": "groups num_groups",
    "bias": "bias use_bias bias_term",
    "rate": "rate p dropout_ratio dropout_rate prob",
    "slope": "slope negative_slope alpha",
    "to": "to output_size",
    "dims": "dims shape input_shape",
    "activation": "activation activation_fn nonlinearity act",
    "batch": "batch_normalize batch_norm",
    "output_pad": "output_pad output_padding",
    "-": "in_channels in_features num_features normalized_shape input_shape inplace name data_format dtype device"
    " padding_mode kernel_initializer bias_initializer",
}
"""What fills a slot, and what it is called, here or elsewhere; `-` is left out here."""

_ALWAYS = ("activation", "batch", "-")
_BY_POSITION = ("dims", "groups", "count", "size", "rate", "slope")
_OWN = re.compile(r"[spdg](\d+(x\d+)*|\{.*\})|nobias|same|global|ceil|exclude_pad")
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?|\d+(x\d+)+|\{.*\}|[a-z_]\w*")
_COMPUTED = re.compile(r"[\da-z_(][\da-z_ .+*/%()-]*")


def find(word: str) -> Foreign | None:
    """What a word is called here, where another tool, or netdsl itself, has a layer of that name."""
    return LAYERS.get(re.sub(r"(?<=[a-z])[123]d|_|layer$", "", word.rpartition(".")[2].lower()))


def written(word: str, arguments: Sequence[str] = ()) -> str:
    """A layer as it is written here; "" where another tool has none of that name, or an argument is not understood.

    Arguments are texts, of another tool or of netdsl: `64`, `(3, 3)`, `padding='same'`, `s2`.
    """
    foreign = find(word)
    if foreign is None:
        return ""
    takes = foreign.torch if foreign.torch and re.search("[123]d$", word) else foreign.takes
    filled = _filled(arguments, takes.split(), {*foreign.takes.split(), *foreign.torch.split(), *_ALWAYS})
    if filled is None:
        return ""
    behind, layers = filled
    layer = " or ".join(" ".join((one, *behind)) for one in foreign.here.split(" or "))
    return " -> ".join((layer, *layers))


def parts(text: str) -> list[str]:
    """What stands between the commas of a call of another tool, brackets within taken as they are."""
    return [part.strip() for part in re.findall(r"(?:[^,()\[\]]|\([^()]*\)|\[[^\[\]]*\])+", text) if part.strip()]


def slots(word: str) -> list[str]:
    """The slots that a name of an argument may mean."""
    return [slot for slot, words in _SLOTS.items() if word.lower() in words.split()]


def _filled(arguments: Sequence[str], takes: list[str], known: set[str]) -> tuple[list[str], list[str]] | None:
    """The arguments of a layer as they are written here, and the layers behind it; None where one is not understood."""
    given: dict[str, str] = {}
    own: list[str] = []
    layers: list[str] = []
    position = 0
    needs = [slot for slot in takes if slot in {"count", "size"}]
    if takes[:1] == ["-"] and needs and len([one for one in arguments if not _OWN.fullmatch(one)]) <= len(needs):
        position = 1  # what flows in is not said, as nobody says it here
    for text in arguments:
        key, equal, value = text.partition("=")
        if _OWN.fullmatch(text):
            own.append(text)
            continue
        if equal:
            slot = next((one for one in slots(key.strip()) if one in known), f"{key.strip()}=")
        else:
            slot, value = takes[position] if position < len(takes) else "", text
            position += 1
        value = _value(value)
        if slot in given or slot not in known or not value:
            return None
        match slot, value.lower():
            case ("-", _) | ("p", "valid") | ("bias", "true" | "1") | ("activation", "none" | "linear"):
                continue
            case ("p", "same"):
                own.append("same")
            case ("bias", "false" | "0"):
                own.append("nobias")
            case ("batch", _):
                layers.insert(0, "BN")
            case ("to", "1" | "1x1"):
                own.append("global")
            case ("activation", _):
                activation = find(value)
                if activation is None:
                    return None
                layers.append(activation.here)
            case _:
                if not _NUMBER.fullmatch(value):
                    if not _COMPUTED.fullmatch(value):
                        return None
                    value = f"{{{value}}}"
                given[slot] = value
    behind = [given.pop(slot) for slot in _BY_POSITION if slot in given]
    behind += [f"{slot}{given.pop(slot)}" for slot in "spdg" if slot in given]
    behind += [f"{slot.rstrip('=')}={value}" for slot, value in given.items()]
    return behind + own, layers


def _value(text: str) -> str:
    """A value as it is written here: `(3, 3)` as 3, `(1, 3)` as 1x3, `'same'` as same."""
    text = text.strip().strip("'\"")
    if inside := re.fullmatch(r"[(\[](.*)[)\]]", text):
        sizes = [part.strip() for part in inside[1].split(",") if part.strip()]
        return sizes[0] if len(set(sizes)) == 1 else "x".join(sizes)
    return text
