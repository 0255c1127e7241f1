"""Names of blocks: their class in the source, or what is in them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from netdsl.layers.table import keywords
from netdsl.recover.blocks import ENLARGING, PRODUCTS, Blocks
from netdsl.recover.forms import Form, Forms, Item


def block_names(blocks: Blocks, classes: Mapping[int, str]) -> Mapping[int, str]:
    """A name for each block: the class that its nodes are of, or else by what is in it."""
    taken = {keyword.lower() for keyword in keywords()} | {"skip", "group", "tap", "aux"}
    wanted: dict[str, list[int]] = defaultdict(list)
    told = [form for form in blocks.called if classes.get(form, "skip") not in taken]
    for form in [*told, *(form for form in blocks.called if form not in told)]:
        names = [classes[form]] if form in told else _kinds(blocks.forms, blocks.forms[form].chains[0])
        wanted[next((name for name in names if name not in wanted), names[0])].append(form)
    found: dict[int, str] = {}
    for name, forms in wanted.items():
        for letter, form in zip("abcdefghijklmnopqrstuvwxyz" * len(forms), forms, strict=False):
            found[form] = _free(name if len(forms) == 1 else f"{name}_{letter}", taken)
    return found


def _kinds(forms: Forms, chain: Sequence[Item]) -> Sequence[str]:
    """What a block may be called by what is in it, the best first."""
    inner = [forms[item.form] for item in chain]
    words = _keywords(forms, chain)
    products = [word for word in words if word in PRODUCTS]
    forks = [one for one in inner if one.kind == "fork" or _merges(forms, one)]
    if ENLARGING.intersection(words) and any(word in MERGES for word in words):
        return ["up"]
    if len(chain) > 1 and products and any(_repeats(forms, one) for one in inner):
        return ["stage", "body"]
    if "DWCONV" in words and len(products) > 1 and not (len(forks) == 1 and inner[0] is forks[0]):
        return _mobile(words, products)
    if len(forks) == 1 and (
        inner[0] is forks[0] or not products or _keywords(forms, forks[0].chains[-1]) == ["CONCAT"]
    ):
        return _fork_kinds(forms, forks[0])
    if len(forks) > 1:
        return ["encoder"] if "ATTENTION" in words else ["stage", "body"]
    if len(products) == 1:
        return _unit_kinds(inner, words, products[0])
    if "MAXPOOL" in words or "PIXELUNSHUFFLE" in words:
        return ["stage", "body"]
    if "FC" in products:
        return ["head", "classifier"]
    if len(products) == 3:
        return ["bottleneck", "triple"]
    return ["double", "pair"] if len(products) == 2 else ["part"]


def _mobile(words: Sequence[str], products: Sequence[str]) -> Sequence[str]:
    """What has a depthwise convolution and others is called."""
    if products[0] == "DWCONV":
        return ["separable", "narrow"]
    if products[-1] == "DWCONV":
        return ["wide", "expand"]
    return ["mbconv", "inverted"] if "MUL" in words else ["inverted", "residual"]


def _unit_kinds(inner: Sequence[Form], words: Sequence[str], product: str) -> Sequence[str]:
    """What has one product is called."""
    if words[0] == "PIXELUNSHUFFLE":
        return ["merge", "down"]
    if words[0] in ("MAXPOOL", "AVGPOOL"):
        return ["pooled", "down"] if words[0] == "AVGPOOL" else ["down", "pooled"]
    if words[-1] in ("MAXPOOL", "AVGPOOL"):
        return ["stage", "pooled"]
    if product == "DWCONV":
        return ["depthwise", "spatial"]
    if product == "DECONV":
        return ["up"]
    if product == "FC":
        return ["dense", "hidden"]
    if product == "ATTENTION":
        return ["attend"]
    active = any(one.layer is not None and one.layer.role == "activation" for one in inner)
    return ["unit", "active", "wide"] if active else ["unit", "linear", "narrow"]


MERGES = {"ADD", "CONCAT"}


def _repeats(forms: Forms, one: Form) -> bool:
    """Whether an element is a repeat, or a block with one."""
    return one.kind == "repeat" or (
        one.kind == "call" and any(_repeats(forms, forms[item.form]) for item in one.chains[0])
    )


def _merges(forms: Forms, one: Form) -> bool:
    """Whether an element is a block that begins with a fork."""
    return one.kind == "call" and forms[one.chains[0][0].form].kind == "fork"


def _fork_kinds(forms: Forms, one: Form) -> Sequence[str]:
    if one.kind == "call":
        return _fork_kinds(forms, forms[one.chains[0][0].form])
    *branches, [merge] = one.chains
    keyword = (_keywords(forms, [merge]) or [""])[0]
    skips = any(not branch for branch in branches)
    words = [word for branch in branches for word in _keywords(forms, branch)]
    if keyword == "MUL":
        return ["se", "gate"] if "AVGPOOL" in words else ["gate"]
    if keyword == "CONCAT":
        if skips:
            return ["dense"]
        return ["inception"] if len(branches) > 2 else ["fire", "spread"]
    if keyword != "ADD":
        return ["fork"]
    if not skips:
        return ["down", "project"]
    if "ATTENTION" in words:
        return ["attend"]
    return ["mlp", "residual"] if words[:1] == ["LN"] and "GELU" in words else ["residual", "same"]


def _keywords(forms: Forms, chain: Sequence[Item]) -> list[str]:
    found: list[str] = []
    for item in chain:
        one = forms[item.form]
        if one.layer is not None:
            found.append(one.layer.keyword)
        for inner in one.chains:
            found += _keywords(forms, inner)
    return found


def _free(name: str, taken: set[str]) -> str:
    number, found = 1, name
    while found in taken:
        number += 1
        found = f"{name}{number}"
    taken.add(found)
    return found
