"""Words for what is wrong among the arguments of a layer, with the fix in the user's own names and numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence

from netdsl.graph.argument_mistakes import (
    Batch,
    Missing,
    MissingArrow,
    NoFlag,
    NoFlagOrParameter,
    NoOption,
    Twice,
    TwoArguments,
    UnsizedReshape,
)
from netdsl.graph.evaluate import CHANNELS, IN, suggested
from netdsl.graph.fault import Fault
from netdsl.layers import table
from netdsl.layers.arguments import Argument, arguments_of
from netdsl.layers.base import Layer
from netdsl.text import elsewhere, tree
from netdsl.text.advice import Advice, perhaps, write
from netdsl.text.finding import Related
from netdsl.text.slots import slots
from netdsl.text.source import Span
from netdsl.text.suggest import closest, did_you_mean

_TAGS = {"s": "stride", "p": "padding", "d": "dilation", "g": "groups"}
NOT_SAID = "take it away: a layer knows what flows in"
MOST = 12
"""How many arguments are looked at together; nobody mends more by one fix."""
_REPEAT = re.compile(r"[ \t]*(x\d+|x\{[^{}]*\})")
_KERNEL = re.compile(r"([knf])(\d+)")
"""As papers write a kernel, and a number of filters: k3n64s1."""


def is_layer(word: str) -> bool:
    """Whether a word among arguments is the keyword of a layer, here or in another tool."""
    return elsewhere.find(word) is not None or (word.isupper() and word in table.keywords())


def is_value(argument: tree.Argument) -> bool:
    """Whether an argument is a plain value by position: a number, dims or braces."""
    plain = not argument.tag and argument.key is None
    return plain and isinstance(argument.value, tree.Literal | tree.Braces)


def named(row: type[Layer], word: str) -> Argument | None:
    """The argument that a name stands for, here or in another tool: `stride`, `strides` and `s` for the tag."""
    own = next((a for a in arguments_of(row) if word in {a.field, a.letter}), None)
    return own or next((a for a in arguments_of(row) for slot in slots(word) if slot in _slots(a)), None)


def _slots(argument: Argument) -> list[str]:
    if argument.form == "tag":
        return [argument.letter]
    return [] if argument.form == "flag" else slots(argument.field)[:1]


def unsized(row: type[Layer], written: tree.Layer, position: int) -> Fault | None:
    """A size that is to follow from the others, or a batch of any, as other tools write them: `-1`, `None`, `N`."""
    first, *rest = written.arguments[position : position + MOST]
    if (
        row.keyword not in {"INPUT", "RESHAPE"}
        or position
        or not re.match(rf"(?:\{{\s*)?{elsewhere.BATCH}(?![a-wyz_])", first.span.text)
    ):
        return None
    span = first.span.to((rest or [first])[-1].span)
    if row.keyword == "RESHAPE":
        if re.match(r"\{\s*-1\s*[,}]", first.span.text):
            return None
        sizes = re.findall(r"-?\d+", " ".join(one.span.text for one in (first, *rest)))
        whole = len(rest) < MOST - 1 and all(re.fullmatch(r"-?\d+", one.span.text) for one in (first, *rest))
        return Fault(UnsizedReshape(write(f"{{{', '.join(sizes)}}}", span) if whole else elsewhere.RESHAPED), span)
    sizes = re.findall(r"\d+", " ".join(one.span.text for one in (first, *rest)).removeprefix("-1"))
    help: str = "write the dims of one example, such as INPUT 28x28x1"
    if sizes:
        help = write(f"INPUT {'x'.join(sizes)}", written.span)
    return Fault(Batch(help), span)


def no_tag(row: type[Layer], given: tree.Argument) -> Fault:
    """A tag that the layer does not have."""
    takes = [f"{a.letter} ({a.field})" for a in arguments_of(row) if a.form == "tag"]
    help = f"{row.keyword} takes {', '.join(takes)}" if takes else f"{row.keyword} takes no tags"
    return Fault(NoOption(row.keyword, _TAGS[given.tag], help), given.span)


def no_option(row: type[Layer], written: tree.Layer, given: tree.Argument) -> Fault:
    """`key=value` where the layer has no such option."""
    assert given.key is not None
    if row.role == "input":
        sizes = [_value(one) for one in written.arguments[:MOST] if one.key is not None]
        text, rule = f"INPUT {'x'.join(sizes)}", "dims are joined by x, channels last: "
        help = write(text, written.span, rule) if all(map(str.isdecimal, sizes)) else f"{rule}{text}"
        span = given.span.to(written.span) if len(sizes) > 1 else given.key.span
        return Fault(NoOption(row.keyword, f"option {given.key.text}", help), span)
    help = _spelling(row, written, given.key.text, _value(given), given.span)
    return Fault(NoOption(row.keyword, f"option {given.key.text}", help), given.key.span)


def _spelling(row: type[Layer], written: tree.Layer, key: str, value: str, span: Span) -> str:
    """How to write what was given by a name, in place of a span."""
    if _is_device(key):
        return str(_device(value, written))
    if key == "name":
        return labelled(row, written, value)
    if row.keyword == "UPSAMPLE" and key in {"size", "output_size"} and "x" in value:
        return write(f"to={value}", span)
    if value in {a.field for a in arguments_of(row) if a.form == "flag"}:  # padding=same
        return Advice(f"write {value} alone", value, span.start, span.end)
    found = named(row, key)
    match found:
        case Argument(form="flag"):
            return f"{found.field} is a flag: write it alone"
        case Argument(form="positional"):
            whole = _whole(row, written) or _without(row, written, key)
            rule = f"{found.field} is written by position"
            return write(whole, written.span, f"{rule}: ") if whole else rule
        case Argument(form="option"):
            return write(f"{found.field}={value}", span)
        case Argument(form="tag") if not value:
            return f"write {found.letter} and its number"
        case Argument(form="tag") if value.lower() not in {"same", "valid"}:
            return write(f"{found.letter}{_tagged(value)}", span)
        case _ if found or not set(slots(key)) & set("spdg"):  # else the layer has no such tag
            there = _there(elsewhere.argument(key, value), span, written)
            return there or did_you_mean(key, [a.field for a in arguments_of(row)]) or takes(row)
        case _:
            return takes(row)


def _there(told: str, span: Span, written: tree.Layer) -> str:
    """What other tools call an argument, as it is written here in place of a span, behind its layer, or not at all."""
    if following := re.search(r"-> [A-Z]+( [\d.]+)?$", told):
        source = written.span.source.text
        before, behind = source[written.span.start : span.start], source[span.end : written.span.end]
        return perhaps(told, f"{before.rstrip()}{behind} {following.group()}", written.span)
    if told.startswith("write "):
        return write(told.removeprefix("write "), span)
    return write("", span, told) if told.startswith("take it away") else told


def _is_device(word: str) -> bool:
    """Whether a word is one for the device that a layer runs on."""
    return word.lower() in {"device", "gpu", "cuda"}


def _device(text: str, written: tree.Layer) -> str:
    number = re.search(r"\d+", text)
    device = f"@{number.group() if number else 0}"
    words = f"a device stands behind the layer: {device}"
    return words if re.match(r"\s*x", written.span.source.text[written.span.end :][:20]) else Advice(words, device)


def labelled(row: type[Layer], written: tree.Layer, label: str) -> str:
    """The layer with a label before it, in place of a name behind it."""
    own = [one.span.text for one in written.arguments[:MOST] if one.span.text.strip('"') not in {"as", label}]
    own = [text for text in own if not re.match(r"name\s*=", text)]
    text = f"{label.lower() or 'stem'}: {' '.join((row.keyword, *own))}"
    rule = "a label stands before its layer: "
    before = head(written.span).rstrip()
    whole = re.fullmatch("[A-Za-z_][A-Za-z_0-9]*", label) and len(written.arguments) <= MOST and before[-1:] != ":"
    return write(text, written.span, rule) if whole else f"{rule}{text}"


def _tagged(value: str) -> str:
    return value if value[:1].isdigit() or value[:1] == "{" else f"{{{value}}}"


def _value(given: tree.Argument) -> str:
    return given.value.span.text.strip('"')


def _whole(row: type[Layer], written: tree.Layer) -> str:
    """The layer with its arguments as they are written here, or ""."""
    if len(written.arguments) > MOST:
        return ""
    texts: list[str] = []
    for argument in written.arguments:
        before = texts[-1] if texts else ""
        if kernel := _KERNEL.fullmatch(argument.span.text):
            texts.append(f"{'kernel' if kernel[1] == 'k' else 'filters'}={kernel[2]}")
        elif re.fullmatch(r"[a-z_]+", before) and slots(before) and is_value(argument):
            texts[-1] += f"={argument.span.text}"
        else:
            texts.append(argument.span.text)
    return elsewhere.written(row.keyword, texts)


def _without(row: type[Layer], written: tree.Layer, word: str) -> str:
    """The layer without a word that names the number before it: `CONV 32 filters 3x3`."""
    texts = [one.span.text for one in written.arguments[: MOST + 1]]
    return elsewhere.written(row.keyword, [text for text in texts if text != word]) if len(texts) <= MOST else ""


def unknown_word(row: type[Layer], written: tree.Layer, position: int, parameters: Sequence[str], free: bool) -> Fault:
    """A word that is no flag of the layer, and no parameter; `free` says whether a value may stand there."""
    word = written.arguments[position].span
    following = written.arguments[position + 1 : position + 2]
    behind = following[0].span if following else word
    both, instead = word.to(behind), ""
    on_device = word.text in {"on", "at"} and re.match("gpu|cuda|device|cpu", behind.text)
    if word.text == "no" and behind.text == "bias":
        instead = write("nobias")
    elif word.text == "as" and following and (count := _REPEAT.match(word.source.text, behind.end)):
        both = word.to(Span(word.source, behind.end, count.end()))
        instead = write(f"{count[1]} as {behind.text}")
    elif word.text == "as" and following:
        instead = labelled(row, written, behind.text.strip('"'))
    elif on_device or (_is_device(word.text) and following and is_value(following[0])):
        instead = _device(behind.text, written)
    if instead:
        return Fault(NoFlag(row.keyword, word.text, instead), both)
    if word.text == IN or (word.text in CHANNELS and IN in parameters):
        return Fault(NoFlagOrParameter(row.keyword, word.text, suggested(word.text, parameters)), word)
    if re.fullmatch("[xspdg]", word.text) and following and behind.text in parameters:
        help = write(f"{word.text}{{{behind.text}}}", both, "what is computed stands in braces: ")
        return Fault(TwoArguments(f"{word.text} {behind.text}", help), both)
    if dims := _spaced(row, written, position):
        return Fault(NoFlag(row.keyword, word.text, dims[1]), word.to(dims[0]))
    help = _apart(row, written, position, parameters)
    if not help and not free and position == 0 and _in_fork(word):
        help = write(f"{row.keyword} | {word.text}", written.keyword_span.to(word), "branches are separated by |: ")
    options = [a.field for a in arguments_of(row) if a.form != "positional"]
    near = closest(word.text, [*(one for one in parameters if one != IN), *options])
    meant = perhaps(f"did you mean {near}?", near)
    if not near and not help and word.text.isupper() and (layer := closest(word.text, table.keywords())):
        help = perhaps(f"did you mean {layer}? An arrow stands before it: -> {layer}", f"-> {layer}")
    if free and not help and near not in options:
        defined = f"define it: param {word.text} = …" if word.text.isidentifier() and word.text.islower() else ""
        dims = "write its dims: INPUT 28x28x1 for a grey image, INPUT 784 for a vector" if row.role == "input" else ""
        return Fault(NoFlagOrParameter(row.keyword, word.text, meant if near else dims or defined), word)
    help = help or (meant if near else takes(row))
    if len(word.text) == 1 and "without a space" in help:
        return Fault(TwoArguments(f"{word.text} {behind.text}", help), word)
    return Fault(NoFlag(row.keyword, word.text, help), word)


def _apart(row: type[Layer], written: tree.Layer, position: int, parameters: Sequence[str]) -> str:
    """How to write a name, a tag or a repeat that was taken for a word: `stride 2`, `s 2`, `S2`, `x 3`."""
    span = written.arguments[position].span
    word = span.text
    before, after = (
        written.arguments[at].span.text if 0 <= at < len(written.arguments) and is_value(written.arguments[at]) else ""
        for at in (position - 1, position + 1)
    )
    both = span.to(written.arguments[position + 1].span) if after else span
    letter, digits = word[:1].lower(), word[1:]
    letters = {a.letter for a in arguments_of(row) if a.form == "tag"} | {"x"}
    if letter in letters and digits.isdecimal():
        return Advice(f"write {letter}{digits}, in lower case", f"{letter}{digits}")
    if letter in letters and not digits:
        if letter == "x" and after.startswith("-"):
            return "a repeat is a whole number from 0"
        if letter == "x" and after and before:
            return f"write {before}x{after} for dims or x{after} for a repeat, without spaces"
        if after.startswith("-"):
            return f"a {_TAGS[letter]} is never negative"
        if not re.match(r"[\d{]", after):
            return f"its number stands right behind {letter}"
        return Advice(f"write {letter}{after}, without a space", f"{letter}{after}", both.start, both.end)
    if len(word) > 1 and (named(row, word) or slots(word)):
        return _spelling(row, written, word, after, both)
    if option := next((a for a in arguments_of(row) if word.lower() in a.kind.words), None):
        return write(f"{option.field}={word.lower()}")
    if word.lower() == "valid":
        return _there(elsewhere.argument("padding", word), span, written)
    stuck = re.fullmatch(r"([a-z_]{2,}?)_?(\d+)", word)
    if stuck and (tag := named(row, stuck[1])) and tag.form == "tag":
        return write(f"{tag.letter}{stuck[2]}", span)
    if _KERNEL.fullmatch(word) and (whole := _whole(row, written)):
        places = [a.field for a in arguments_of(row) if a.form == "positional"][:2]
        return write(
            whole, written.span, f"{' and '.join(places)} {'are' if places[1:] else 'is'} written by position: "
        )
    if letter in letters and word[1:] in parameters:
        return write(f"{letter}{{{word[1:]}}}", span, "what is computed stands in braces: ")
    return ""


def _spaced(row: type[Layer], written: tree.Layer, position: int) -> tuple[Span, str] | None:
    """Dims with spaces in them, `8 x 8 x 3`, where they are more than two or nothing else makes sense."""
    given = written.arguments
    if not position or given[position].span.text.lower() != "x":
        return None
    sizes = [given[position - 1]]
    while len(sizes) < MOST and given[position : position + 1] and given[position].span.text.lower() == "x":
        if not (following := given[position + 1 : position + 2]) or not is_value(following[0]):
            break
        sizes += following
        position += 2
    if len(sizes) < 3 and not (row.role == "input" and len(sizes) == 2):
        return None
    whole = sizes[0].span.to(given[min(position, len(given)) - 1].span)
    return sizes[-1].span, write("x".join(one.span.text for one in sizes), whole, "dims have no spaces: ")


def missing_arrow(row: type[Layer], written: tree.Layer, position: int) -> Fault:
    """A layer among the arguments of another."""
    span = written.arguments[position].span
    words = [row.keyword]
    for argument in written.arguments[:MOST]:
        text = argument.span.text
        bare = isinstance(argument.value, tree.Name) and not argument.tag and argument.key is None
        words += ["->", _keyword(text)] if bare and is_layer(text) else [text]
    missing, branches = "an arrow is missing", ""
    if _in_fork(span):
        missing, branches = "an arrow or a bar is missing", ", or with | between branches"
    help = f"write {' '.join(words)}{branches}"
    if not branches and len(written.arguments) <= MOST:
        help = write(" ".join(words), written.span)
    return Fault(MissingArrow(missing, span.text, help), span)


def head(span: Span) -> str:
    """What stands before a place, as far as it may matter."""
    return span.source.text[max(0, span.start - 400) : span.start]


def _in_fork(span: Span) -> bool:
    before = head(span)
    return before.count("[") > before.count("]")


def _keyword(word: str) -> str:
    foreign = elsewhere.find(word)
    return word if foreign is None or word in table.keywords() else foreign.here


def twice(what: str, before: Span | None, given: Span) -> Fault:
    """An argument that was given before."""
    related = () if before is None else (Related(before, "the first"),)
    return Fault(Twice(what), given, related)


def takes(row: type[Layer]) -> str:
    """What a layer takes."""
    words = [a.letter or (a.field if a.form in {"flag", "positional"} else f"{a.field}=") for a in arguments_of(row)]
    return f"{row.keyword} takes {', '.join(words)}" if words else f"{row.keyword} takes no arguments"


def missing(row: type[Layer], written: tree.Layer, values: Sequence[str]) -> Fault:
    """Arguments that a layer cannot do without; `values` are the fields that were given."""
    lacking = [a.field for a in arguments_of(row) if a.required and a.field not in values]
    flags = {a.field for a in arguments_of(row) if a.word}
    places = [one.span.text for one in written.arguments if not one.tag and one.key is None]
    first = [text for text in places if text not in flags]
    others = [one.span.text for one in written.arguments if one.span.text not in first]
    help = f"write {' '.join((row.keyword, *first, *lacking, *others))}"
    if row.role == "input":
        help = "write its dims: INPUT 28x28x1 for a grey image, INPUT 784 for a vector"
    return Fault(Missing(row.keyword, " and ".join(lacking), help), written.span)
