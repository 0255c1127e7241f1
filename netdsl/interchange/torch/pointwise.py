"""Rules for what works on values one by one, and for what sums over axes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from netdsl.interchange.torch.program import Ref
from netdsl.interchange.torch.writing import Given, Unsaid

if TYPE_CHECKING:
    from collections.abc import Callable


def one(kind: str) -> Callable[[Given], None]:
    """An operator of one value, without settings."""
    return lambda given: given.last(kind, given.ref("self" if given.has("self") else "input"))


def two(kind: str) -> Callable[[Given], None]:
    """An operator of two values, the second of which may be a number."""
    return lambda given: given.last(kind, given.ref("self"), given.scalar("other"))


def add(kind: str) -> Callable[[Given], None]:
    """add and sub: self ± alpha · other."""

    def rule(given: Given) -> None:
        other, alpha = given.scalar("other"), given.float("alpha", 1)
        if alpha != 1:
            other = given.step("Mul", given.dims(other), other, given.writing.real(alpha))
        given.last(kind, given.ref("self"), other)

    return rule


def rsub(given: Given) -> None:
    """other − self."""
    if given.float("alpha", 1) != 1:
        raise Unsaid("its alpha is not 1")
    given.last("Sub", given.scalar("other"), given.ref("self"))


def div(given: Given) -> None:
    """div; what rounds is no layer."""
    if given.has("rounding_mode"):
        raise Unsaid("it rounds")
    if not _response(given):
        given.last("Div", given.ref("self"), given.scalar("other"))


def _response(given: Given) -> bool:
    """Write local response normalisation as one, which torch.nn spells out: x / (k + alpha · mean of squares)^beta."""
    raised = given.maker("other", "pow")
    offset = raised.maker("self", "add") if raised else None
    scaled = offset.maker("self", "mul") if offset else None
    step = scaled.maker("self", _SHAPES) if scaled else None
    while step and step.call.operator in _SHAPES.split():
        step = step.maker("self", f"{_SHAPES} avg_pool2d avg_pool3d")
    if not (raised and offset and scaled and step):
        return False
    size, rest = step.ints("kernel_size")[0], step.ints("kernel_size")[1:]
    padded = step.maker("self", "pad constant_pad_nd")
    first = padded.maker("self", _SHAPES) if padded else None
    square = first.maker("self", "mul") if first else None
    numbers = raised.value("exponent"), offset.value("other"), scaled.value("other")
    beta, bias, alpha = numbers
    x = given.ref("self")
    if (
        not (isinstance(beta, int | float) and isinstance(bias, int | float) and isinstance(alpha, int | float))
        or padded is None
        or square is None
        or set(rest) != {1}
        or size % 2 == 0
        or padded.ints("pad")[-2:] != (size // 2, size // 2)
        or any(padded.ints("pad")[:-2])
        or {*square.call.refs()} != {*given.call.refs()} - {*raised.call.outputs}
        or given.gives != given.dims(x)
    ):
        return False
    given.last("LRN", x, size=size, alpha=float(alpha), beta=float(beta), bias=float(bias))
    return True


_SHAPES = "view reshape squeeze unsqueeze"


def addcmul(given: Given) -> None:
    """addcmul: self + value · tensor1 · tensor2."""
    product = given.step("Mul", given.gives, given.ref("tensor1"), given.ref("tensor2"))
    if given.float("value", 1) != 1:
        product = given.step("Mul", given.gives, product, given.writing.real(given.float("value", 1)))
    given.last("Add", given.ref("self"), product)


def power(given: Given) -> None:
    """pow: a square is a product, as all who read it expect."""
    exponent = given.value("exponent")
    x = given.ref("self")
    if exponent == 2:
        given.last("Mul", x, x)
    else:
        given.last("Pow", x, given.scalar("exponent"))


def clamp(given: Given) -> None:
    """clamp, clamp_min, clamp_max."""
    low = given.writing.real(given.float("min", 0)) if given.has("min") else ""
    high = given.writing.real(given.float("max", 0)) if given.has("max") else ""
    given.last("Clip", given.ref("self"), low, high)


def hardtanh(given: Given) -> None:
    """hardtanh, -1 and 1 where nothing is said."""
    low, high = given.float("min_val", -1), given.float("max_val", 1)
    given.last("Clip", given.ref("self"), given.writing.real(low), given.writing.real(high))


def relu6(given: Given) -> None:
    """relu6."""
    given.last("Clip", given.ref("self"), given.writing.real(0), given.writing.real(6))


def leaky_relu(given: Given) -> None:
    """leaky_relu."""
    given.last("LeakyRelu", given.ref("self"), alpha=given.float("negative_slope", 0.01))


def elu(given: Given) -> None:
    """elu; selu and celu have names of their own in PyTorch's programs, or are elu with scales."""
    alpha, scale, inner = given.float("alpha", 1), given.float("scale", 1), given.float("input_scale", 1)
    if scale == inner == 1:
        given.last("Elu", given.ref("self"), alpha=alpha)
    elif inner == 1:
        given.last("Selu", given.ref("self"), alpha=alpha, gamma=scale)
    else:
        raise Unsaid("its input_scale is not 1")


def selu(given: Given) -> None:
    """selu."""
    given.last("Selu", given.ref("self"), alpha=1.6732632423543772, gamma=1.0507009873554805)


def prelu(given: Given) -> None:
    """prelu: the slope of a channel beside all its places."""
    x, weight = given.ref("self"), given.ref("weight")
    size, rank = given.dims(weight)[0], len(given.dims(x))
    if size > 1 and rank > 2:
        values = given.writing.constants.get(weight)
        if values is None:
            raise Unsaid("its slope is computed by the network")
        weight = given.writing.constant(f"{weight}.{rank}", values.reshape(size, *[1] * (rank - 2)))
    given.last("PRelu", x, weight)


def gelu(given: Given) -> None:
    """gelu, by the error function or by tanh."""
    given.last("Gelu", given.ref("self"), approximate=given.text("approximate", "none"))


def silu(given: Given) -> None:
    """silu: x · sigmoid(x)."""
    x = given.ref("self")
    given.last("Mul", x, given.step("Sigmoid", given.dims(x), x))


def hardsigmoid(given: Given) -> None:
    """hardsigmoid: min(max(x + 3, 0), 6) / 6."""
    given.last("HardSigmoid", given.ref("self"), alpha=1 / 6, beta=0.5)


def softplus(given: Given) -> None:
    """softplus; beyond the threshold it is a line, as it is within rounding at 20."""
    if given.float("beta", 1) != 1 or given.float("threshold", 20) < 15:
        raise Unsaid("its beta is not 1, or it is a line early")
    given.last("Softplus", given.ref("self"))


def softmax(kind: str) -> Callable[[Given], None]:
    """softmax and log_softmax along an axis."""
    return lambda given: given.last(kind, x := given.ref("self"), axis=given.axis("dim", len(given.dims(x)), -1))


def glu(given: Given) -> None:
    """glu: one half times the sigmoid of the other."""
    x = given.ref("self")
    dims = given.dims(x)
    axis = given.axis("dim", len(dims), -1)
    half = (*dims[:axis], dims[axis] // 2, *dims[axis + 1 :])
    parts = [given.step("Slice", half, x, *_slice(given, start, dims[axis] // 2, axis)) for start in (0, 1)]
    given.last("Mul", parts[0], given.step("Sigmoid", half, parts[1]))


def _slice(given: Given, part: int, size: int, axis: int) -> tuple[str, str, str]:
    whole = given.writing.whole
    return whole(part * size), whole((part + 1) * size), whole(axis)


def reduced(kind: str) -> Callable[[Given], None]:
    """mean, sum, amax over axes: all of them where none is named."""

    def rule(given: Given) -> None:
        x = given.ref("self")
        rank = len(given.dims(x))
        axes = given.axes("dim", rank)
        if _merged(given, kind, axes):
            return
        if 0 in axes:
            raise Unsaid("it goes over the batch")
        given.last(kind, x, given.writing.whole(*axes), keepdims=int(given.flag("keepdim")))

    return rule


def _merged(given: Given, kind: str, axes: tuple[int, ...]) -> bool:
    """Write what goes over parts that were stacked, or over channels that were laid apart, as a merge of them."""
    value = given.call.arguments.get("self")
    maker = given.writing.makers.get(value.name) if isinstance(value, Ref) else None
    merge = {"ReduceMean": "Mean", "ReduceSum": "Sum", "ReduceMax": "Max"}.get(kind)
    if maker is None or merge is None or len(axes) != 1:
        return False
    call, dims = Given(given.writing, maker), given.dims(given.ref("self"))
    if maker.operator == "stack" and call.axis("dim", len(dims)) == axes[0]:
        parts = call.refs("tensors")
        parts = parts if not given.flag("keepdim") else []
    elif maker.operator in ("view", "reshape", "unflatten") and axes[0] == 1 < dims[1] < 9 and len(dims) > 4:
        inner = (dims[0], *dims[2:])
        parts = [given.step("Gather", inner, given.ref("self"), given.place(at), axis=1) for at in range(dims[1])]
    else:
        return False
    if len(parts) < 2:
        return False
    if given.flag("keepdim"):
        inner = given.step(merge, (dims[0], *dims[2:]), *parts)
        given.last("Unsqueeze", inner, given.writing.whole(1))
    else:
        given.last(merge, *parts)
    return True


def extreme(kind: str) -> Callable[[Given], None]:
    """max and min: of two tensors, or over an axis, where the places of what is found are not read."""

    def rule(given: Given) -> None:
        x = given.ref("self")
        if given.has("other"):
            given.last(kind, x, given.ref("other"))
            return
        if any(given.writing.readers.get(one) for one in given.call.outputs[1:]):
            raise Unsaid("where its values stand is read")
        if not given.has("dim"):
            raise Unsaid("it goes over the batch")
        axis, keeps = given.axis("dim", len(given.dims(x))), int(given.flag("keepdim"))
        if _merged(given, f"Reduce{kind}", (axis,)):
            return
        given.last(f"Reduce{kind}", x, given.writing.whole(axis), keepdims=keeps)

    return rule


def log_sigmoid(given: Given) -> None:
    """log_sigmoid: -softplus(-x)."""
    dims = given.gives
    given.last("Neg", given.step("Softplus", dims, given.step("Neg", dims, given.ref("self"))))


def softshrink(given: Given) -> None:
    """softshrink: x less itself between limits."""
    x, end = given.ref("self"), given.float("lambd", 0.5)
    real = given.writing.real
    given.last("Sub", x, given.step("Clip", given.gives, x, real(-end), real(end)))


def norm(given: Given) -> None:
    """linalg_vector_norm of order 2."""
    if given.float("ord", 2) != 2:
        raise Unsaid("its order is not 2")
    reduced("ReduceL2")(given)


def masked(given: Given) -> None:
    """masked_fill: a value where the mask is."""
    given.last("Where", given.ref("mask"), given.scalar("value"), given.ref("self"))


def threshold(given: Given) -> None:
    """threshold(x, 0, 0), which is a ReLU."""
    if given.float("threshold", 0) or given.float("value", 0):
        raise Unsaid("its threshold is not 0")
    given.last("Relu", given.ref("self"))


_ONE: Mapping[str, str] = {
    "relu": "Relu",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "mish": "Mish",
    "hardswish": "HardSwish",
    "softsign": "Softsign",
    "abs": "Abs",
    "neg": "Neg",
    "exp": "Exp",
    "log": "Log",
    "sqrt": "Sqrt",
    "erf": "Erf",
    "sin": "Sin",
    "cos": "Cos",
    "floor": "Floor",
    "ceil": "Ceil",
    "sign": "Sign",
    "reciprocal": "Reciprocal",
    "logical_not": "Not",
}
_TWO: Mapping[str, str] = {
    "mul": "Mul",
    "maximum": "Max",
    "minimum": "Min",
    "eq": "Equal",
    "lt": "Less",
    "gt": "Greater",
    "le": "LessOrEqual",
    "ge": "GreaterOrEqual",
}


def rsqrt(given: Given) -> None:
    """1 / sqrt(x)."""
    x = given.ref("self")
    given.last("Reciprocal", given.step("Sqrt", given.dims(x), x))


RULES: Mapping[str, Callable[[Given], None]] = {
    **{name: one(kind) for name, kind in _ONE.items()},
    **{name: two(kind) for name, kind in _TWO.items()},
    "multiply": two("Mul"),
    "add": add("Add"),
    "sub": add("Sub"),
    "rsub": rsub,
    "div": div,
    "true_divide": div,
    "addcmul": addcmul,
    "pow": power,
    "square": lambda given: given.last("Mul", given.ref("self"), given.ref("self")),
    "rsqrt": rsqrt,
    **dict.fromkeys(("clamp", "clip", "clamp_min", "clamp_max"), clamp),
    "hardtanh": hardtanh,
    "relu6": relu6,
    "leaky_relu": leaky_relu,
    "elu": elu,
    "selu": selu,
    "celu": lambda given: given.last("Celu", given.ref("self"), alpha=given.float("alpha", 1)),
    "prelu": prelu,
    "_prelu_kernel": prelu,
    "gelu": gelu,
    "silu": silu,
    "hardsigmoid": hardsigmoid,
    "softplus": softplus,
    "threshold": threshold,
    "softmax": softmax("Softmax"),
    "_softmax": softmax("Softmax"),
    "_safe_softmax": softmax("Softmax"),
    "log_softmax": softmax("LogSoftmax"),
    "_log_softmax": softmax("LogSoftmax"),
    "glu": glu,
    "log_sigmoid": log_sigmoid,
    "log_sigmoid_forward": log_sigmoid,
    "softshrink": softshrink,
    "max": extreme("Max"),
    "min": extreme("Min"),
    "mean": reduced("ReduceMean"),
    "sum": reduced("ReduceSum"),
    "amax": reduced("ReduceMax"),
    "amin": reduced("ReduceMin"),
    "linalg_vector_norm": norm,
    "masked_fill": masked,
    "where": lambda given: given.last("Where", given.ref("condition"), given.scalar("self"), given.scalar("other")),
}
