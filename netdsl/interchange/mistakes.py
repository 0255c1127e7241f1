"""What can be wrong with a file of another format, or cannot be said of it, and its words."""

from __future__ import annotations

from netdsl.interchange.flat import ForeignMistake
from netdsl.text.fit import listed
from netdsl.text.suggest import did_you_mean


class Broken(ForeignMistake, code="syntax-error"):
    why: str
    hint: str = ""
    words = "{why}"


class UnknownKind(ForeignMistake, code="unknown-layer"):
    """A layer that is no layer of the format."""

    format: str
    kind: str
    hint: str = ""
    words = "{format} has no layer {kind}"


class Unsaid(ForeignMistake, code="unknown-layer"):
    """What a program cannot say."""

    what: str
    why: str
    hint: str = ""

    def message(self) -> str:
        return f"{self.what} cannot be said: {self.why}"


class UnknownKey(ForeignMistake, code="unknown-option"):
    where: str
    key: str
    hint: str = ""
    words = "{where} has no key {key}"


class WrongValue(ForeignMistake, code="invalid-argument"):
    key: str
    value: str
    noun: str
    hint: str = ""
    words = "{key}: {value} is not {noun}"


class KeyTwice(ForeignMistake, code="duplicate-name"):
    key: str
    words = "{key} is given twice"
    advice = "keep one of them"


class Missing(ForeignMistake, code="missing-argument"):
    where: str
    key: str
    hint: str = ""
    words = "{where} has no {key}"


class UnknownName(ForeignMistake, code="unknown-name"):
    """A layer reads what no layer before it makes."""

    name: str
    hint: str = ""
    words = "no layer before this one makes {name}"


class WrongCount(ForeignMistake, code="merge-without-fork"):
    """A layer with fewer or more inputs, or outputs, than it takes."""

    kind: str
    takes: str
    given: int
    words = "{kind} takes {takes}, and has {given}"


class NoSize(ForeignMistake, code="no-input"):
    """An input whose size the file does not say."""

    name: str
    option: str
    known: str = ""

    def message(self) -> str:
        return f"the file does not say the size of {self.name}{self.known}"

    def help(self) -> str:
        return f"say it: --input {self.option}, sizes first and channels last"


class NoInput(ForeignMistake, code="unknown-name"):
    """A size that is asked for of what is no input."""

    name: str
    known: tuple[str, ...]

    def message(self) -> str:
        name = self.name
        return f"--input {name}: the network has no input of this name" if name else "the network has several inputs"

    def help(self) -> str:
        if not self.name:
            return f"say which: --input NAME=…, of {listed(self.known[:8])}"
        return did_you_mean(self.name, self.known) or (f"it has {listed(self.known[:8])}" if self.known else "")


class NoLayers(ForeignMistake, code="no-input"):
    format: str
    words = "this is no {format} network: it has no layers"


class Unlike(ForeignMistake, code="shape-mismatch"):
    """Shapes that do not go together, by the format's own rules."""

    what: str
    why: str
    words = "{what}: {why}"


class TooMuch(ForeignMistake, code="limit-exceeded"):
    what: str
    given: int
    most: int
    words = "{what}: {given:,} are more than {most:,}"


class BadWeights(ForeignMistake, code="shape-mismatch"):
    """Weights that do not fit the layer that they are for."""

    file: str
    why: str
    words = "{file} does not fit: {why}"
    advice = "name another file by --from-weights, or move it away for the program alone"
