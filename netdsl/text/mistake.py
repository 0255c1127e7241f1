"""Mistakes as data: a class for each, with its figures, its words, and a program that makes it.

Local rules raise them without a place; the pass that called knows it, and makes a `Diagnostic` of both.
"""

from __future__ import annotations

from typing import ClassVar, dataclass_transform


@dataclass_transform(frozen_default=True)
class Mistake:
    """One mistake. A class names its code and an example; its annotations are its figures.

    `words` and `advice` are templates of figures and properties, an `Advice` that of its edit too; what needs more
    overrides `message` and `help`.
    Hundreds of such classes are made as netdsl starts, so that they are no dataclasses, which take long to make.
    """

    code: str
    example: ClassVar[str] = ""
    words: ClassVar[str] = ""
    advice: ClassVar[str] = ""
    hint: str = ""
    """Help that who finds it knows, in place of `advice`."""
    _figures: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, *, code: str = "", example: str = "") -> None:
        if code:
            cls.code, cls.example = code, example
        cls._figures += tuple(cls.__annotations__)

    def __init__(self, *figures: object, **named: object) -> None:
        self.__dict__.update(zip(self._figures, figures, strict=False), **named)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen")

    def __getitem__(self, name: str) -> object:
        """A figure or a property, for templates."""
        return getattr(self, name)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), self.message()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"

    def message(self) -> str:
        """What is wrong, with the numbers involved."""
        return self.words.format_map(self)

    def help(self) -> str:
        """What to do about it, or ""."""
        return self.hint or self.advice.format_map(self)

    def advised(self, help: str) -> Mistake:
        """The same with other help, where there is some."""
        return Reworded(self, hint=help) if help else self


class Told(Mistake):
    """One in words of its own, as packages tell theirs."""

    code: str
    said: str
    hint: str = ""
    words = "{said}"


class Reworded(Mistake):
    """Another mistake, as one tells it who knows more: what led to it, or better help."""

    code: str
    of: Mistake
    lead: str = ""
    hint: str = ""

    def __init__(self, of: Mistake, lead: str = "", hint: str = "") -> None:
        super().__init__(of.code, of, lead, hint)

    def message(self) -> str:
        return f"{self.lead}{self.of.message()}"

    def help(self) -> str:
        return self.hint or self.of.help()


class Wrong(Exception):
    """A mistake on its way to the pass that called; subclasses carry what is known of its place."""

    def __init__(self, mistake: Mistake) -> None:
        super().__init__(mistake)
        self.mistake = mistake

    def __str__(self) -> str:
        return self.mistake.message()
