"""Small programs for the fuzzer: many valid ones, from the grammar and the layer table, and what slips make of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from random import Random

from netdsl.layers import table
from netdsl.layers.arguments import Argument, arguments_of

TESTS = Path(__file__).parent
LIBRARY = TESTS / "programs" / "valid" / "net.net"
"""Where programs stand, as it were: beside the files that they use."""

_NUMBERS = ("0", "1", "2", "3", "4", "7", "16", "0.5", "1e-4", "999999", "2147483648", "99999999999999999999")
_SIGNS = "\n\t\r\f\xa0\u2028\v\x1c\ufeff\0\u0663é→"
_TOKENS = """
    INPUT CONV FC RELU ADD CONCAT SKIP MAXPOOL BN DROPOUT UPSAMPLE CROP Conv conv 8x8x3 16 3 3x3 0 -1 1.5 1e9 35K 7x
    s2 p1 s{2} p{k // 2} x2 x0 x{n} @0 @1 @{d} { } ( ) [ ] | -> = , : ; # " "a" n k a b c.d nobias same global in as i
    like=a slope=0.1 mode=nearest block param meta network use output training expect params shape of ~ <= x1 x10 1e40
    unit(3) a() min(n,k) / // % + - * ** .5 0x10 1_000 999999
"""
_WORDS = (*_SIGNS, *_TOKENS.split())
_PIECES = re.compile(r'"[^"\n]*"|#[^\n]*|->|\w+|\s+|.', re.DOTALL)


@cache
def corpus() -> tuple[str, ...]:
    """Programs that others wrote, of a size that is read at once."""
    files = [*sorted(TESTS.glob("programs/*/*.net")), *sorted((TESTS.parent / "networks").glob("*.net"))]
    texts = (file.read_bytes().decode("utf-8-sig", "replace") for file in files)
    return tuple(text for text in texts if len(text) < 2500)


@cache
def _layers() -> tuple[tuple[str, tuple[Argument, ...]], ...]:
    found = ((keyword, table.find(keyword)) for keyword in table.keywords())
    return tuple((keyword, arguments_of(layer)) for keyword, layer in found if layer is not None)


def program(random: Random) -> str:
    """A program: one of the corpus, or a new one, as it is or changed."""
    kind = random.random()
    text = random.choice(corpus()) if kind < 0.25 else _Maker(random).program()
    changes = 0 if random.random() < (0.1 if kind < 0.25 else 0.6) else random.choice((1, 1, 1, 2, 3, 8))
    for _ in range(changes):
        text = _changed(text, random)
    return text


def _changed(text: str, random: Random) -> str:
    """A text with one slip in it."""
    if random.random() < 0.25:
        at = random.randrange(len(text) + 1)
        end = at + random.choice((0, 0, 1, 1, 5))
        sign = chr(random.choice((random.randrange(128), random.randrange(0x3000), random.randrange(0xD800))))
        return text[:at] + random.choice((sign, "", random.choice(_WORDS))) + text[end:]
    pieces: list[str] = _PIECES.findall(text)
    if not pieces:
        return random.choice(_WORDS)
    at, length = random.randrange(len(pieces)), random.choice((1, 1, 1, 2, 4, 12))
    match random.randrange(6):
        case 0:
            pieces[at : at + length] = []
        case 1:
            pieces[at:at] = pieces[at : at + length] * random.choice((1, 1, 2, 20))
        case 2:
            other = random.randrange(len(pieces))
            pieces[at], pieces[other] = pieces[other], pieces[at]
        case 3:
            others = _PIECES.findall(random.choice(corpus())) or [""]
            start = random.randrange(len(others))
            pieces[at : at + random.randrange(2)] = others[start : start + length]
        case _:
            pieces[at : at + random.randrange(2)] = [" ", random.choice(_WORDS), " "]
    return "".join(pieces)


class _Maker:
    """Makes one program. What it tracks is enough for many to be valid: what has been named, and what is a vector."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.places: dict[str, bool] = {}  # labels, and whether a vector is there
        self.values: list[str] = []
        self.blocks: list[tuple[str, int]] = []
        self.flat = False

    def one(self, *choices: str) -> str:
        return self.random.choice(choices)

    def few(self, make: Callable[[], str], joint: str, least: int = 1, most: int = 3) -> str:
        return joint.join(make() for _ in range(self.random.randint(least, most)))

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def program(self) -> str:
        lines: list[str] = []
        if self.chance(0.3):
            lines.append(f'network "{self.one("a", "ResNet", "", "é → ü", "a b")}"')
        if self.chance(0.2):
            key, value = self.one("year", "paper", "top5_error", "x"), self.one("1998", '"a"', "35K", "0.5")
            lines.append(f"meta {key} = {value}")
        if self.chance(0.1):
            lines.append(f'use "lib/{self.one("units", "base", "units", "none")}.net"')
            self.blocks += [("plain", 1), ("double", 0)]
        for name in ("n", "k", "depth")[: self.random.randint(0, 3)]:
            lines.append(f"param {name} = {self.one('1', '2', '3', '4', '{1 + 1}', f'{{{self.sum()}}}', '3x3')}")
            self.values.append(name)
        for number in range(self.random.choice((0, 0, 1, 2, 3))):
            lines.append(self.block(number))
        for _ in range(self.random.choice((1, 1, 1, 1, 2, 3))):
            lines.append(self.start())
        if self.places and self.chance(0.2):
            lines.append(f"output {self.one('', '', 'training ')}{self.few(self.place, ', ')}")
        while self.chance(0.15):
            lines.append(self.claim())
        if self.chance(0.3):
            lines.insert(self.random.randrange(len(lines)), "# a comment")
        return "\n".join(lines) + "\n"

    def block(self, number: int) -> str:
        outside, inner, self.places = self.values, self.places, {}
        given = ["c", "w", "stride"][: self.random.randint(0, 3)]
        self.values, self.flat = [*outside, *given, "in"], False
        header = ", ".join(f"{name}={self.one('1', '2', 'in')}" if self.chance(0.2) else name for name in given)
        body = self.chain(1).replace("\n-> ", " ->\n")  # a line that ends there would be the whole block
        text = f"block b{number}({header}) = {body}"
        self.places, self.values = inner, outside
        self.blocks.append((f"b{number}", len(given)))
        return text

    def start(self) -> str:
        if self.places and self.chance(0.4):
            place = self.place()
            self.flat = self.places.get(place, False)
            return f"{place} -> {self.chain(0)}"
        if len(self.places) > 1 and self.chance(0.2):
            return f"[ {self.place()} | {self.place()} ] -> {self.one('ADD', 'CONCAT')} -> {self.chain(0)}"
        label = self.label() if self.chance(0.2) else ""
        dims = self.one("8x8x2", "16x16x4", "9x7x3", "12x4", "6x6x6x2", "10", "28x28x1", "3x32x32", "224x224x3")
        self.flat = dims == "10"
        return f"{label}INPUT {dims} -> {self.chain(0)}"

    def chain(self, depth: int) -> str:
        return self.few(lambda: self.element(depth), self.one(" -> ", " -> ", "\n-> ", " ->\n"), 1, 5 - depth)

    def label(self) -> str:
        """A label with its colon; most are new, some look like automatic names, tags or words of other languages."""
        name = self.one("a", "b", "e", "conv", "relu", "group", "class") + str(len(self.places) or "")
        if self.chance(0.15):
            name = self.one("conv1", "conv1_", "relu2", "s2", "x3", "of", "b1", "group1", "_0", "a")
        self.places[name] = self.flat
        return f"{name}: "

    def place(self) -> str:
        if not self.places or self.chance(0.05):
            return self.one("a", "conv1", "b1.conv1", *(f"{place}.1" for place in self.places))
        return self.one(*self.places)

    def element(self, depth: int) -> str:
        kind = self.random.random()
        if kind < 0.12 and depth < 3:
            return self.fork(depth)
        around = self.values
        if numbered := self.chance(0.04):
            self.values = [*around, self.one("i", "j"), "i"]
        if kind < 0.2 and depth < 3:
            primary = f"( {self.chain(depth + 1)} )"
        elif kind < 0.35 and self.blocks and not self.flat:
            name, count = self.random.choice(self.blocks)
            primary = f"{name}({', '.join(self.argument() for _ in range(count))})"
        elif kind < 0.37 and self.places:
            primary = f"{self.place()}()"
        else:
            primary = self.layer(depth)
        label = self.label() if self.chance(0.15) else ""
        count, device = f" x{self.one('1', '2', '3', '4')} as i" * numbered or self.repeat(), self.device()
        self.values = around
        return f"{label}{primary}{count}{device}"

    def fork(self, depth: int) -> str:
        merge = self.one("ADD", "CONCAT", "MUL", "MEAN", "MAX", "SUB")
        branches = [self.few(lambda: self.one("RELU", "BN", "TANH", "SCALE"), " -> ") for _ in range(2)]
        if self.chance(0.4):
            branches[-1] = self.one("SKIP", *self.places)
        if merge == "CONCAT" or self.chance(0.15):
            branches[0] = self.chain(depth + 2)
        return f"[ {' | '.join(branches)} ]{self.device()} -> {merge}"

    def repeat(self) -> str:
        if not self.chance(0.12):
            return ""
        often = (
            self.one("999", "30000", "200001", "99999999") if self.chance(0.003) else self.one("1", "2", "3", "0", "7")
        )
        word = f" x{often}" if self.chance(0.7) else f" x{{{self.sum()}}}"
        return f"{word} as i" if self.chance(0.05) else word

    def device(self) -> str:
        return f" @{self.one('0', '1', '{1}', f'{{{self.value()}}}')}" if self.chance(0.05) else ""

    def value(self) -> str:
        return self.one(*self.values, "1", "2", "3", "4")

    def sum(self) -> str:
        sign = self.one(" + ", " + ", "*", "*", " // ", " - ", "/", " % ")
        kind = self.random.random()
        if kind < 0.3:
            return self.value()
        if kind < 0.8:
            return f"{self.value()}{sign}{self.value()}"
        return f"{self.one('min(1, ', 'max(2, ', 'floor(', 'round(', '(')}{self.value()}{sign}{self.value()})"

    def argument(self) -> str:
        if self.chance(0.05):
            return self.one("3x3", "c=1", '"a"', *self.places)
        return self.one(self.value(), self.value(), self.sum(), f"{{{self.sum()}}}")

    def layer(self, depth: int) -> str:
        """A layer: one that likely fits what flows in, or any with arguments as its fields have them, or wild ones."""
        if self.chance(0.1):
            keyword, arguments = self.random.choice(_layers())
            return " ".join([keyword, *(self.written(one) for one in arguments if one.required or self.chance(0.3))])
        size, count = self.one("1", "3", "3", "5", "2"), self.one("4", "8", "{2*2}", self.value())
        anywhere = ("RELU", "BN", "TANH", "DROPOUT", "SIGMOID", "PRELU", "SCALE bias", "SOFTMAX", "LEAKYRELU 0.1")
        anywhere += (f"TIMES {self.value()}", "PLUS -1")
        if self.flat:
            return self.one(f"FC {count}", f"FC {count}", *anywhere)
        if depth == 0 and self.chance(0.1):
            self.flat = True
            return self.one(f"FC {count}", "FLATTEN")
        return self.one(
            *(f"CONV {count} {size} same", f"CONV {count} {size} p{{{size} // 2}} s{self.one('1', '2')}") * 3,
            *(f"DWCONV {size} same", "MAXPOOL 3 s2 p1", "AVGPOOL global", "LN", "UPSAMPLE 2", f"DECONV {count} 2 s2"),
            *anywhere,
        )

    def written(self, argument: Argument) -> str:
        """An argument with a value of its kind, or with any."""
        kind = argument.kind
        if kind.words:
            value = self.one(*kind.words)
        elif kind.node:
            value = self.place()
        elif kind.many:
            value = self.one("1", "2", "3", "2x2", "1x3", "3x3x3", "{1, 2}", "{3}")
        else:
            value = self.one("1", "2", "3", "0.5", '"012 123"')
        if self.chance(0.05):
            value = self.one(*_NUMBERS, '"a"', "3x3", f"{{{self.sum()}}}", "{-1}")
        match argument.form:
            case "flag":
                return argument.field
            case "tag":
                return f"{argument.letter}{value}" if re.match(r"[\d{]", value) else f"{argument.letter}1"
            case "positional":
                return value
            case _:
                return f"{argument.field}={value}"

    def claim(self) -> str:
        of = f" of {self.place()}" if self.chance(0.4) else ""
        quantity = self.one("shape", "params", "macs", "flops", "memory", "weights", "field", "stride", "depth")
        value = self.one("1", "35K", "8x8x2", "1.5", "{1 + 1}", "96MB", "10", "{n}")
        return f"expect {quantity}{of} {self.one('=', '<', '<=', '>', '>=', '~')} {value}"


def smaller(text: str, fails: Callable[[str], bool]) -> str:
    """A part of a text that still fails: without all lines, and then pieces, that it can spare."""
    for pattern in (re.compile(r"[^\n]*\n|[^\n]+"), _PIECES):
        pieces: list[str] = pattern.findall(text)
        size = max(1, len(pieces) // 2)
        while size:
            at = 0
            while at < len(pieces):
                if fails("".join(shorter := _without(pieces, at, size))):
                    pieces = shorter
                else:
                    at += size
            size //= 2
        text = "".join(pieces)
    return text


def _without(pieces: Sequence[str], at: int, size: int) -> list[str]:
    return [*pieces[:at], *pieces[at + size :]]
