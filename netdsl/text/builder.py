"""Builds the syntax tree while a parser reduces, one method a rule of `grammar/net.lark`."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any, cast

from lark import Token, Transformer
from lark.exceptions import UnexpectedToken

from netdsl.text import tree
from netdsl.text.source import Source, Span

MAX_DIGITS = 40


class TooLarge(Exception):
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
    return tree.exact(Fraction(text))


_QUANTITY = re.compile(r"(?P<number>[\d.]+)(?P<scale>[KMGT]?)B?")
_SCALES = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


class Builder(Transformer[Token, Any]):
    """Builds the tree while the parser reduces; Lark calls a method a rule, with its children."""

    def __init__(self) -> None:
        super().__init__(visit_tokens=False)
        self.source = Source("", "")

    def span(self, first: Token | Any, last: Token | Any | None = None) -> Span:
        """From the start of one token or tree node to the end of another."""
        last = first if last is None else last
        if last is first and not isinstance(first, Token):
            return first.span
        final: Any = last
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
        """The value of a number in a token. Raises TooLarge."""
        try:
            return number(text)
        except ValueError:
            raise TooLarge(self.span(token)) from None

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

    def device(self, children: list[Any]) -> tree.Count:
        token, *rest = children
        if rest:
            return tree.Count(self.value(rest[0]), True, span=self.span(token, rest[-1]))
        span = self.span(token)
        digits = str(token)[1:]
        literal = tree.Literal(self.number(digits, token), digits, Span(self.source, span.start + 1, span.end))
        return tree.Count(literal, False, span=span)

    def repeat(self, children: list[Any]) -> tree.Count:
        *count, index = children
        repeat = self.device(count)
        if index is None:
            return repeat
        name = self.name(index)
        return tree.Count(repeat.value, repeat.computed, name, self.span(repeat, name))

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
        training, *places = children
        if training not in (None, "training"):
            raise UnexpectedToken(Token("NAME", places[0].text, start_pos=places[0].span.start), {"COMMA"})
        return tree.Output(bool(training), tuple(places), self.span(training or places[0], places[-1]))

    def expect(self, children: list[Any]) -> tree.Expect:
        quantity, of, node, relation, value = children
        if of is not None and of != "of":
            raise UnexpectedToken(of, {"OF"})
        claim = self.value(value)
        span = self.span(quantity, claim)
        return tree.Expect(self.name(quantity), node, str(relation), claim, span)
