"""Words for what is wrong among the arguments of a layer, with the fix in the user's own names and numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence

from netdsl.graph.argument_mistakes import NoFlag, TwoArguments
from netdsl.graph.fault import Fault
from netdsl.layers import table
from netdsl.layers.arguments import Argument, arguments_of
from netdsl.layers.base import Layer
from netdsl.text import elsewhere, tree
from netdsl.text.diagnostic import Related
from netdsl.text.mistake import Told
from netdsl.text.source import Span
from netdsl.text.suggest import closest, did_you_mean

_TAGS = {"s": "stride", "p": "padding", "d": "dilation", "g": "groups"}
_NOT_SAID = "take it away: a layer knows what flows in"
_MOST = 12
"""How many arguments are looked at together; nobody mends more by one fix."""
_KERNEL = re.compile(r"([knf])(\d+)")
"""As papers write a kernel, and a number of filters: k3n64s1."""


def is_layer(word: str) -> bool:
    """Whether a word among arguments is the keyword of a layer, here or in another tool."""
    return elsewhere.find(word) is not None or (word.isupper() and word in table.keywords())


def is_value(argument: tree.Argument) -> bool:
    """Whether an argument is a plain value by position: a number, dims or braces."""
    plain = not argument.tag and argument.key is None
    return plain and isinstance(argument.value, tree.Literal | tree.Braces)


def named(arguments: Sequence[Argument], word: str) -> Argument | None:
    """The argument that a name stands for, here or in another tool: `stride`, `strides` and `s` for the tag."""
    own = next((a for a in arguments if word in {a.field, a.letter}), None)
    return own or next((a for a in arguments for slot in elsewhere.slots(word) if slot in _slots(a)), None)


def _slots(argument: Argument) -> list[str]:
    if argument.form == "tag":
        return [argument.letter]
    return elsewhere.slots(argument.field)[:1] if argument.form == "positional" else []


def unsized(row: type[Layer], written: tree.Layer, position: int) -> Fault | None:
    """A size that is to follow from the others, or a batch of any, as other tools write them: `-1`, `None`, `N`."""
    first, *rest = written.arguments[position : position + _MOST]
    if (
        row.keyword not in {"INPUT", "RESHAPE"}
        or position
        or not re.match(rf"(?:\{{\s*)?{elsewhere.BATCH}(?![a-wyz_])", first.span.text)
    ):
        return None
    span = first.span.to((rest or [first])[-1].span)
    if row.keyword == "RESHAPE":
        return Fault(Told("invalid-argument", "a RESHAPE is told every size", elsewhere.RESHAPED), span)
    sizes = re.findall(r"\d+", " ".join(one.span.text for one in (first, *rest)).removeprefix("-1"))
    help = f"write INPUT {'x'.join(sizes)}" if sizes else "write the dims of one example, such as INPUT 28x28x1"
    return Fault(Told("invalid-argument", "a batch has any size, and is not among an INPUT's dims", help), span)


def no_tag(row: type[Layer], arguments: Sequence[Argument], given: tree.Argument) -> Fault:
    """A tag that the layer does not have."""
    takes = [f"{a.letter} ({a.field})" for a in arguments if a.form == "tag"]
    help = f"{row.keyword} takes {', '.join(takes)}" if takes else f"{row.keyword} takes no tags"
    return Fault(Told("unknown-option", f"{row.keyword} has no {_TAGS[given.tag]}", help), given.span)


def no_option(row: type[Layer], arguments: Sequence[Argument], written: tree.Layer, given: tree.Argument) -> Fault:
    """`key=value` where the layer has no such option."""
    assert given.key is not None
    if row.role == "input":
        sizes = [_value(one) for one in written.arguments[:_MOST] if one.key is not None]
        help = f"dims are joined by x, channels last: INPUT {'x'.join(sizes)}"
        span = given.span.to(written.span) if len(sizes) > 1 else given.key.span
        return Fault(Told("unknown-option", f"{row.keyword} has no option {given.key.text}", help), span)
    help = _spelling(row, arguments, written, given.key.text, _value(given))
    return Fault(Told("unknown-option", f"{row.keyword} has no option {given.key.text}", help), given.key.span)


def _spelling(row: type[Layer], arguments: Sequence[Argument], written: tree.Layer, key: str, value: str) -> str:
    """How to write what was given by a name."""
    if _is_device(key):
        return _device(value)
    if key == "name":
        return _labelled(row, written, value)
    if row.keyword == "UPSAMPLE" and key in {"size", "output_size"} and "x" in value:
        return f"write to={value}"
    if value in {a.field for a in arguments if a.form == "flag"}:  # padding=same
        return f"write {value} alone"
    found = named(arguments, key)
    match found:
        case Argument(form="flag"):
            return f"{found.field} is a flag: write it alone"
        case Argument(form="positional"):
            whole = _whole(row, written) or _without(row, written, key)
            return f"{found.field} is written by position{whole and f': {whole}'}"
        case Argument(form="option"):
            return f"write {found.field}={value}"
        case Argument(form="tag") if not value:
            return f"write {found.letter} and its number"
        case Argument(form="tag") if value.lower() not in {"same", "valid"}:
            return f"write {found.letter}{_tagged(value)}"
        case _ if found or not set(elsewhere.slots(key)) & set("spdg"):  # else the layer has no such tag
            there = elsewhere.argument(key, value)
            return there or did_you_mean(key, [a.field for a in arguments]) or takes(row, arguments)
        case _:
            return takes(row, arguments)


def _is_device(word: str) -> bool:
    """Whether a word is one for the device that a layer runs on."""
    return word.lower() in {"device", "gpu", "cuda"}


def _device(text: str) -> str:
    number = re.search(r"\d+", text)
    return f"a device stands behind the layer: @{number.group() if number else 0}"


def _labelled(row: type[Layer], written: tree.Layer, label: str) -> str:
    """The layer with a label before it, in place of a name behind it."""
    own = [one.span.text for one in written.arguments[:_MOST] if one.span.text.strip('"') not in {"as", label}]
    own = [text for text in own if not re.match(r"name\s*=", text)]
    return f"a label stands before its layer: {label.lower() or 'stem'}: {' '.join((row.keyword, *own))}"


def _tagged(value: str) -> str:
    return value if value[:1].isdigit() or value[:1] == "{" else f"{{{value}}}"


def _value(given: tree.Argument) -> str:
    return given.value.span.text.strip('"')


def _whole(row: type[Layer], written: tree.Layer) -> str:
    """The layer with its arguments as they are written here, or ""."""
    if len(written.arguments) > _MOST:
        return ""
    texts: list[str] = []
    for argument in written.arguments:
        before = texts[-1] if texts else ""
        if kernel := _KERNEL.fullmatch(argument.span.text):
            texts.append(f"{'kernel' if kernel[1] == 'k' else 'filters'}={kernel[2]}")
        elif re.fullmatch(r"[a-z_]+", before) and elsewhere.slots(before) and is_value(argument):
            texts[-1] += f"={argument.span.text}"
        else:
            texts.append(argument.span.text)
    return elsewhere.written(row.keyword, texts)


def _without(row: type[Layer], written: tree.Layer, word: str) -> str:
    """The layer without a word that names the number before it: `CONV 32 filters 3x3`."""
    texts = [one.span.text for one in written.arguments[: _MOST + 1]]
    return elsewhere.written(row.keyword, [text for text in texts if text != word]) if len(texts) <= _MOST else ""


def unknown_word(
    row: type[Layer],
    arguments: Sequence[Argument],
    written: tree.Layer,
    position: int,
    parameters: Sequence[str],
    free: bool,
) -> Fault:
    """A word that is no flag of the layer, and no parameter; `free` says whether a value may stand there."""
    word = written.arguments[position].span
    following = written.arguments[position + 1 : position + 2]
    if word.text == "no" and following and following[0].span.text == "bias":
        return Fault(NoFlag(row.keyword, "no", "write nobias"), word.to(following[0].span))
    if _is_device(word.text) and following and is_value(following[0]):
        number = following[0].span
        return Fault(NoFlag(row.keyword, word.text, _device(number.text)), word.to(number))
    if word.text == "as" and following:
        label = following[0].span
        help = _labelled(row, written, label.text.strip('"'))
        return Fault(NoFlag(row.keyword, "as", help), word.to(label))
    if word.text in {"on", "at"} and following and re.match("gpu|cuda|device|cpu", following[0].span.text):
        device = following[0].span
        return Fault(NoFlag(row.keyword, word.text, _device(device.text)), word.to(device))
    if re.fullmatch("[xspdg]", word.text) and following and following[0].span.text in parameters:
        name = following[0].span
        help = f"what is computed stands in braces: {word.text}{{{name.text}}}"
        return Fault(TwoArguments(f"{word.text} {name.text}", help), word.to(name))
    if dims := _spaced(row, written, position):
        last, help = dims
        return Fault(NoFlag(row.keyword, word.text, help), word.to(last))
    help = _apart(row, arguments, written, position, parameters)
    if not help and not free and position == 0 and _in_fork(word):
        help = f"branches are separated by |: {row.keyword} | {word.text}"
    options = [a.field for a in arguments if a.form != "positional"]
    near = closest(word.text, [*parameters, *options])
    if not near and not help and word.text.isupper() and (layer := closest(word.text, table.keywords())):
        help = f"did you mean {layer}? An arrow stands before it: -> {layer}"
    if free and not help and near not in options:
        message = f"there is no parameter {word.text} here, and {row.keyword} has no such flag"
        defined = f"define it: param {word.text} = …" if word.text.isidentifier() and word.text.islower() else ""
        dims = "write its dims: INPUT 28x28x1 for a grey image, INPUT 784 for a vector" if row.role == "input" else ""
        return Fault(Told("unknown-name", message, f"did you mean {near}?" if near else dims or defined), word)
    help = help or (f"did you mean {near}?" if near else takes(row, arguments))
    if len(word.text) == 1 and "without a space" in help:
        return Fault(TwoArguments(f"{word.text} {following[0].span.text}", help), word)
    return Fault(NoFlag(row.keyword, word.text, help), word)


def _apart(
    row: type[Layer], arguments: Sequence[Argument], written: tree.Layer, position: int, parameters: Sequence[str]
) -> str:
    """How to write a name, a tag or a repeat that was taken for a word: `stride 2`, `s 2`, `S2`, `x 3`."""
    word = written.arguments[position].span.text
    before, after = (
        written.arguments[at].span.text if 0 <= at < len(written.arguments) and is_value(written.arguments[at]) else ""
        for at in (position - 1, position + 1)
    )
    letter, digits = word[:1].lower(), word[1:]
    letters = {a.letter for a in arguments if a.form == "tag"} | {"x"}
    if letter in letters and digits.isdecimal():
        return f"write {letter}{digits}, in lower case"
    if letter in letters and not digits:
        if letter == "x" and after.startswith("-"):
            return "a repeat is a whole number from 0"
        if letter == "x" and after and before:
            return f"write {before}x{after} for dims or x{after} for a repeat, without spaces"
        if after.startswith("-"):
            return f"a {_TAGS[letter]} is never negative"
        return f"write {letter}{after}, without a space" if after else f"its number stands right behind {letter}"
    if len(word) > 1 and (named(arguments, word) or elsewhere.slots(word)):
        return _spelling(row, arguments, written, word, after)
    if option := next((a for a in arguments if word.lower() in a.kind.words), None):
        return f"write {option.field}={word.lower()}"
    if word.lower() == "valid":
        return elsewhere.argument("padding", word)
    if _KERNEL.fullmatch(word) and (whole := _whole(row, written)):
        return f"filters and kernel are written by position: {whole}"
    if letter in letters and word[1:] in parameters:
        return f"what is computed stands in braces: {letter}{{{word[1:]}}}"
    return ""


def _spaced(row: type[Layer], written: tree.Layer, position: int) -> tuple[Span, str] | None:
    """Dims with spaces in them, `8 x 8 x 3`, where they are more than two or nothing else makes sense."""
    given = written.arguments
    if not position or given[position].span.text.lower() != "x":
        return None
    sizes = [given[position - 1]]
    while len(sizes) < _MOST and given[position : position + 1] and given[position].span.text.lower() == "x":
        if not (following := given[position + 1 : position + 2]) or not is_value(following[0]):
            break
        sizes += following
        position += 2
    if len(sizes) < 3 and not (row.role == "input" and len(sizes) == 2):
        return None
    return sizes[-1].span, f"dims have no spaces: {'x'.join(one.span.text for one in sizes)}"


def missing_arrow(row: type[Layer], written: tree.Layer, position: int) -> Fault:
    """A layer among the arguments of another."""
    span = written.arguments[position].span
    words = [row.keyword]
    for argument in written.arguments[:_MOST]:
        text = argument.span.text
        bare = isinstance(argument.value, tree.Name) and not argument.tag and argument.key is None
        words += ["->", _keyword(text)] if bare and is_layer(text) else [text]
    missing, branches = "an arrow is missing", ""
    if _in_fork(span):
        missing, branches = "an arrow or a bar is missing", ", or with | between branches"
    return Fault(Told("unknown-option", f"{missing} before {span.text}", f"write {' '.join(words)}{branches}"), span)


def _head(span: Span) -> str:
    """What stands before a place, as far as it may matter."""
    return span.source.text[max(0, span.start - 400) : span.start]


def _in_fork(span: Span) -> bool:
    head = _head(span)
    return head.count("[") > head.count("]")


def _keyword(word: str) -> str:
    foreign = elsewhere.find(word)
    return word if foreign is None or word in table.keywords() else foreign.here


def split(before: tree.Argument, given: tree.Argument) -> Fault:
    """What was meant as one argument: `n-1`."""
    text = f"{before.span.text}{given.span.text}"
    help = f"what is computed stands in braces: {{{text}}}"
    return Fault(Told("invalid-argument", f"{text} is two arguments here", help), before.span.to(given.span))


def twice(what: str, before: Span | None, given: Span) -> Fault:
    """An argument that was given before."""
    related = () if before is None else (Related(before, "the first"),)
    return Fault(Told("extra-argument", f"{what} is given twice", "keep one of them"), given, related=related)


def takes(row: type[Layer], arguments: Sequence[Argument]) -> str:
    """What a layer takes."""
    words = [a.letter or (a.field if a.form in {"flag", "positional"} else f"{a.field}=") for a in arguments]
    return f"{row.keyword} takes {', '.join(words)}" if words else f"{row.keyword} takes no arguments"


def too_many(row: type[Layer], arguments: Sequence[Argument], written: tree.Layer, given: tree.Argument) -> Fault:
    """A value more than there are places for; where one fix is for all such values, all of them."""
    slots = [a for a in arguments if a.form == "positional"]
    given_values = [argument for argument in written.arguments[:_MOST] if is_value(argument)] or [given]
    values = [argument.span.text for argument in given_values]
    last = given_values[-1].span
    fix = _for_all(row, slots, values) if len(written.arguments) <= _MOST and last.end >= given.span.end else ""
    if fix:
        span = given.span.to(last)
        many = span.end > given.span.end
        message = f"{span.text} is {'more' if many else 'one argument more'} than {row.keyword} takes"
        return Fault(Told("extra-argument", message, fix), span)
    help = f"{row.keyword} takes {', '.join(a.field for a in slots) if slots else 'no argument'} by position"
    if given.span.text.isdigit() and any(a.letter == "s" for a in arguments):
        square = f"{values[1]}x{values[2]} or " if len(values) == 3 and values[1] == values[2] else ""
        help += f"; did you mean {square}s{given.span.text}?"
    elif option := next((a for a in arguments if given.span.text.strip('"') in a.kind.words), None):
        help = f"write {option.field}={given.span.text.strip(chr(34))}"
    elif re.fullmatch(r'"[A-Za-z_]\w*"', given.span.text):
        help = _labelled(row, written, given.span.text.strip('"'))
    elif row.role == "activation" and not slots and re.search(r"FC [^>|]*->\s*$", _head(written.span)):
        help = _NOT_SAID
    elif row.role == "activation" and not slots and values[-1].isdigit():
        help += f"; units stand in a layer before it: FC {values[-1]} -> {row.keyword}"
    return Fault(
        Told("extra-argument", f"{given.span.text} is one argument too many for {row.keyword}", help), given.span
    )


def _for_all(row: type[Layer], slots: Sequence[Argument], values: Sequence[str]) -> str:
    """One fix for all values that are too many, or ""."""
    fields = [slot.field for slot in slots]
    foreign = elsewhere.find(row.keyword)
    there = foreign.takes.split() if foreign else []
    if left := _with_channels_in(fields, values):
        return f"{row.keyword} is not told what flows in: write {row.keyword} {left}"
    if len(slots) == 1 and slots[0].kind.many and row.role in {"input", "reshape"} and all(map(str.isdigit, values)):
        return f"dims are joined by x: {row.keyword} {'x'.join(values)}"
    if fields == ["kernel"] and row.role == "convolution" and len(values) == 2:
        return f"{row.keyword} has a filter for each channel: write {row.keyword} {values[1]}"
    if not slots and there[:1] == ["-"] and len(values) == 1:
        return _NOT_SAID
    if not slots and not there and (option := next((a for a in _options(row) if len(values) == 1), None)):
        return f"write {row.keyword} {option.field}={values[0]}"
    if not slots and there and len(values) <= len(there) and all(slot.endswith("=") for slot in there):
        options = " ".join(slot + value for slot, value in zip(there, values, strict=False))
        return f"write {row.keyword} {options}"
    return ""


def _options(row: type[Layer]) -> list[Argument]:
    """The options that a layer takes by name."""
    return [a for a in arguments_of(row) if a.form == "option"]


def _with_channels_in(slots: Sequence[str], values: Sequence[str]) -> str:
    """The arguments that are left where the first says what flows in, as in PyTorch: 64 3 of `3 64 3`; or ""."""
    if slots == ["units"] and len(values) == 2:
        return values[1]
    if slots == ["filters", "kernel"] and len(values) == 3 and all(value.isdigit() for value in values):
        _, filters, kernel = values
        return f"{filters} {kernel}" if int(filters) > int(kernel) and int(filters) > 11 else ""
    return ""


def missing(row: type[Layer], arguments: Sequence[Argument], written: tree.Layer, values: Sequence[str]) -> Fault:
    """Arguments that a layer cannot do without; `values` are the fields that were given."""
    lacking = [a.field for a in arguments if a.required and a.field not in values]
    flags = {a.field for a in arguments if a.form == "flag"}
    places = [one.span.text for one in written.arguments if not one.tag and one.key is None]
    first = [text for text in places if text not in flags]
    others = [one.span.text for one in written.arguments if one.span.text not in first]
    message = f"{row.keyword} needs {' and '.join(lacking)}"
    help = f"write {' '.join((row.keyword, *first, *lacking, *others))}"
    if row.role == "input":
        help = "write its dims: INPUT 28x28x1 for a grey image, INPUT 784 for a vector"
    return Fault(Told("missing-argument", message, help), written.span)


def turned(row: type[Layer], argument: Argument, written: tree.Layer) -> str:
    """The fix where two arguments stand in the other's place: `CONV 3x3 64`; or ""."""
    values = [one.span.text for one in written.arguments[:_MOST] if is_value(one)]
    slots = [a for a in arguments_of(row) if a.form == "positional"]
    if len(slots) != 2 or argument is not slots[0] or not slots[1].kind.per_axis:
        return ""
    if len(values) != 2 or "x" not in values[0] or not values[1].isdigit():
        return ""
    return f"write {row.keyword} {values[1]} {values[0]}: {slots[0].field} first, then {slots[1].field}"
