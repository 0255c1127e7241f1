"""What PyTorch, Keras, Caffe and Darknet call layers and their arguments, and how the same is written here.

One table of words, and one function that writes a layer of theirs as one of ours: `Conv2d(3, 64, 3, padding=1)` as
`CONV 64 3 p1`. Nothing else in netdsl names a layer by a word of another tool.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeVar

from netdsl.text.slots import slots

T = TypeVar("T")


class Foreign(NamedTuple):
    """A layer by a word of another tool: what it is called `here`, and the slots that it takes there by position.

    `torch` are those of PyTorch, where they differ: its layers are told what flows in (`-`). `constant` is what it is
    called where it is given one number, and no branch; `own` arguments it always has here.
    """

    here: str
    takes: str = ""
    torch: str = ""
    constant: str = ""
    own: str = ""


def by_word(table: Mapping[str, T]) -> dict[str, T]:
    """A table by each of the words in its keys."""
    return {word: value for words, value in table.items() for word in words.split()}


_CONV = "count size s p d g bias"
_RECURRENT = "- count layers both sequences"
_WORDS = {
    "conv convolution convolutional": Foreign("CONV", _CONV, f"- {_CONV}"),
    "deconv convtranspose convolutiontranspose deconvolution deconvolutional transposedconv tconv upconv": Foreign(
        "DECONV", "count size s p d", "- count size s p output_pad g bias d"
    ),
    "dwconv depthwiseconv depthwise depthwiseconvolution": Foreign("DWCONV", "size s p d bias"),
    "sepconv separableconv": Foreign("DWCONV kernel -> CONV filters 1"),
    "fc full dense innerproduct fullyconnected connected gemm affine": Foreign("FC", "count activation bias"),
    "linear": Foreign("FC", "- count bias"),
    "attention selfattention multiheadattention multiheadselfattention mha mhsa msa": Foreign(
        "ATTENTION", "- heads dropout bias width window shift"
    ),
    "windowattention shiftedwindowattention": Foreign("ATTENTION heads window=7 shift relative"),
    "maxpool maxpooling": Foreign("MAXPOOL", "size s p", "size s p dilation= - ceil"),
    "avgpool avgpooling averagepool averagepooling meanpool meanpooling": Foreign(
        "AVGPOOL", "size s p", "size s p ceil counted"
    ),
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
    "times rescale rescaling mulconstant": Foreign("TIMES", "number"),
    "plus addconstant": Foreign("PLUS", "number"),
    "flatten flat": Foreign("FLATTEN"),
    "reshape view": Foreign("RESHAPE", "dims"),
    "pad zeropadding zeropad constantpad": Foreign("PAD", "size"),
    "crop cropping centercrop": Foreign("CROP", "size"),
    "upsample upsampling interpolate resize": Foreign("UPSAMPLE", "size mode= align"),
    "upsamplingnearest": Foreign("UPSAMPLE", "size"),
    "upsamplingbilinear": Foreign("UPSAMPLE", "size", own="mode=bilinear aligned"),
    "pixelshuffle": Foreign("PIXELSHUFFLE", "size"),
    "depthtospace": Foreign("PIXELSHUFFLE", "size", own="order=dcr"),
    "pixelunshuffle": Foreign("PIXELUNSHUFFLE", "size"),
    "spacetodepth": Foreign("PIXELUNSHUFFLE", "size", own="order=dcr"),
    "reorg": Foreign("PIXELUNSHUFFLE", "step", own="order=darknet"),
    "patchmerging focus": Foreign("PIXELUNSHUFFLE 2 order=swin"),
    "slice": Foreign("SLICE"),
    "shuffle channelshuffle": Foreign("SHUFFLE", "groups"),
    "lstm longshorttermmemory cudnnlstm": Foreign("LSTM", _RECURRENT),
    "gru gatedrecurrentunit cudnngru": Foreign("GRU", _RECURRENT),
    "bilstm bidirectionallstm": Foreign("LSTM", _RECURRENT, own="both"),
    "bigru bidirectionalgru": Foreign("GRU", _RECURRENT, own="both"),
    "token clstoken classtoken cls": Foreign("TOKEN", "count"),
    "positions posembed posembedding positionembedding positionalembedding learnedpositionalembedding": Foreign(
        "POSITIONS", "-"
    ),
    "pick": Foreign("PICK", "position"),
    "input data placeholder": Foreign("INPUT", "dims"),
    "skip none identity skipconnection passthrough": Foreign("SKIP"),
    "concat concatenate concatenation cat route": Foreign("[ a | b ] -> CONCAT"),
    "add addition eltwise shortcut residual sum": Foreign("[ a | SKIP ] -> ADD", constant="PLUS"),
    "sub subtract": Foreign("[ a | b ] -> SUB"),
    "mul multiply": Foreign("[ a | b ] -> MUL", constant="TIMES"),
    "mean average": Foreign("[ a | b ] -> MEAN"),
    "max maximum maxout": Foreign("[ a | b ] -> MAX"),
}
LAYERS = by_word(_WORDS)
"""By word: in lower case, without underscores and number of axes. Every layer of netdsl is found by its keyword too."""

BATCH = r"(?:\?|-1|None|N|B|bs|batch_size|batch)"
"""What other tools write for a batch of any size, before the dims of an input."""
RESHAPED = "sizes stand as 4x4x8, and with one that follows as {-1, 8}; FLATTEN makes a vector of whatever flows in"
_ALWAYS = ("activation", "batch", "dropout", "-")
_BY_POSITION = ("dims", "groups", "heads", "count", "size", "rate", "slope", "position", "number", "step")
_OWN = r"[spdg](\d+(x\d+)*|\{.*\})|nobias|same|global|ceil|exclude_pad|aligned|causal|relative"
_NUMBER = r"-?\d+(\.\d+)?([eE][+-]?\d+)?|\d+(x\d+)+|\{.*\}|[a-z_]\w*"
_CONSTANT = r"-?\d+(\.\d+)?([eE][+-]?\d+)?|\{.*\}"
_COMPUTED = r"[\da-z_(][\da-z_ .+*/%()-]*"


def find(word: str) -> Foreign | None:
    """What a word is called here, where another tool, or netdsl itself, has a layer of that name."""
    return LAYERS.get(bare(word))


def bare(word: str) -> str:
    """A word as the tables have it: in lower case, without underscores and number of axes."""
    return re.sub(r"(?<=[a-z])[123]d|_|layer$", "", word.rpartition(".")[2].lower())


def written(word: str, arguments: Sequence[str] = ()) -> str:
    """A layer as it is written here; "" where another tool has none of that name, or an argument is not understood.

    Arguments are texts, of another tool or of netdsl: `64`, `(3, 3)`, `padding='same'`, `s2`. A number behind the
    word is its kernel, or else its label: `CONV3x3 64`, `FC6 4096`.
    """
    foreign = find(word)
    if foreign is None:
        return _numbered(word, arguments)
    if foreign.here == "RESHAPE" and "-1" in arguments:
        return "FLATTEN"
    if number := constant(word, arguments):
        return number
    if " or " in foreign.here and arguments and (kind := find(f"{_value(arguments[0].rpartition('=')[2])}pool")):
        return written(f"{kind.here}", arguments[1:])  # POOL max 2
    if "filters" in foreign.here:
        return _separable(_paired(arguments))
    arguments = _paired(arguments)
    if foreign.here == "ATTENTION":
        arguments = _heads_first(word, arguments)
    takes = foreign.torch if foreign.torch and re.search("[123]d$", word) else foreign.takes
    filled = _filled(arguments, takes.split(), {*foreign.takes.split(), *foreign.torch.split(), *_ALWAYS})
    if filled is None:
        return ""
    behind, layers = filled
    behind += foreign.own.split()
    layer = " or ".join(" ".join((one, *behind)) for one in foreign.here.split(" or "))
    return " -> ".join((layer, *layers))


def constant(word: str, arguments: Sequence[str]) -> str:
    """What a merge of branches is called here where it is given a number alone, `MUL 0.5`; or ""."""
    foreign = find(word)
    if foreign is None or not foreign.constant or len(arguments) != 1 or not re.fullmatch(_CONSTANT, arguments[0]):
        return ""
    return f"{foreign.constant} {arguments[0]}"


def called(word: str, arguments: Sequence[str]) -> str:
    """A layer that is called as a function of what flows in, `F.max_pool2d(x, 2)`, as it is written here; or ""."""
    flows = bool(arguments) and re.fullmatch(r"[a-z_]\w*", arguments[0]) is not None
    functional = flows and "." in word and word.rpartition(".")[2].islower()
    plain = arguments[1:] if functional else [one for one in arguments if not re.fullmatch(r"[a-z_]\w*", one)]
    first, second = (plain, arguments) if functional else (arguments, plain)
    foreign = find(word)
    return written(word, first) or written(word, second) or (foreign.here if foreign and functional else "")


def _paired(arguments: Sequence[str]) -> list[str]:
    """Arguments with the name of one and the number behind it as one: `stride 2` as `stride=2`."""
    paired: list[str] = []
    for one in arguments:
        if (
            paired
            and len(paired[-1]) > 1
            and re.fullmatch("[a-z_]+", paired[-1])
            and slots(paired[-1])
            and one[:1].isdigit()
        ):
            paired[-1] += f"={one}"
        else:
            paired.append(one)
    return paired


def _separable(arguments: Sequence[str]) -> str:
    """A depthwise convolution and one of 1x1 behind it."""
    takes = LAYERS["conv"].takes.split()
    filled = _filled(arguments, takes, {*takes, *_ALWAYS})
    if filled is None or len(filled[0]) < 2:
        return ""
    (count, *own), layers = filled
    return " -> ".join((f"DWCONV {' '.join(own)}", f"CONV {count} 1", *layers))


def _heads_first(word: str, arguments: Sequence[str]) -> Sequence[str]:
    """The arguments of attention whose heads stand first, which are fewer than the numbers that follow, by name.

    Keras tells the width of a head behind them, `MultiHeadAttention(8, 64)`; else they are channels in the wrong place.
    """
    match arguments:
        case [heads, size, *others] if heads.isdecimal() and size.isdecimal() and int(heads) < int(size):
            return [f"heads={heads}", *([f"width={size}"] if "HeadAttention" in word else []), *others]
        case _:
            return arguments


def _numbered(word: str, arguments: Sequence[str]) -> str:
    activation = find(_value(arguments[0].rpartition("=")[2])) if len(arguments) == 1 else None
    if bare(word) in {"activation", "act"} and activation:
        return activation.here
    match = re.fullmatch(r"([A-Za-z_]+?)_?(\d+(?:[xX]\d+)*)[xX]?", word)
    if match is None or (foreign := find(match[1])) is None:
        return ""
    needs = [slot for slot in foreign.takes.split() if slot in {"count", "size"}]
    if "size" in needs and len(arguments) < len(needs):
        return written(match[1], (*arguments, f"kernel={match[2].lower()}"))
    layer = written(match[1], arguments)
    return f"{word.lower()}: {layer}" if layer and "x" not in match[2] else ""


def parts(text: str) -> list[str]:
    """What stands between the commas of a call of another tool, brackets within taken as they are."""
    return [part.strip() for part in re.findall(r"(?:[^,()\[\]]|\([^()]*\)|\[[^\[\]]*\])+", text) if part.strip()]


def argument(key: str, value: str) -> str:
    """How an argument of another tool is written here, whatever layer it belongs to; or ""."""
    value = _value(value)
    match [slot for slot in slots(key) if slot != "rate"], value.lower():
        case ["p", *_], "same":
            return "write same"
        case ["p", *_], "valid":
            return "take it away: without p there is no padding"
        case [("s" | "p" | "d" | "g") as letter, *_], _ if re.fullmatch(r"\d+(x\d+)*|\{.*\}", value):
            return f"write {letter}{value}"
        case ["bias"], "false" | "0":
            return "write nobias"
        case ["ceil"], "false":
            return "take it away: sizes are rounded down without `ceil`"
        case ["ceil"], _:
            return "write ceil"
        case ["counted"], "false":
            return "write exclude_pad"
        case ["counted"], _:
            return "take it away: padding counts without `exclude_pad`"
        case ["layers"], count if count.isdecimal():
            return f"a repeat stands behind the layer: x{count}"
        case ["dropout"], rate:
            return f"a dropout is a layer of its own: -> DROPOUT{f' {rate}' if rate else ''}"
        case ["both"], "" | "true":
            return "write both"
        case ["sequences"], "false":
            return "write last"
        case ["both"] | ["sequences"], _:
            return "take it away: one direction is read, and all states are given, without `both` and `last`"
        case ["bias"], _:
            return "take it away: there is a bias without `nobias`"
        case ["align"], "false" | "0" | "none":
            return "take it away: corners are not aligned without `aligned`"
        case ["align"], _:
            return "write aligned"
        case ["batch"], _:
            return "a normalization is a layer of its own: -> BN"
        case ["activation"], _:
            here = found.here if (found := find(value)) else "RELU"
            return f"an activation is a layer of its own: -> {here}"
        case ["-"], _ if key == "name":
            return f"a label stands before its layer: {value or 'stem'}: CONV 64 3"
        case ["-"], _ if key.startswith(("in_", "num_", "normalized", "input")):
            return "take it away: a layer knows what flows in"
        case ["-"], _:
            return "take it away"
        case _:
            return ""


def _filled(arguments: Sequence[str], takes: list[str], known: set[str]) -> tuple[list[str], list[str]] | None:
    """The arguments of a layer as they are written here, and the layers behind it; None where one is not understood."""
    given: dict[str, str] = {}
    own: list[str] = []
    layers: list[str] = []
    position = 0
    needs = [slot for slot in takes if slot in {"count", "size", "heads"}]
    if takes[:1] == ["-"] and needs and len([one for one in arguments if _may_fill(one, needs)]) <= len(needs):
        position = 1  # what flows in is not said, as nobody says it here
    for text in arguments:
        key, equal, value = text.partition("=")
        if re.fullmatch(_OWN, text):
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
            case ("align", "false" | "0" | "none"):
                continue
            case ("align", _):
                own.append("aligned")
            case ("mode=", "linear" | "trilinear" | "cubic"):
                given[slot] = "bicubic" if value == "cubic" else "bilinear"
            case ("p", "same"):
                own.append("same")
            case ("bias", "false" | "0"):
                own.append("nobias")
            case ("batch", _):
                layers.insert(0, "BN")
            case ("ceil", "false" | "0") | ("counted", "true" | "1") | ("dropout", "0" | "0.0") | ("dilation=", "1"):
                continue
            case ("dilation=", _):
                return None
            case ("ceil", _):
                own.append("ceil")
            case ("counted", _):
                own.append("exclude_pad")
            case ("dropout", _):
                layers.append(f"DROPOUT {value}")
            case ("layers", "1") | ("both", "false") | ("sequences", "true"):
                continue
            case ("layers", _) if value.isdecimal():
                own.append(f"x{value}")
            case ("both", "true"):
                own.insert(0, "both")
            case ("sequences", "false"):
                own.append("last")
            case ("to", "1" | "1x1"):
                own.append("global")
            case ("activation", _):
                activation = find(value)
                if activation is None:
                    return None
                layers.append(activation.here)
            case _:
                if not re.fullmatch(_NUMBER, value):
                    if not re.fullmatch(_COMPUTED, value):
                        return None
                    value = f"{{{value}}}"
                given[slot] = value
    behind = [given.pop(slot) for slot in _BY_POSITION if slot in given]
    behind += [f"{slot}{given.pop(slot)}" for slot in "spdg" if slot in given]
    behind += [f"{slot.rstrip('=')}={value}" for slot, value in given.items()]
    return behind + own, layers


def _may_fill(argument: str, needs: list[str]) -> bool:
    """Whether an argument stands by position, or is one of those that a layer needs by its name."""
    key, equal, _ = argument.partition("=")
    return any(slot in needs for slot in slots(key.strip())) if equal else not re.fullmatch(_OWN, argument)


def _value(text: str) -> str:
    """A value as it is written here: `(3, 3)` as 3, `(1, 3)` as 1x3, `'same'` as same, `1.` as 1."""
    text = text.strip().strip("'\"")
    if inside := re.fullmatch(r"[(\[](.*)[)\]]", text):
        sizes = [part.strip() for part in inside[1].split(",") if part.strip()]
        return sizes[0] if len(set(sizes)) == 1 else "x".join(sizes)
    return re.sub(r"(?<![\w.])\.(?=\d)", "0.", re.sub(r"(?<![\w.])(\d+)\.(?![\w.])", r"\1", text))
