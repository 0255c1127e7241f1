"""The syntax tree: frozen values, equal where they say the same, wherever they stand."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeAlias

from netdsl.text.flat import Flat, flat, whole
from netdsl.text.source import Source, Span
from netdsl.text.tokens import NAMES

Number: TypeAlias = int | Fraction


def exact(value: Number) -> Number:
    """A number as the language has it: a fraction that is whole as an int."""
    return value if isinstance(value, int) or value.denominator > 1 else value.numerator


_NOWHERE = Span(Source("", ""), 0, 0)


def _span() -> Span:
    return field(default=_NOWHERE, compare=False, repr=False)  # a tree equals another whatever its layout


# Expressions


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, dims, a string or a quantity: `64`, `3x3`, `"zero"`, `35K`."""

    value: Number | tuple[Number, ...] | str
    text: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Name:
    """A word that stands for a flag, a parameter or a node; dotted names reach into scopes."""

    text: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Braces:
    """`{4*w}` or `{k, 1}`: computed; two or more values make dims."""

    items: tuple[Expression, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`a + b - c`: operators of one precedence, applied from the left."""

    first: Expression
    rest: tuple[tuple[str, Expression], ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Signed:
    """`-a`, or `+a`."""

    sign: str
    operand: Expression
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Function:
    """`min(a, b)`."""

    name: str
    arguments: tuple[Expression, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Parentheses:
    """`(a + b)` within an expression."""

    inner: Expression
    span: Span = _span()


Expression: TypeAlias = Literal | Name | Braces | Arithmetic | Signed | Function | Parentheses

# Chains


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a layer or a call: positional (no key), `key=value`, or a tag (`tag` is its letter)."""

    value: Expression
    key: Name | None = None
    tag: str = ""
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Layer:
    """`CONV 96 11x11 s4`."""

    keyword: str
    arguments: tuple[Argument, ...]
    keyword_span: Span = _span()
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Call:
    """`stage(64, 1, 3)`, or `enc()` for a label."""

    name: Name
    arguments: tuple[Argument, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Fork:
    """`[ a | b ]`."""

    branches: tuple[Chain, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Group:
    """`( a -> b )`."""

    chain: Chain
    span: Span = _span()


Primary: TypeAlias = Layer | Call | Fork | Group | Name


@dataclass(frozen=True, slots=True)
class Count:
    """`x3` or `x{n - 1}` behind a primary, perhaps with a name for the number of a copy; `@1` or `@{d}` behind that."""

    value: Expression
    computed: bool
    index: Name | None = None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Element:
    """`label: primary xN @D`."""

    label: Name | None
    primary: Primary
    repeat: Count | None = None
    device: Count | None = None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Chain:
    """`a -> b -> c`; `arrows` are where the arrows stand."""

    elements: tuple[Element, ...]
    arrows: tuple[Span, ...] = field(compare=False, repr=False, default=())
    span: Span = _span()

    def __reduce__(self) -> tuple[Callable[[Flat], object], tuple[Flat]]:
        return _chain, (flat(self, _INSIDE),)


_INSIDE = {Chain: "elements", Element: "primary", Fork: "branches", Group: "chain"}


def _chain(items: Flat) -> object:
    """A chain that was pickled."""
    return whole(items, _INSIDE)


# Statements


@dataclass(frozen=True, slots=True)
class Title:
    """`network "Title"`."""

    title: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Meta:
    """`meta year = 2012`."""

    key: Name
    value: Expression
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Param:
    """`param classes = 1000`."""

    name: Name
    value: Expression
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Use:
    """`use "blocks.net"`."""

    path: Literal
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a block, with its default where it has one."""

    name: Name
    default: Expression | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Block:
    """`block name(a, b=2) = chain`."""

    name: Name
    parameters: tuple[Parameter, ...]
    body: Chain
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Output:
    """`output a, b` or `output training a`."""

    training: bool
    names: tuple[Name, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Expect:
    """`expect params of conv1 ~ 35K`."""

    quantity: Name
    of: Name | None
    relation: str
    value: Expression
    span: Span = _span()


Statement: TypeAlias = Title | Meta | Param | Use | Block | Output | Expect | Chain


@dataclass(frozen=True)
class Comment:
    """`# …`, without the end of its line."""

    text: str
    span: Span = _span()


_NAME = r"([a-z_][a-z0-9_.]*+)"
_DEFINES = (
    # `block f`, or the `def f` of a newcomer; `f =`, `f(n) =`, further ones behind a comma, with a type; a label
    re.compile(rf"^(?!(?:network|meta|use|output|expect)\b)[a-z]++[^\w>|\[]++{_NAME}"),
    re.compile(rf"(?:^|[;,]|\bparam\b|\bint\b|\bfloat\b)\s*+{_NAME}\s*+(?:\([^()]*\)\s*+)?="),
    re.compile(rf"(?<!\w){_NAME}\s*+:"),
)


@dataclass(frozen=True)
class File:
    """A parsed file: its statements in order, and its comments.

    `broken` are the statements with syntax errors, which are not among them.
    """

    source: Source
    statements: tuple[Statement, ...]
    comments: tuple[Comment, ...] = field(compare=False, default=())
    broken: tuple[Span, ...] = field(compare=False, default=())

    @property
    def lost(self) -> frozenset[str]:
        """The names that broken statements would have defined, so that none is missed elsewhere."""
        dashed = re.compile(r"(?<=\w)-(?=\w)")
        found = (name for span in self.broken for form in _DEFINES for name in form.findall(dashed.sub("_", span.text)))
        return frozenset(part for name in found for part in (name.partition(".")[0], name.replace(".", "_")))

    @property
    def nameless(self) -> bool:
        """Whether a broken block has no name, so that it may have any."""
        return any(re.match(r"block\W*[(=]", span.text) for span in self.broken)

    @property
    def mentioned(self) -> frozenset[str]:
        """The words of broken statements, which may be uses of something."""
        return frozenset(word for span in self.broken for word in NAMES.findall(span.text))


def elements(chain: Chain) -> Iterator[Element]:
    """Every element of a chain in file order, those inside its forks and groups included."""
    pending = list(reversed(chain.elements))
    while pending:
        element = pending.pop()
        yield element
        match element.primary:
            case Group(inner):
                pending.extend(reversed(inner.elements))
            case Fork(branches):
                for branch in reversed(branches):
                    pending.extend(reversed(branch.elements))
            case _:
                pass


def names(expressions: Iterable[Expression]) -> Iterator[Name]:
    """The names in expressions, in no order."""
    pending = list(expressions)
    while pending:
        match pending.pop():
            case Name() as name:
                yield name
            case Braces(items):
                pending.extend(items)
            case Arithmetic(first, rest):
                pending.append(first)
                pending.extend(operand for _, operand in rest)
            case Signed(_, operand):
                pending.append(operand)
            case Function(_, arguments):
                pending.extend(arguments)
            case Parentheses(inner):
                pending.append(inner)
            case Literal():
                pass
