"""Small networks made by Hypothesis: valid programs with forks, odd windows, shared weights and several ends."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from hypothesis import strategies as st

import netdsl

_LARGEST = 40_000
"""Values that an output may have, so that a network runs at once."""


_GATE = "block gate() = [ SKIP | AVGPOOL global -> FC {in} -> SIGMOID ] -> MUL\n"


def _with_blocks(text: str) -> str:
    """A program with the block that it calls."""
    return _GATE + text if "gate()" in text else text


@cache
def shape(dims: str, chain: str) -> str | None:
    """The dims that come out of a chain, or None where it does not fit."""
    try:
        shaped = netdsl.loads(_with_blocks(f"INPUT {dims} -> {chain}\n")).shaped
    except netdsl.NetError:
        return None
    return None if max(one.elements for one in shaped.shapes) > _LARGEST else str(shaped.shapes[-1])


class _Maker:
    """Draws elements for the dims that flow into them."""

    def __init__(self, draw: Callable[[st.SearchStrategy[str]], str], *, smooth: bool, mixing: bool) -> None:
        self.draw, self.smooth, self.mixing = draw, smooth, mixing
        self.labels = 0

    def one_of(self, *words: str) -> str:
        return self.draw(st.sampled_from(words))

    def number(self, least: int, most: int) -> int:
        return int(self.draw(st.integers(least, most).map(str)))

    def sizes(self, rank: int, least: int, most: int) -> str:
        """One size for all axes, or one for each."""
        if self.one_of("all", "all", "each") == "all":
            return str(self.number(least, most))
        return "x".join(str(self.number(least, most)) for _ in range(rank))

    def chain(self, dims: str, length: int, depth: int = 0) -> tuple[str, str]:
        """Elements joined by arrows, and the dims that come out of them."""
        words: list[str] = []
        for _ in range(length):
            word = self.element(dims, depth)
            out = shape(dims, word)
            if out is not None:
                words.append(word)
                dims = out
        return " -> ".join(words) or "ABS", dims

    def element(self, dims: str, depth: int) -> str:
        *spatial, channels = map(int, dims.split("x"))
        if depth < 2 and self.number(0, 3) == 0:
            return self.fork(dims, depth)
        if self.number(0, 3) == 0:
            return self.preserving(dims)
        return self.spatial(len(spatial), channels) if spatial else f"FC {self.number(1, 5)}"

    def interpolation(self, rank: int) -> str:
        return self.one_of("bilinear", "bilinear aligned", *["bicubic", "bicubic aligned"] * (rank == 2))

    def activation(self) -> str:
        smooth = ("TANH", "SOFTPLUS", "SIGMOID", "ELU")
        return self.one_of(*smooth) if self.smooth else self.one_of("RELU", "PRELU per_channel", "HARDSWISH", *smooth)

    def preserving(self, dims: str) -> str:
        """An element that gives the dims it takes."""
        *spatial, channels = map(int, dims.split("x"))
        anywhere = [
            "DROPOUT",
            "SCALE bias",
            "TIMES -0.5",
            "PLUS {1/3}",
            "BN",
            "LRN",
            "POSITIONS",
            self.activation(),
            f"{self.activation()} -> {self.activation()}",
        ]
        if not spatial:
            return self.one_of(*anywhere, f"FC {channels}", f"FC {channels} nobias")
        kernel, dilation = self.sizes(len(spatial), 1, 3), self.number(1, 2)
        self.labels += 1
        label = f"twin{self.labels}_"
        return self.one_of(
            *anywhere,
            f"CONV {channels} {kernel} same d{dilation}",
            f"DWCONV {kernel} same nobias",
            f"({self.activation()} -> CONV {channels} {kernel} same) x2",
            f"(CONV {{2*i - 1}} {kernel} same -> DROPPATH {{i / 4}} -> CONV {channels} 1) x2 as i",
            f"{label}: CONV {channels} {kernel} same -> {self.activation()} -> {label}()",
            f"AVGPOOL {kernel} s1 same",
            "SCALE" if self.smooth else "LN",  # whose derivative over one channel is 0
        )

    def spatial(self, rank: int, channels: int) -> str:
        """An element that may change the map."""
        kernel, stride, dilation = self.sizes(rank, 1, 4), self.sizes(rank, 1, 3), self.sizes(rank, 1, 2)
        padding, filters = self.sizes(rank, 0, 2), self.number(1, 4)
        pool = "AVGPOOL" if self.smooth else self.one_of("MAXPOOL", "AVGPOOL")
        border = ("reflect", "edge") if self.smooth else ("zero", "reflect", "edge")  # a product with 0 is flat
        words = [
            f"CONV {filters} {kernel} s{stride} p{padding} d{dilation}",
            f"CONV {filters} {kernel} s{stride} same nobias",
            f"CONV {2 * filters} {kernel} p{padding} g{self.one_of('1', str(channels)) if self.mixing else 1}",
            f"DWCONV {kernel} s{stride} p{padding} multiplier={self.number(1, 2)}",
            f"DECONV {filters} {kernel} s{stride} p{padding} d{dilation}",
            f"{pool} {kernel} s{stride}",
            f"{pool} 3 s{stride} p1 ceil",
            f"{pool} 3 s{stride} after=1{self.one_of('', ' ceil')}",
            f"{pool} {kernel} s{stride} same",
            f"{pool} to={self.sizes(rank, 1, 3)}",
            f"{pool} global",
            f"UPSAMPLE {self.number(1, 2)} mode={self.interpolation(rank) if self.smooth else 'nearest'}",
            f"UPSAMPLE to={self.number(1, 9)}",
            f"PAD {self.number(0, 2)} after={self.number(0, 1)} mode={self.one_of(*border)}",
            f"CROP {self.number(1, 4)}{self.one_of('', '', f' axis={rank - 1}')}",
            "SCALE" if self.smooth else "GN 1",
            f"PIXELUNSHUFFLE {self.number(1, 3)} order={self.one_of('crd', 'dcr', 'swin')}",
        ]
        if rank == 1:
            words += [
                f"TOKEN {self.number(1, 2)}",
                f"PICK {self.number(-2, 3)}",
                f"LSTM {filters}",
                f"GRU {filters} both",
            ]
        if self.mixing:
            words += [f"SLICE 0 {(channels + 1) // 2}", f"SHUFFLE {channels}", "FLATTEN", "FC 3"]
        return self.one_of(*words)

    def fork(self, dims: str, depth: int) -> str:
        """Branches and what merges them."""
        *spatial, channels = dims.split("x")
        kind = self.one_of("ADD", "MUL", "MAX" if not self.smooth else "MEAN", "CONCAT", "strided", "gate")
        if kind == "gate" and spatial:
            return self.one_of("gate()", f"[ SKIP | AVGPOOL global -> FC {channels} -> SIGMOID ] -> MUL")
        if kind == "strided" and spatial:
            pool = "AVGPOOL" if self.smooth else "MAXPOOL"
            stride, filters = self.number(1, 3), self.number(1, 3)
            return f"[ CONV {filters} 3 same s{stride} | {pool} 2 same s{stride} -> {self.activation()} ] -> CONCAT"
        branches = [self.branch(dims, depth, kind) for _ in range(self.number(2, 3))]
        if branches[0] == "SKIP" or self.number(0, 1):
            branches[-1] = "SKIP"
        return f"[ {' | '.join(branches)} ] -> {kind if kind in ('ADD', 'MUL', 'MAX', 'MEAN') else 'CONCAT'}"

    def branch(self, dims: str, depth: int, kind: str) -> str:
        if kind == "CONCAT" and "x" in dims and self.number(0, 1):
            return f"CONV {self.number(1, 3)} {self.number(1, 3)} same -> {self.activation()}"
        words = [self.preserving(dims) for _ in range(self.number(1, 3))]
        if depth < 1 and self.number(0, 4) == 0:
            words.append(self.fork(dims, depth + 1))
        return " -> ".join(word for word in words if shape(dims, word) == dims) or "ABS"


@st.composite
def programs(
    draw: Callable[[st.SearchStrategy[str]], str],
    *,
    ranks: tuple[int, ...] = (2, 1, 2, 3, 0),
    length: int = 5,
    smooth: bool = False,
    mixing: bool = True,
) -> str:
    """A network's text. `smooth` ones have derivatives that are nowhere 0; without `mixing` no layer picks channels."""
    make = _Maker(draw, smooth=smooth, mixing=mixing)
    rank = int(make.one_of(*map(str, ranks)))
    largest = {0: 0, 1: 14, 2: 9, 3: 6}[rank]
    sizes, channels = [make.number(4, largest) for _ in range(rank)], make.number(1, 4)
    dims = "x".join(map(str, [*sizes, channels]))
    lines = [f"INPUT {dims}"]
    if make.number(0, 4) == 0:
        merge = make.one_of("ADD", "CONCAT", "SUB")
        lines = [
            f"left: INPUT {dims}",
            f"right: INPUT {dims} -> {make.activation()} -> other: {make.activation()}",
            f"[ left | other ] -> {merge}",
        ]
        dims = "x".join(map(str, [*sizes, 2 * channels if merge == "CONCAT" else channels]))
    first, dims = make.chain(dims, make.number(1, length))
    lines[-1] += f" -> {first} -> trunk: {make.activation()}"
    ends = make.number(1, 3)
    for end in range(1, ends + 1):
        words, _ = make.chain(dims, make.number(1, length if end == 1 else 2))
        lines.append(f"trunk -> {words} -> end{end}: {make.one_of('FC 3', make.activation())}")
    names = [f"end{end}" for end in range(1, ends + 1)]
    if ends > 1 and make.number(0, 2) == 0:
        lines += [f"output {', '.join(names[:-1])}", f"output training {names[-1]}"]
    elif make.number(0, 2) == 0:
        lines.append(f"output {', '.join(['trunk', *names])}")
    return _with_blocks("\n".join(lines) + "\n")


@st.composite
def tangles(draw: Callable[[st.SearchStrategy[int]], int], *, most: int = 8) -> str:
    """A network whose layers read any of those before, so that there are many orders to run them in."""
    lines = ["n0: INPUT 4x4x2"]
    for number in range(1, draw(st.integers(2, most)) + 1):
        sources = sorted({draw(st.integers(0, number - 1)) for _ in range(draw(st.integers(1, 3)))})
        start = f"n{sources[0]}"
        if len(sources) > 1:
            start = f"[ {' | '.join(f'n{source}' for source in sources)} ] -> CONCAT"
        words = ("RELU", "SCALE", "SLICE 0 1", f"CONV {draw(st.integers(1, 9))} 1", f"CONV {draw(st.integers(1, 9))} 1")
        lines.append(f"{start} -> n{number}: {words[draw(st.integers(0, 4))]}")
    return "\n".join(lines) + "\n"


_SCALING = (
    "BN",
    "BN noaffine",
    "SCALE bias",
    "SCALE",
    "NORMALIZE mean=0.5 std=2",
    "TIMES -2",
    "PLUS 1",
    "LN",
    "PRELU per_channel",
)


@st.composite
def views(draw: Callable[[st.SearchStrategy[str]], str], *, length: int = 8) -> str:
    """A small map that views, merges, products and layers which scale channels follow in any order."""

    def one_of(*words: str) -> str:
        return draw(st.sampled_from(words))

    size, channels = int(one_of("1", "2", "3")), int(one_of("2", "3"))
    dims, values = f"{size}x{size}x{channels}", size * size * channels
    reshaped = [f"RESHAPE {to}" for to in (dims, f"1x1x{values}", f"{size * size}x{channels}")]
    dense = (f"FC {values}", f"FC {values} nobias", f"CONV {values} {size}")
    sliding = (f"CONV {channels} {size}", f"CONV {channels} 3 p1", f"DECONV {channels} 1", "DWCONV 1")

    def element(depth: int = 0) -> str:
        match one_of("scale", "scale", "scale", "view", "view", "product", "fork" if depth < 1 else "activation"):
            case "scale":
                return one_of(*_SCALING)
            case "view":
                return one_of("FLATTEN", "DROPOUT", *reshaped)
            case "product":
                return one_of(*dense, *sliding)
            case "fork":
                branches = [" -> ".join(element(1) for _ in range(int(one_of("1", "2", "3")))) for _ in range(2)]
                branches[-1] = one_of("SKIP", branches[-1])
                return f"[ {' | '.join(branches)} ] -> {one_of('ADD', 'MUL', 'CONCAT', 'MEAN')}"
            case _:
                return one_of("RELU", "TANH")

    words: list[str] = []
    for _ in range(length):
        word = element()
        if shape(dims, " -> ".join([*words, word])) is not None:
            words.append(word)
    return f"INPUT {dims} -> {' -> '.join(words) or 'ABS'}\n"
