"""The fields of a message, taken by those who know them; what nobody takes is told."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeVar

from netdsl.interchange import mistakes
from netdsl.interchange.caffe.text import Field, Message
from netdsl.interchange.gathering import Fault
from netdsl.layers.arguments import MAX_SIZE, Number
from netdsl.layers.values import value_of
from netdsl.text.fit import clipped
from netdsl.text.source import Span
from netdsl.text.suggest import closest, did_you_mean

T = TypeVar("T")
_WHOLE = re.compile(r"[-+]?(?:[0-9]{1,10}|0[xX][0-9a-fA-F]{1,8})")
_FLAGS = {"true": True, "t": True, "True": True, "1": True, "false": False, "f": False, "False": False, "0": False}


@dataclass
class Fields:
    """A message that is read. Each taking raises Fault for a value of another kind."""

    message: Message
    where: str
    """What it is called: `convolution_param`."""
    span: Span
    taken: set[str] = field(default_factory=set[str])

    def whole(self, name: str, default: int | None = None, least: int = 0) -> int:
        """A whole number. Raises Fault where there is none, and no default."""
        return self._whole(one, least) if (one := self._one(name)) else self._default(name, default)

    def wholes(self, name: str, least: int = 0) -> list[int]:
        """Whole numbers of a repeated field."""
        return [self._whole(one, least) for one in self._all(name)]

    def real(self, name: str, default: Number | None = None) -> Number:
        """A number as it is written, exactly."""
        return self._real(one) if (one := self._one(name)) else self._default(name, default)

    def reals(self, name: str) -> list[Number]:
        """Numbers of a repeated field."""
        return [self._real(one) for one in self._all(name)]

    def flag(self, name: str, default: bool) -> bool:
        """Whether something is so."""
        one = self._one(name)
        if one is None:
            return default
        if one.text not in _FLAGS or one.kind == "string":
            raise self._wrong(one, "true or false")
        return _FLAGS[one.text]

    def word(self, name: str, words: Mapping[str, str], default: str) -> str:
        """One of some words, or of their numbers."""
        one = self._one(name)
        if one is None:
            return default
        if one.text not in words:
            hint = did_you_mean(one.text, [word for word in words if not word.isdigit()])
            raise Fault(mistakes.WrongValue(name, clipped(one.text, 40), f"one of {', '.join(words)}", hint), one.span)
        return words[one.text]

    def text(self, name: str) -> str:
        """A string, or a word; "" where there is none."""
        return one.text if (one := self._one(name)) else ""

    def texts(self, name: str) -> list[str]:
        """Strings of a repeated field."""
        for one in (found := self._all(name)):
            if one.message is not None:
                raise self._wrong(one, "a string")
        return [one.text for one in found]

    def inner(self, name: str) -> Fields:
        """A message, which is empty where there is none."""
        found = self.inners(name)
        if len(found) > 1:
            raise Fault(mistakes.KeyTwice(name), found[1].span)
        return found[0] if found else Fields(Message(), name, self.span)

    def inners(self, name: str) -> list[Fields]:
        """Messages of a repeated field."""
        self.taken.add(name)
        for one in self.message.named(name):
            if one.message is None:
                raise self._wrong(one, "a message in braces")
        return [Fields(one.message, name, one.span) for one in self.message.named(name) if one.message is not None]

    def has(self, name: str) -> bool:
        """Whether a field is there, which is not taken."""
        return any(one.name == name for one in self.message.fields)

    def rest(self, passed: str = "") -> None:
        """Tell the first field that is neither taken nor one of those that are passed over. Raises Fault."""
        for one, hint in self.unknown(passed):
            raise Fault(mistakes.UnknownKey(self.where, clipped(one.name, 40), hint), one.span)

    def unknown(self, passed: str = "") -> Iterator[tuple[Field, str]]:
        """The fields that are neither taken nor passed over, and which each may have been meant to be."""
        known = sorted(self.taken | set(passed.split()))
        unknown = {one.name: one for one in reversed(self.message.fields)}
        for name in sorted(unknown.keys() - set(known), key=lambda name: unknown[name].span.start):
            yield unknown[name], did_you_mean(name, known)

    def _all(self, name: str) -> list[Field]:
        self.taken.add(name)
        return self.message.named(name)

    def _one(self, name: str) -> Field | None:
        """The only field of a name. Raises Fault where it stands twice."""
        found = self._all(name)
        if len(found) > 1:
            raise Fault(mistakes.KeyTwice(name), found[1].span)
        return found[0] if found else None

    def _default(self, name: str, default: T | None) -> T:
        if default is None:
            unknown = [one.name for one in self.message.fields if one.name not in self.taken]
            near = closest(name, unknown)
            raise Fault(mistakes.Missing(self.where, name, f"write {name} for {near}" if near else ""), self.span)
        return default

    def _whole(self, one: Field, least: int) -> int:
        if one.kind != "number" or not _WHOLE.fullmatch(one.text):
            raise self._wrong(one, "a whole number")
        value = int(one.text, 16 if "x" in one.text.lower() else 10)
        if not least <= value <= MAX_SIZE:
            raise self._wrong(one, f"a whole number from {least} to {MAX_SIZE}")
        return value

    def _real(self, one: Field) -> Number:
        try:
            value = float(one.text.rstrip("fF"))
        except ValueError:
            value = math.nan
        if one.kind != "number" or not math.isfinite(value):
            raise self._wrong(one, "a number")
        found = value_of(value)
        assert isinstance(found, int | Fraction)
        return found

    def _wrong(self, one: Field, noun: str) -> Fault:
        return Fault(mistakes.WrongValue(one.name, clipped(one.text or "a message", 40), noun), one.span)
