"""Syntax tree to text: the tokens that spell a statement, and which of them a space parts.

The tokens are those of the grammar, in the order in which they are read, so that the formatter can find each of them
again in the source and knows which comment stands between which two.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum, auto
from typing import NamedTuple, TypeAlias

from netdsl.text import tree
from netdsl.text.tokens import quoted


class Role(Enum):
    """What a token does to the lines around it."""

    WORD = auto()
    ARROW = auto()  # a chain's
    OPEN = auto()  # of a fork or a group
    BAR = auto()
    CLOSE = auto()
    NEST = auto()  # of arguments, parameters, braces and parentheses
    COMMA = auto()
    UNNEST = auto()
    EQUAL = auto()  # between the two sides of a statement; a block's is BODY
    BODY = auto()


class Token(NamedTuple):
    """One token: a space stands between two where the first wants one `after`, and the second `before` it."""

    text: str
    role: Role = Role.WORD
    before: bool = True
    after: bool = True


_ARROW = Token("->", Role.ARROW)
_BAR = Token("|", Role.BAR)
_COMMA = Token(",", Role.COMMA, before=False)
_COLON = Token(":", before=False)
_IS = Token("=", before=False, after=False)  # of `key=value`
_LIST = Token("(", Role.NEST, before=False, after=False)
_LIST_END = Token(")", Role.UNNEST, before=False)
_BRACE_END = Token("}", Role.UNNEST, before=False)

_Node: TypeAlias = (
    tree.Statement
    | tree.Parameter
    | tree.Element
    | tree.Layer
    | tree.Call
    | tree.Fork
    | tree.Group
    | tree.Argument
    | tree.Expression
)
_Part: TypeAlias = Token | _Node


def tokens(statement: tree.Statement) -> list[Token]:
    """The tokens of a statement, in order. As deep as the tree may be, nothing here recurs."""
    found: list[Token] = []
    pending: list[_Part] = [statement]
    while pending:
        part = pending.pop()
        if isinstance(part, Token):
            found.append(part)
        else:
            pending.extend(reversed(_parts(part)))
    return found


def line(statement: tree.Statement) -> str:
    """A statement on one line, however long: what it says in the language."""
    words: list[str] = []
    after = False
    for token in tokens(statement):
        words.append(f" {token.text}" if after and token.before else token.text)
        after = token.after
    return "".join(words)


def _parts(node: _Node) -> Sequence[_Part]:
    """What a node is written as: tokens, and nodes within it."""
    match node:
        case tree.Literal(text=text) | tree.Name(text):
            return (Token(text),)
        case tree.Chain(elements):
            return _joined(elements, _ARROW)
        case tree.Element():
            return _element(node)
        case tree.Layer(keyword, arguments):
            return (Token(keyword), *arguments)
        case tree.Call(name, arguments):
            return (name, _LIST, *_joined(arguments, _COMMA), _LIST_END)
        case tree.Fork(branches):
            return (Token("[", Role.OPEN), *_joined(branches, _BAR), Token("]", Role.CLOSE))
        case tree.Group(chain):
            return (Token("(", Role.OPEN), chain, Token(")", Role.CLOSE))
        case tree.Argument():
            return _argument(node)
        case tree.Parameter(name, default):
            return (name,) if default is None else (name, _IS, default)
        case tree.Braces() | tree.Arithmetic() | tree.Signed() | tree.Function() | tree.Parentheses():
            return _expression(node)
        case _:
            return _statement(node)


def _statement(
    node: tree.Title | tree.Meta | tree.Param | tree.Use | tree.Block | tree.Output | tree.Expect,
) -> Sequence[_Part]:
    match node:
        case tree.Title(title):
            return (Token("network"), Token(quoted(title)))
        case tree.Meta(key, value):
            return (Token("meta"), key, Token("=", Role.EQUAL), value)
        case tree.Param(name, value):
            return (Token("param"), name, Token("=", Role.EQUAL), value)
        case tree.Use(path):
            return (Token("use"), path)
        case tree.Block(name, parameters, body):
            given = _joined(parameters, _COMMA)
            return (Token("block"), name, _LIST, *given, _LIST_END, Token("=", Role.BODY), body)
        case tree.Output(training, names):
            return (*map(Token, ("output", "training") if training else ("output",)), *_joined(names, _COMMA))
        case tree.Expect(quantity, of, relation, value):
            place = () if of is None else (Token("of"), of)
            return (Token("expect"), quantity, *place, Token(relation, Role.EQUAL), value)


def _element(element: tree.Element) -> Sequence[_Part]:
    label = () if element.label is None else (element.label, _COLON)
    return (*label, element.primary, *_count("x", element.repeat), *_count("@", element.device))


def _count(sign: str, count: tree.Count | None) -> Sequence[_Part]:
    """`x3`, `x{n - 1} as i`, `@0`: the sign touches what follows."""
    if count is None:
        return ()
    index = () if count.index is None else (Token("as"), count.index)
    if count.computed:
        return (Token(sign + "{", Role.NEST, after=False), count.value, _BRACE_END, *index)
    assert isinstance(count.value, tree.Literal)
    return (Token(sign + count.value.text), *index)


def _argument(argument: tree.Argument) -> Sequence[_Part]:
    value = argument.value
    if argument.tag:
        if isinstance(value, tree.Braces):
            return _braces(argument.tag, value)
        assert isinstance(value, tree.Literal)
        return (Token(argument.tag + value.text),)
    return (value,) if argument.key is None else (argument.key, _IS, value)


def _expression(
    node: tree.Braces | tree.Arithmetic | tree.Signed | tree.Function | tree.Parentheses,
) -> Sequence[_Part]:
    match node:
        case tree.Braces():
            return _braces("", node)
        case tree.Arithmetic(first, rest):
            # 4*w and 2/3 hold together; a sum does not, nor a product with whole-number division in it.
            wide = not {"*", "/"}.issuperset(sign for sign, _ in rest)
            signs = (Token(sign, before=wide, after=wide) for sign, _ in rest)
            operands = (operand for _, operand in rest)
            return (first, *(part for pair in zip(signs, operands, strict=True) for part in pair))
        case tree.Signed(sign, operand):
            return (Token(sign, after=False), operand)
        case tree.Function(name, arguments):
            return (Token(name), _LIST, *_joined(arguments, _COMMA), _LIST_END)
        case tree.Parentheses(inner):
            return (Token("(", Role.NEST, after=False), inner, _LIST_END)


def _braces(tag: str, braces: tree.Braces) -> Sequence[_Part]:
    return (Token(tag + "{", Role.NEST, after=False), *_joined(braces.items, _COMMA), _BRACE_END)


def _joined(nodes: Iterable[_Node], joint: Token) -> list[_Part]:
    """The nodes with a joint between each two."""
    parts: list[_Part] = []
    for node in nodes:
        parts += (joint, node)
    return parts[1:]
