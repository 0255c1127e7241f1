"""Source text to syntax tree, by the Lark grammar in `grammar/net.lark`, one statement after another."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from fractions import Fraction
from functools import cache
from typing import Any, cast

from lark import Token, Transformer
from lark.exceptions import UnexpectedToken

from netdsl.text import lowered, mistakes, statements, tree
from netdsl.text.diagnostic import Report
from netdsl.text.grammar import Parser, Unexpected
from netdsl.text.source import Source, Span

MAX_DIGITS = 40


class _TooLarge(Exception):
    """A number of absurd size, at a span."""

    def __init__(self, span: Span) -> None:
        super().__init__()
        self.span = span


def number(text: str) -> tree.Number:
    """The exact value of a number as written. Raises ValueError for one of absurd size."""
    if text.isdecimal() and len(text) <= MAX_DIGITS:
        return int(text)
    mantissa, _, exponent = text.lower().partition("e")
    if len(mantissa) > MAX_DIGITS or abs(int(exponent or 0)) > MAX_DIGITS:
        raise ValueError(text)
    value = Fraction(text)
    return value.numerator if value.denominator == 1 else value


_HEADER = re.compile(r"block\s+\w+\s*(?:\([^()]*\))?\s*")
_QUANTITY = re.compile(r"(?P<number>[\d.]+)(?P<scale>[KMGT]?)B?")
_SCALES = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


class _Builder(Transformer[Token, Any]):
    """Builds the tree while the parser reduces; Lark calls a method a rule, with its children."""

    def __init__(self) -> None:
        super().__init__(visit_tokens=False)
        self.source = Source("", "")

    def span(self, first: Token | Any, last: Token | Any | None = None) -> Span:
        """From the start of one token or tree node to the end of another."""
        final: Token | Any = first if last is None else last
        start = first.start_pos if isinstance(first, Token) else first.span.start
        end = final.end_pos if isinstance(final, Token) else final.span.end
        return Span(self.source, cast(int, start), cast(int, end))

    # Words and values

    def value(self, token: Token | tree.Expression) -> tree.Expression:
        """A token as an expression; expressions pass."""
        if not isinstance(token, Token):
            return token
        text, span = str(token), self.span(token)
        match token.type:
            case "NAME" | "ODD" | "PATH":
                return tree.Name(text, span)
            case "NUMBER" | "SIGNED":
                return tree.Literal(self.number(text, token), text, span)
            case "DIMS":
                return tree.Literal(tuple(self.number(part, token) for part in text.split("x")), text, span)
            case "QUANTITY":
                found = _QUANTITY.fullmatch(text)
                assert found
                exact = self.number(found["number"], token) * _SCALES[found["scale"]]
                return tree.Literal(exact, text, span)
            case _:
                unescaped = text[1:-1].replace('\\"', '"').replace("\\\\", "\\")
                return tree.Literal(unescaped, text, span)

    def number(self, text: str, token: Token) -> tree.Number:
        """The value of a number in a token. Raises _TooLarge."""
        try:
            return number(text)
        except ValueError:
            raise _TooLarge(self.span(token)) from None

    def name(self, token: Token) -> tree.Name:
        return tree.Name(str(token), self.span(token))

    def place(self, children: list[Token]) -> tree.Name:
        return self.name(children[0])

    dotted = place

    def braces(self, children: list[Any]) -> tree.Braces:
        items = tuple(self.value(item) for item in children[1:-1])
        return tree.Braces(items, self.span(children[0], children[-1]))

    def arithmetic(self, children: list[Any]) -> tree.Expression:
        first, *rest = children
        if not rest:
            return self.value(first)
        operands = [self.value(operand) for operand in rest[1::2]]
        pairs = tuple(zip(map(str, rest[::2]), operands, strict=True))
        start = self.value(first)
        return tree.Arithmetic(start, pairs, self.span(start, operands[-1]))

    def signed(self, children: list[Any]) -> tree.Signed:
        sign, operand = children
        inner = self.value(operand)
        return tree.Signed(str(sign), inner, self.span(sign, inner))

    def function(self, children: list[Any]) -> tree.Function:
        name, *arguments, close = children
        return tree.Function(str(name), tuple(map(self.value, arguments)), self.span(name, close))

    def parentheses(self, children: list[Any]) -> tree.Parentheses:
        opening, inner, close = children
        return tree.Parentheses(self.value(inner), self.span(opening, close))

    def group_open(self, children: list[Token]) -> Token:
        return children[0]

    # Arguments

    def positional(self, children: list[Any]) -> tree.Argument:
        value = self.value(children[0])
        return tree.Argument(value, span=value.span)

    def tag(self, children: list[Token]) -> tree.Argument:
        (token,) = children
        parts = tuple(self.number(part, token) for part in token[1:].split("x"))
        span = self.span(token)
        value = Span(self.source, span.start + 1, span.end)
        literal = tree.Literal(parts[0] if len(parts) == 1 else parts, token[1:], value)
        return tree.Argument(literal, tag=token[0], span=span)

    def computed_tag(self, children: list[Any]) -> tree.Argument:
        first, *items, close = children
        span = self.span(first, close)
        braces = tree.Braces(tuple(map(self.value, items)), Span(self.source, span.start + 1, span.end))
        return tree.Argument(braces, tag=str(first)[0], span=span)

    def option(self, children: list[Any]) -> tree.Argument:
        key, value = children[0], self.value(children[1])
        return tree.Argument(value, self.name(key), span=self.span(key, value))

    # Chains

    def layer(self, children: list[Any]) -> tree.Layer:
        keyword, *arguments = children
        last = arguments[-1] if arguments else keyword
        return tree.Layer(str(keyword), tuple(arguments), self.span(keyword), self.span(keyword, last))

    def call(self, children: list[Any]) -> tree.Call:
        name, *arguments, close = children
        given = tuple(argument for argument in arguments if argument is not None)
        return tree.Call(name, given, self.span(name, close))

    def fork(self, children: list[Any]) -> tree.Fork:
        return tree.Fork(tuple(children[1:-1]), self.span(children[0], children[-1]))

    def group(self, children: list[Any]) -> tree.Group:
        opening, chain, close = children
        return tree.Group(chain, self.span(opening, close))

    def label(self, children: list[Token]) -> tree.Name:
        return self.name(children[0])

    def count(self, children: list[Any]) -> tree.Count:
        token, *rest = children
        if rest:
            return tree.Count(self.value(rest[0]), True, self.span(token, rest[-1]))
        span = self.span(token)
        digits = str(token)[1:]
        literal = tree.Literal(self.number(digits, token), digits, Span(self.source, span.start + 1, span.end))
        return tree.Count(literal, False, span)

    repeat = device = count

    def element(self, children: list[Any]) -> tree.Element:
        label, primary, repeat, device = children
        last = device or repeat or primary
        return tree.Element(label, primary, repeat, device, self.span(label or primary, last))

    def fork_element(self, children: list[Any]) -> tree.Element:
        fork, device = children
        return tree.Element(None, fork, None, device, self.span(fork, device or fork))

    def reference(self, children: list[Any]) -> tree.Element:
        label, name = children
        return tree.Element(label, name, span=self.span(label or name, name))

    def chain(self, children: list[Any]) -> tree.Chain:
        arrows = tuple(self.span(arrow) for arrow in children[1::2])
        return tree.Chain(tuple(children[::2]), arrows, self.span(children[0], children[-1]))

    # Statements; a statement's span is set to the whole of it by `_statement`

    def network(self, children: list[Any]) -> tree.Title:
        title = self.value(children[0])
        assert isinstance(title, tree.Literal)
        return tree.Title(str(title.value), title.span)

    def meta(self, children: list[Any]) -> tree.Meta:
        key, value = children
        return tree.Meta(self.name(key), self.value(value), self.span(key))

    def param(self, children: list[Any]) -> tree.Param:
        name, value = children
        return tree.Param(self.name(name), self.value(value), self.span(name))

    def use(self, children: list[Any]) -> tree.Use:
        path = self.value(children[0])
        assert isinstance(path, tree.Literal)
        return tree.Use(path, path.span)

    def parameter(self, children: list[Any]) -> tree.Parameter:
        name, default = children
        value = None if default is None else self.value(default)
        return tree.Parameter(self.name(name), value, self.span(name, value or name))

    def block(self, children: list[Any]) -> tree.Block:
        name, *parameters, close, body = children
        given = tuple(parameter for parameter in parameters if parameter is not None)
        return tree.Block(self.name(name), given, body, self.span(name, close))

    def output(self, children: list[Any]) -> tree.Output:
        first, second, *rest = children
        if second is None:
            return tree.Output(False, (first, *rest), self.span(first, (first, *rest)[-1]))
        if first.text != "training":
            raise UnexpectedToken(Token("NAME", second.text, start_pos=second.span.start), {"COMMA"})
        return tree.Output(True, (second, *rest), self.span(first, (second, *rest)[-1]))

    def expect(self, children: list[Any]) -> tree.Expect:
        quantity, of, node, relation, value = children
        if of is not None and of != "of":
            raise UnexpectedToken(of, {"OF"})
        claim = self.value(value)
        span = self.span(quantity, claim)
        return tree.Expect(self.name(quantity), node, str(relation), claim, span)


_lock = threading.Lock()  # the builder holds the source at hand


@cache
def _parser() -> tuple[Parser, _Builder]:
    builder = _Builder()
    return Parser(builder), builder


def _statement(text: str, span: Span, report: Report) -> tree.Statement | None:
    """Parse one statement; an error in it and in each line of its chain below is reported, and gives None."""
    parsed = statement(text, span, report)
    if isinstance(parsed, int):
        for line in statements.chain_lines(text, span):
            if line.start > parsed:
                statement(text, line, report)
        return None
    return parsed


def statement(text: str, span: Span, report: Report) -> tree.Statement | int:
    """A statement, or where the first error in it is, which is reported."""
    parser, builder = _parser()
    builder.source = span.source
    try:
        return parser.parse(text, span.start, span.end)
    except _TooLarge as large:
        report.error(mistakes.LongNumber(MAX_DIGITS), large.span)
        return large.span.start
    except Unexpected as error:
        from netdsl.text import wording  # a program without mistakes needs no words for them

        found = wording.syntax_error(error.at, error.kind, set(error.expected), span)
        report.add(wording.proven(found, text, span, _first_error))
        return error.at


def _first_error(text: str, start: int, end: int) -> int:
    """Where the first error in a statement is, or one behind its end."""
    try:
        _parser()[0].parse(text, start, end)
    except (Unexpected, _TooLarge) as error:
        return error.at if isinstance(error, Unexpected) else start
    return end + 1


def _check_block_lines(block: tree.Block, report: Report) -> None:
    """A `->` line may not continue a block that was complete on its own line."""
    line = block.name.span.line
    for arrow, before in zip(block.body.arrows, block.body.elements, strict=False):
        if arrow.line > line:
            if before.span.stop[0] == line:
                report.error(mistakes.BlockGoesOn(block.name.text), arrow)
            return


def parse(source: Source, report: Report) -> tree.File:
    """Parse a whole file. What is wrong is reported, and left out of the tree. Raises Enough."""
    lines = statements.split(source, report)
    text = lowered.understood(lines.text, source, report)
    found: list[tree.Statement] = []
    broken: list[Span] = []
    with _lock:
        header: Span | None = None
        for index, span in enumerate(lines.statements):
            if header and span.column > header.column:
                broken.append(span)  # the chain of a block whose header lacks its `=`
                continue
            header = None
            one = None if index in lines.broken else _statement(text, span, report)
            if one is None:
                broken.append(span)
                header = span if _HEADER.fullmatch(text, span.start, span.end) else None
                if len(broken) > statements.MAX_BROKEN:
                    report.error(mistakes.ManyBroken(statements.MAX_BROKEN), span)
                    break
                continue
            if isinstance(one, tree.Block):
                _check_block_lines(one, report)
            found.append(one)
    found = _without_swallowed(found, broken, report)
    return tree.File(source, tuple(found), lines.comments, tuple(broken))


def _without_swallowed(found: list[tree.Statement], broken: list[Span], report: Report) -> list[tree.Statement]:
    """The statements with a chain in place of each block that took it from the lines below, as it ends with `=`."""
    chains = [one for one in found if isinstance(one, tree.Chain)]
    starts = [one.elements[0].primary for one in chains]
    called = {primary.name.text for primary in starts if isinstance(primary, tree.Call)}
    kept: list[tree.Statement] = []
    for one in found:
        if isinstance(one, tree.Block) and (inner := _runs_on(one)):
            arrow = one.body.arrows[inner - 1]
            report.error(mistakes.ArrowRunsOn(one.name.text), arrow)
            kept.append(replace(one, body=_part(one.body, 0, inner)))
            one = _part(one.body, inner, len(one.body.elements))
        elif isinstance(one, tree.Block) and one.name.text not in called and (equal := _swallows(one)):
            report.error(mistakes.EqualRunsOn(one.name.text), equal)
            broken.append(Span(equal.source, one.name.span.start - len("block "), equal.end))
            one = one.body
        kept.append(one)
    return kept


def _runs_on(block: tree.Block) -> int:
    """Where in the chain of a block INPUT stands on a line below, as far left as the block; or 0."""
    header = block.name.span
    margin = header.column - len("block ")
    for position, element in enumerate(block.body.elements[1:], 1):
        span = element.span
        is_input = isinstance(element.primary, tree.Layer) and element.primary.keyword == "INPUT"
        if is_input and span.line > header.line and span.column <= margin:
            return position
    return 0


def _part(chain: tree.Chain, start: int, end: int) -> tree.Chain:
    """Some elements of a chain as one of their own."""
    elements = chain.elements[start:end]
    return tree.Chain(elements, chain.arrows[start : end - 1], elements[0].span.to(elements[-1].span))


def _swallows(block: tree.Block) -> Span | None:
    """The `=` of a block whose chain starts on a line below, as far left, with what starts a chain of the file."""
    first, source = block.body.elements[0], block.span.source
    name = block.name.span
    equal = source.text.find("=", block.span.end, first.span.start)
    margin = name.column - len("block ")
    if equal < 0 or first.span.column > margin or source.position(equal)[0] == first.span.line:
        return None
    match first.primary:
        case tree.Layer("INPUT"):
            pass
        case tree.Name(text) if text not in {one.name.text for one in block.parameters}:
            pass
        case _:
            return None
    return Span(source, equal, equal + 1)


def literal(text: str) -> tree.Number | tuple[tree.Number, ...] | str | None:
    """A value as a command line gives it: a number, dims, or else a word or string. None for one of absurd size."""
    try:
        if re.fullmatch(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", text):
            return number(text)
        if re.fullmatch(r"\d+(x\d+)+", text):
            return tuple(number(part) for part in text.split("x"))
    except ValueError:
        return None
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text or None
