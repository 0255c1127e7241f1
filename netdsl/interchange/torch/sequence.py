"""Rules for what goes along sequences: attention, products of what flows, recurrent layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from netdsl.interchange.torch.writing import Given, Unsaid

if TYPE_CHECKING:
    from collections.abc import Callable

    from netdsl.interchange.primitives import Tensor


def matmul(given: Given) -> None:
    """matmul, mm, bmm."""
    second = "other" if given.has("other") else "mat2"
    given.last("MatMul", given.ref("self"), given.ref(second))


def einsum(given: Given) -> None:
    """einsum."""
    given.last("Einsum", *given.refs("tensors"), equation=given.text("equation"))


def baddbmm(given: Given) -> None:
    """baddbmm: beta · self + alpha · batch1 batch2."""
    product = given.step("MatMul", given.gives, given.ref("batch1"), given.ref("batch2"))
    beta, alpha = given.float("beta", 1), given.float("alpha", 1)
    if alpha != 1:
        product = given.step("Mul", given.gives, product, given.writing.real(alpha))
    if beta not in (0, 1):
        raise Unsaid("its beta is neither 0 nor 1")
    if beta:
        given.last("Add", given.ref("self"), product)
    else:
        given.same(product)


def attention(given: Given) -> None:
    """scaled_dot_product_attention: softmax(scale · query keyᵀ + mask) value."""
    if given.float("dropout_p", 0):
        raise Unsaid("it drops values in inference, too")
    query, key, value = given.ref("query"), given.ref("key"), given.ref("value")
    if given.flag("enable_gqa"):
        raise Unsaid("several heads share keys")
    if len(given.dims(query)) < 3:
        raise Unsaid(f"its query has {len(given.dims(query))} axes")
    (*outer, places, width), seen = given.dims(query), given.dims(key)[-2]
    order = (*range(len(outer)), len(outer) + 1, len(outer))
    turned = given.step("Transpose", (*outer, width, seen), key, perm=order)
    asked = given.step("MatMul", dims := (*outer, places, seen), query, turned)
    asked = given.step("Mul", dims, asked, given.writing.real(given.float("scale", width**-0.5)))
    mask = given.maybe("attn_mask")
    if given.flag("is_causal"):
        later = np.triu(np.full((places, seen), -np.inf, np.float32), 1)
        mask = given.writing.constant(f"causal {places}x{seen}", later)
    if mask:
        if (known := given.writing.constants.get(mask)) is not None and known.dtype == np.bool_:
            mask = given.writing.constant(f"{mask}.added", np.where(known, 0, -np.inf).astype(np.float32))
        asked = given.step("Add", dims, asked, mask)
    given.last("MatMul", given.step("Softmax", dims, asked, axis=-1), value)


_GATES: Mapping[str, tuple[int, ...]] = {"LSTM": (0, 3, 1, 2), "GRU": (1, 0, 2)}
"""PyTorch's order of gates (i f g o, r z n) in that of ONNX (i o f c, z r h)."""


def recurrent(kind: str) -> Callable[[Given], None]:
    """lstm and gru over whole sequences: a layer each of ONNX's, with a transpose before and behind."""

    def rule(given: Given) -> None:
        if "data" in given.call.arguments:
            raise Unsaid("its sequences are packed")
        writing = given.writing
        x, params = given.ref("input"), given.refs("params")
        layers, both = given.int("num_layers", 1), given.flag("bidirectional")
        directions, each = 1 + both, 4 if given.flag("has_biases", True) else 2
        if len(given.dims(x)) != 3:
            raise Unsaid("what it reads has no batch")
        if len(params) != layers * directions * each:
            raise Unsaid("its states have another size than its outputs")
        if not all(_zero(given, one) for one in (given.refs("hx") or [given.ref("hx")])):
            raise Unsaid("it starts from a state of its own")
        first = given.flag("batch_first")
        dims = given.dims(x)
        if first:
            dims = (dims[1], dims[0], dims[2])
            x = given.step("Transpose", dims, x, perm=(1, 0, 2))
        states: list[str] = []
        for layer in range(layers):
            mine = params[layer * directions * each : (layer + 1) * directions * each]
            sets = [mine[at * each : (at + 1) * each] for at in range(directions)]
            units = given.dims(mine[1])[1]
            weights = [_stacked(given, kind, [one[at] for one in sets]) for at in (0, 1)]
            bias = ""
            if each == 4:
                bias = f"{'+'.join(name for one in sets for name in one[2:])}.{kind}"
                parts = [_stacked(given, kind, [one[at] for one in sets]) for at in (2, 3)]
                writing.constant(bias, np.concatenate([writing.constants[one] for one in parts], axis=1))
            how: dict[str, Any] = {"hidden_size": units, "direction": "bidirectional" if both else "forward"}
            if kind == "GRU":
                how["linear_before_reset"] = 1
            given.count += 1
            out, state = f"{given.call.outputs[0]}.{given.count}", f"{given.call.outputs[0]}.{given.count}h"
            writing.dims[out] = (dims[0], directions, dims[1], units)
            writing.dims[state] = (directions, dims[1], units)
            states.append(state)
            given.write(kind, (x, *weights, bias), (out, state), how)
            dims = (dims[0], dims[1], directions * units)
            moved = given.step("Transpose", (dims[0], dims[1], directions, units), out, perm=(0, 2, 1, 3))
            x = given.step("Reshape", dims, moved, writing.whole(*dims))
            if (rate := given.float("dropout", 0)) and layer < layers - 1:
                x = given.step("Dropout", dims, x, writing.real(rate))
        if first:
            given.last("Transpose", x, perm=(1, 0, 2))
        else:
            given.same(x)
        if len(states) == 1:
            given.same(states[0], 1)
        else:
            writing.states[given.call.outputs[1]] = states
            given.write("Concat", states, given.call.outputs[1:2], {"axis": 0})

    return rule


def _stacked(given: Given, kind: str, names: list[str]) -> str:
    """The weights of all directions as one constant, in ONNX's order of gates; made once for equal ones."""
    name = f"{'+'.join(names)}.{kind}"
    constants = given.writing.constants
    if any(one not in constants for one in names):
        raise Unsaid("its weights are computed by the network")
    if name not in constants:
        order = _GATES[kind]
        parts: list[Tensor] = []
        for one in names:
            gates = np.split(constants[one], len(order))
            parts.append(np.concatenate([gates[at] for at in order]))
        given.writing.constant(name, np.stack(parts))
        if given.writing.missing.intersection(names):
            given.writing.missing.add(name)
    return name


def _zero(given: Given, name: str) -> bool:
    """Whether a state is known to be nothing."""
    found = given.writing.constants.get(name)
    return found is not None and not found.any()


RULES: Mapping[str, Callable[[Given], None]] = {
    "matmul": matmul,
    "mm": matmul,
    "bmm": matmul,
    "baddbmm": baddbmm,
    "einsum": einsum,
    "scaled_dot_product_attention": attention,
    "lstm": recurrent("LSTM"),
    "gru": recurrent("GRU"),
}
