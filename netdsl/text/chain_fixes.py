"""Likely fixes of syntax errors in chains: arrows, brackets, arguments, and what is written as in Python."""

from __future__ import annotations

import re

from netdsl.text import absent, elsewhere
from netdsl.text.met import ELEMENT, Met, repeat
from netdsl.text.slots import slots
from netdsl.text.tokens import KEYWORDS

_OPERATORS = {"+", "-", "*", "/", "//", "%"}
_MERGES, _FUNCTIONS = {"+": "ADD", "*": "MUL", "-": "SUB"}, {"min", "max", "floor", "ceil", "round"}
_NAME = r"[a-z_]\w*"
_INSIDE = r"(?:[^()]|\((?:[^()]|\([^()]*\))*\))*"
_CLOSED = r"\([^()]*\)|\{[^{}]*\}"
_ARGUMENTS = re.compile(rf"(?:{_CLOSED}|(?!->)[^|\])#])*")
_CALL = re.compile(rf"(?s)(?:[A-Za-z_]\w*\.)*(?P<layer>[A-Za-z]\w*)\s*(?:\((?P<inside>{_INSIDE})\))?(?P<behind>.*)")
"""A call as in Python: `nn.Conv2d(3, 64, kernel_size=(3, 3))`."""


# Python, Keras, papers


def of_python(met: Met) -> str:
    """Layers as they are made in Python, and the options of such calls."""
    head = next(re.finditer(r"[\w.]*$", met.near))
    in_quotes = re.match(r"(['\"`])(\w+)\1?", met.rest)
    if in_quotes and (option := re.search(r"(\w+)\s*=$", met.near)):
        if told := elsewhere.argument(option[1], in_quotes[2]):
            return met.rewritten(told, option.group(), in_quotes.group())
        words = f"write {option[1]}={in_quotes[2]}, without quotes"
        return met.instead(words, in_quotes[2], in_quotes.group()) if in_quotes.group()[-1] == in_quotes[1] else words
    if re.match(r"\.[A-Za-z]", met.rest):
        words = _call(head.group() + met.rest, met)
        made = re.match(rf"[.\w]+(?:\({_INSIDE}\))+", met.rest)
        whole = made.group() if made and words.startswith("write ") else ""
        return met.rewritten(words, head.group(), whole, certain=_WITHIN not in words) if whole else words
    if met.word == "=" and met.opens not in KEYWORDS and (made := re.match(r"=\s*([\w.]+\s*\(.*)", met.rest)):
        label = re.fullmatch(r"(?:\w+\.)*(\w+)", met.near)
        layer = _call(made[1], met).removeprefix("write ")
        if label and re.match("[A-Z]", layer):
            return f"a label ends with a colon: {label[1].lower()}: {layer}"
        return "layers are joined by ->, without variables: INPUT 28x28x1 -> CONV 6 5 -> RELU"
    if met.bracket == "(" and re.match(r"[A-Z]\w*\(", met.rest):
        return _call(met.rest, met)
    if met.bracket == "(" and re.search(r"\b(view|reshape|flatten)\([^()]*$", met.near):
        return "write FLATTEN" if "-1" in met.rest else elsewhere.RESHAPED
    if met.bracket == "(" and met.kind in {"LAYER", "FORK"} and re.search(rf"{_NAME}\s*\($", met.near):
        return (
            _square(met.rest)
            if "|" in met.rest.partition(")")[0]
            else "a block is given values and names; layers stand in its own chain"
        )
    return ""


def _call(text: str, met: Met) -> str:
    """A layer that is made by a call in Python, as it is written here; "" where that is not clear."""
    match = _CALL.match(text)
    foreign = None if match is None else elsewhere.find(match["layer"])
    if match is None or foreign is None:
        return absent.instead(match["layer"]) if match else ""
    if merge := re.search(r"-> ([A-Z]+)$", foreign.here):
        return _merge(merge[1], f"{match['inside']} {match['behind']}".partition("->")[0], met)
    arguments = elsewhere.parts(match["inside"] or "")
    word = f"F.{match['layer']}" if text.startswith(("F.", "torch.", "tf.")) else match["layer"]
    return f"write {elsewhere.called(word, arguments) or foreign.here}"


def _merge(keyword: str, inside: str, met: Met) -> str:
    """A merge of the names in some text, or of one of them and what flows in."""
    if re.search(r"\]\s*->\s*[\w.]*$", met.near):
        return f"write {keyword}"
    layers = elsewhere.parts(inside) if re.search(r"[A-Z]{2}", inside) else []
    names = layers or re.findall(rf"(?<![\w.=]){_NAME}(?![\w=])", inside)
    if len(names) < 2:
        names = [*(names or ["a"]), "SKIP" if "->" in met.before else "b"]
    return f"a merge takes what a fork gives: [ {' | '.join(names)} ] -> {keyword}"


# Arrows


def of_arrow(met: Met) -> str:
    """What arrows lead from and to."""
    if not met.word and met.before.endswith("->"):
        return "name the next layer, or take the arrow away"
    if met.word == "->" and met.before.endswith("->"):
        return "name a layer between the two arrows, or take one away"
    if met.word == "->" and "LAYER" in met.expected and not met.before:
        return "a chain starts with INPUT and its dims, such as INPUT 224x224x3, or with the name of something earlier"
    pipes = met.rest.startswith("|>") or (met.word == "|" and not met.bracket and "]" not in met.rest)
    if pipes and re.search(r"\b(?:SKIP|ADD|SUB|MUL|CONCAT)\b", met.rest):
        return "branches stand in square brackets: [ … | … ] -> ADD"
    arrow = re.match(r"=+>|-[-\s]*>|~?>|\|>?", met.rest)
    if pipes or ("ARROW" in met.expected and arrow and arrow.group() != "|" and met.word != "->"):
        return met.instead("layers are joined by ->", "->", arrow.group() if arrow else None)
    if met.before.endswith("->") and met.kind in {"NUMBER", "DIMS", "SIGNED", "STRING"}:
        if label := re.match(r'"(\w+)"\s*:', met.rest):
            return met.write(f"{label[1].lower()}:", "a label stands without quotes: ", behind=label.group())
        if told := re.search(r"([A-Z]\w*)\s+\d+\s*->$", met.near):
            behind = met.rest.partition("->")[0].rstrip()
            return met.write(f"{told[1]} {behind}", "a layer is not told what flows in: ", told.group(), behind)
        return _repeat_before(met) or _in_words(met) or "an argument stands behind its layer, without an arrow"
    if (count := re.fullmatch(r"x([a-z_]\w*)", met.word)) and "REPEAT" in met.expected and not met.takes_argument:
        return met.write(f"x{{{count[1]}}}", "what is computed stands in braces: ")
    times = re.match(r"(?:x|times|repeat(?:ed)?|by)\s+(\w+)", met.rest)
    if times and "REPEAT" in met.expected and not met.takes_argument:
        return met.write(repeat(times[1]), "a repeat is written ", behind=times.group())
    begins = met.kind in {"LAYER", "ODD", "NAME", "PATH", "FORK"} or met.word == "("
    if begins and "ARROW" in met.expected and not met.takes_argument and re.search(r"[\])]|[x@]\d+$", met.near[-6:]):
        missing = "an arrow or a bar is missing" if met.bracket == "[" else "an arrow is missing"
        words = f"{missing} before it: -> {met.word}"
        return f"{words}, or | {met.word}" if met.bracket == "[" else met.instead(words, "-> ", "")
    return ""


def _repeat_before(met: Met) -> str:
    """A repeat in front, as in `3x (CONV 8 3 -> RELU)`."""
    match = re.match(rf"(\d+)\s*[x×*]\s*({ELEMENT})", met.rest)
    rule = "a repeat stands behind what it repeats: "
    return met.write(f"{match[2]} x{match[1]}", rule, behind=match.group()) if match else ""


def _in_words(met: Met) -> str:
    """A layer as papers write it: `3x3 conv, 64`, `7x7 conv, 64, /2`."""
    match = re.match(r"(\d+(?:x\d+)*)\s+([A-Za-z]\w*)(?:[\s,]+(\d+))?(?:[\s,]+/(\d+))?", met.rest)
    if match is None:
        return ""
    size, layer, count, stride = match.groups()
    arguments = [f"kernel={size}", *([count] if count else []), *([f"s{stride}"] if stride else [])]
    written = elsewhere.written(layer, arguments)
    return met.write(written, "arguments stand behind their layer: ", behind=match.group()) if written else ""


def of_bracket(met: Met) -> str:
    """Brackets and what stands between the branches of a fork."""
    call = re.search(rf"(?:->|[|\[(:]|^)\s*({_NAME})$", met.near)
    if call and (inside := re.match(r"\[([^\]|]*)\]|<([^>]*)>", met.rest)):
        given = f"({inside[1] or inside[2] or ''})"
        return met.instead(f"a block is called with round brackets: {call[1]}{given}", given, inside.group())
    if met.kind in {"REPEAT", "REPEAT_BRACE"} and re.search(r"\sx\d+$", met.near):
        return "an element has one repeat; put it in parentheses, and repeat those"
    if met.kind in {"VBAR", "JOIN"} and "LAYER" in met.expected and met.bracket == "[":
        words = "a branch is never empty; write SKIP to pass on what flows in"
        return words if met.kind == "JOIN" and met.before.endswith("[") else met.instead(words, "SKIP ", "")
    if met.kind == "FORK" and met.before.endswith(":"):
        return "a fork has no label; label the merge layer behind it"
    if met.kind in {"REPEAT", "REPEAT_BRACE"} and met.before.endswith("]"):
        return "a fork has no repeat; put the fork and its merge layer in parentheses and repeat those"
    if met.kind in {"REPEAT", "REPEAT_BRACE"} and re.search(r"@\d+$", met.near):
        return "the repeat stands before the device"
    if met.kind == "VBAR" and met.bracket != "[":
        within = met.near.rpartition("(")[2]
        words = _square(within + met.rest) if met.bracket == "(" else _square("")
        closed = met.bracket == "(" and re.match(r"[^(){}\[\]]*\)", met.rest)
        if not closed or re.search(r"[\])}]", within):
            return words
        return met.rewritten(words, f"({within}", closed.group(), f"[ {within.strip()} {closed.group()[:-1].strip()} ]")
    if met.word == "{" and "LAYER" in met.expected and re.match(r"\{[^}]*\|", met.rest):
        words, closed = _square(met.rest[1:]), re.match(r"\{([^{}]*)\}", met.rest)
        return met.instead(words, f"[ {closed[1].strip()} ]", closed.group()) if closed else words
    if met.bracket == "[" and met.word in {";", "/", "&"} and not re.match(r"/\s*\d", met.rest):
        return _comma(met)
    if met.word in {")", "]", "}"}:
        opening = {")": "(", "]": "[", "}": "{"}[met.word]
        if not met.bracket:
            return f"no `{opening}` stands before it; open one, or take this away"
        if met.bracket != opening:
            return f"the `{met.bracket}` before it is still open"
    return ""


def _square(text: str) -> str:
    """A fork in other brackets, from behind its opening one."""
    match = re.match(r"([^)}\]]*\|[^)}\]]*)[)}\]](?:\s*->\s*([A-Z]+))?", text)
    branches, merge = (match[1].split("|"), match[2] or "CONCAT") if match else (["a", "b"], "ADD")
    return f"branches stand in square brackets: [ {' | '.join(map(str.strip, branches))} ] -> {merge}"


def of_argument(met: Met) -> str:
    """What is written among the arguments of a layer, or in their place."""
    layer = re.search(r"(?:->|[|\[(:]|^|=)\s*([^\W\d]\w*)$", met.near)
    if met.word == "," and met.bracket != "(":
        return _comma(met)
    if met.word in {"(", "["} and "DIMS" in met.expected:
        alone = met.apart and re.match(r"\([^(),]*\)\s*[^\s>|-]", met.rest)  # CONV (n) 3
        return _in_brackets(met, "" if layer is None or alone else layer[1])
    if met.word == "{" and "LAYER" in met.expected:
        return "braces hold what is computed; a chain stands without them, or as a group in ( )"
    if met.word in _OPERATORS and (met.bracket != "{" or met.before.endswith("*")):
        return _operator(met)
    if met.word == "." and layer:
        return "a layer stands under its own name alone, without a module's"
    if met.word == "=" and layer:
        return _equal(met, layer[1])
    if met.word == ":":
        return _colon(met, "" if layer is None else layer[1])
    if met.word == "@":
        number = re.search(r"\d+", met.rest[:12])
        words = f"a device is a number right behind the sign: @{number.group() if number else 0}"
        named = re.match(r"@\s*(?:cuda|gpu):?\s*(\d+)(?!\w)", met.rest)
        return met.instead(words, f"@{named[1]}", named.group()) if named else words
    return ""


def _equal(met: Met, name: str) -> str:
    """`name = value` where a label, or a param's statement, is meant."""
    if met.before == name and name in KEYWORDS:
        return ""
    if met.before == name and len(name) > 1 and (meant := slots(name)):
        return _section_line(name, meant[0], met.rest[1:].strip())
    if met.before == name and re.match(r"=\s*[-\d\"{]", met.rest):
        words = f"write param {name} = {met.rest[1:].strip()}"
        return met.rewritten(words, name, met.rest) if name.islower() else words
    layer = re.match(r"=\s*([A-Za-z][^|>\]]*?)\s*(?:->|$|[|\]])", met.rest)
    words = f"a label ends with a colon: {name.lower()}: {layer[1] if layer else 'CONV 64 3'}"
    return met.rewritten(words, name, "=", f"{name.lower()}:")


def _section_line(name: str, slot: str, value: str) -> str:
    """A line of Darknet's: an argument and its value."""
    placed = {"count": f"CONV {value} kernel", "size": f"CONV filters {value}"}.get(slot, "")
    written = placed or elsewhere.argument(name, value)
    if placed or slot in {*"spdg"}:
        return f"an argument stands behind its layer: {written.removeprefix('write ')}"
    return written or "an argument stands behind its layer"


def _comma(met: Met) -> str:
    """A comma where spaces, bars, arrows or an x stand here."""
    if met.bracket == "[":
        fork = re.search(r"[^\[]*$", met.near)
        inside = f"{fork.group() if fork else ''}{met.rest.partition(']')[0]}"
        branches = [part.strip() for part in re.split("[,;/&]+", inside)]
        if not all(branches):
            return "branches are separated by |"
        words = f"branches are separated by |: [ {' | '.join(branches)} ]"
        if fork is None or "]" not in met.rest or re.search(r"[\[\]]", inside):
            return words
        return met.rewritten(words, f"[{fork.group()}", f"{met.rest.partition(']')[0]}]")
    if re.match(r",\s*[A-Z]", met.rest):
        return met.instead("layers are joined by ->", " ->")
    layer = re.search(r"([A-Za-z]\w*)((?:\s+[^\s|>\[(]+)+)$", met.near)
    behind = found.group() if (found := _ARGUMENTS.match(met.rest)) else ""
    if layer and (foreign := elsewhere.find(layer[1])):
        arguments = re.findall(rf"(?:{_CLOSED}|[^\s,])+", layer[2] + behind)
        if merge := re.search(r"-> ([A-Z]+)$", foreign.here):
            return _merge(merge[1], " ".join(arguments), met)
        if foreign.takes == "dims" and all(map(str.isdigit, arguments)):
            return met.rewritten(
                f"dims are joined by x: {layer[1]} {'x'.join(arguments)}", layer.group(), behind.rstrip()
            )
        if written := elsewhere.written(layer[1], arguments):
            words, sizes = f"arguments are separated by spaces: {written}", r"\d\s+\d+,\s*\d+\s*$"  # `4 3, 5`: or 4 3x5
            return met.rewritten(words, layer.group(), behind.rstrip(), "", not re.search(sizes, met.near + behind))
    return "arguments are separated by spaces"


def _colon(met: Met, label: str) -> str:
    """A colon behind what is no label, or behind a label whose arrow is missing."""
    if not label and (name := re.search(rf"\s({_NAME})$", met.near)):
        words = f"an arrow is missing before it: -> {name[1]}: …"
        return met.rewritten(words, name[1], ":", f"-> {name[1]}:")
    if path := re.search(r"(\w+(?:\.\w+)+)$", met.near):
        return met.write(f"{path[1].replace('.', '_').lower()}:", "a label has no dots: ", path.group())
    if label.isupper() and (arguments := re.match(r":\s*(\d[^\s>|]*)", met.rest)):
        return met.instead(f"arguments stand right behind a layer: {label} {arguments[1]}", "")
    if met.bracket == "(" and (value := re.match(r":\s*(\w+)", met.rest)):
        words = f"an argument is given by its name with =: {label or met.near.split()[-1]}={value[1]}"
        return met.instead(words, f"={value[1]}", value.group())
    name = label.lower() if re.fullmatch(r"\w+", label, re.ASCII) else "stem"
    element = re.match(r":\s*([A-Z][^|>\[\](){}:-]*[^|>\[\](){}:\s-])", met.rest)
    return f"a label is one word in lower case, before its element: {name}: {element[1] if element else 'CONV 64 3'}"


def _in_brackets(met: Met, layer: str) -> str:
    """Arguments in brackets, perhaps right behind the name of a layer."""
    match = re.match(r"[\[(]((?:[^\[\]()]|[\[(][^\[\]()]*[\])])*)[\])]", met.rest)
    inside = "" if match is None else match[1].strip().rstrip(",")
    parts = elsewhere.parts(inside)
    option = re.search(r"(\w+)\s*=$", met.near)
    if match and option and (fix := elsewhere.argument(option[1], match.group())):
        return met.rewritten(fix, option.group(), match.group())
    if times := re.search(r"\brepeat(?:ed)?\s+(\w+)$", met.near, re.IGNORECASE):
        return f"a repeat stands behind what it repeats: ({inside}) {repeat(times[1])}"
    if re.fullmatch(r"x\d+", inside):
        return met.write(inside, "a repeat stands without brackets: ", behind=match.group()) if match else ""
    if function := re.search(rf"\s(?![spdg]\d)({_NAME})$", met.near) if not layer else None:
        if function[1] in {"x", "s", "p", "d", "g"}:
            words = f"what is computed stands in braces: {function[1]}{{{inside}}}"
            return met.rewritten(words, function[1], match.group()) if match else words
        if function[1] in _FUNCTIONS:
            words = f"what is computed stands in braces: {{{function[1]}({inside})}}"
            return met.rewritten(words, function[1], match.group()) if match else words
        words = f"an arrow is missing before it: -> {function[1]}({inside})"
        return met.rewritten(words, function[1], match.group()) if match else words
    foreign = elsewhere.find(layer) if layer else None
    sizes = parts[1:] if len(parts) > 1 and re.fullmatch(r"None|N|B|batch|batch_size|-1", parts[0]) else parts
    if (
        len(sizes) > 1
        and all(part.isdecimal() for part in sizes)
        and (not layer or (foreign and foreign.takes == "dims"))
    ):
        words = f"dims are joined by x: {'x'.join(sizes)}"
        return met.rewritten(words, layer, match.group(), f"{layer} {'x'.join(sizes)}".strip()) if match else words
    merge = re.search(r"-> ([A-Z]+)$", foreign.here) if foreign else None
    if met.word == "[" and not (match and parts and parts[0].isdecimal()):
        if merge and match and "|" in inside:
            words = f"a fork stands before its merge: [ {inside} ] -> {merge[1]}"
            return met.rewritten(words, layer, match.group())
        return f"a fork stands behind an arrow: -> [ {inside or 'a | b'} ] -> {merge[1] if merge else 'ADD'}"
    if merge:
        words = _merge(merge[1], inside or met.rest.partition("->")[0], met)
        return met.rewritten(words, layer, match.group()) if match and parts and words.startswith("a merge") else words
    if len(parts) > 1 and not layer.isupper() and all(re.fullmatch(_NAME, part) for part in parts):
        return f"a layer takes what flows in, and a merge what a fork gives: [ {' | '.join(parts)} ] -> {layer}"
    if re.fullmatch(r"\w+\s*(?:[-+*/%]|//)\s*\w+", inside) and not foreign:
        words = f"what is computed stands in braces: {{{inside}}}"
        return met.rewritten(words, layer, match.group(), f"{layer} {{{inside}}}".strip()) if match else words
    if layer:
        words = _without_brackets(layer, parts)
        clear = match and re.fullmatch(rf"{_NO_BRACKETS}: (?!.* or )[^;]*", words)
        return met.rewritten(words, layer, match.group(), "", _WITHIN not in words) if match and clear else words
    if not inside:
        return "what is computed stands in braces: {2 * n}"
    words = f"it stands without brackets: {inside}"
    return met.rewritten(words, "", match.group()) if match else words


_NO_BRACKETS, _WITHIN = "arguments stand behind a layer, without brackets or commas", "-> DROPOUT"  # which was within


def _without_brackets(layer: str, parts: list[str]) -> str:
    foreign = elsewhere.find(layer)
    if instead := absent.instead(layer):
        return instead
    if written := elsewhere.written(layer, parts):
        return f"{_NO_BRACKETS}: {written}"
    if foreign and foreign.here != layer:
        return f"{_NO_BRACKETS}; it is called {foreign.here} here"
    if not layer.isupper():
        call = f"{layer.lower()}({', '.join(parts)})"
        return f"`netdsl layers` lists the layers, and none is called so; a block is called in lower case: {call}"
    call = "" if foreign else f"; a block is called in lower case: {layer.lower()}({', '.join(parts)})"
    return f"{_NO_BRACKETS}: {' '.join((layer, *parts))}{call}"


def _operator(met: Met) -> str:
    """An operator outside braces."""
    comment = "a comment begins with #; " if met.word == "//" else ""
    left, right = re.search(r"[\w.]+$", met.near), re.match(r"(//|[-+*/%])\s*([\w.]+)", met.rest)
    if right and right[1] in _MERGES and (right[2] == "SKIP" or (right[1] == "*" and re.match("[A-Z]", right[2]))):
        return f"what flows is merged by a layer: [ … | {right[2]} ] -> {_MERGES[right[1]]}"
    behind = met.before.endswith(")") or (met.apart and re.match(r"\*\w", met.rest) and met.takes_argument)
    if met.word == "*" and behind:
        rule = "a repeat is written "
        return met.write(repeat(right[2]), rule, behind=right.group()) if right else f"{rule}x and its number"
    if not met.before:
        return "take it away: a line starts with a layer, a name or a keyword"
    if met.word == "*" and (met.before.endswith("*") or met.rest.startswith("**")):
        return "a power is written as a product: n * n"
    if met.word == "*" and re.search(r"\s[spdg]\d[\dx]*$", met.near) and right and right[2].isdigit():
        return met.write(f"x{right[2]}", "a repeat is written ", behind=right.group())
    if met.word == "%" and left and left.group()[:1].isupper() and right:
        return f"a parameter stands under its name alone: {right[2]}"
    if right and re.match("[A-Z]", right[2]):
        words, again = "layers are joined by ->, also those that papers join by ", rf"\b{right[2]}\b[^>|\[\](]*$"
        return met.instead(words + right[1], "->", certain=not re.search(again, met.near))  # CONV + CONV may be a sum
    if re.search(r"\](?:\s*->)?$", met.near) and met.word in _MERGES:
        return f"branches are merged by a layer: ] -> {_MERGES[met.word]}"
    if not (left and right):
        return "what is computed stands in braces: {2 * n}"
    names = re.search(rf"(?:->|[|\[(=]|^)\s*({_NAME})$", met.near)
    if names and (call := re.match(r"-(\w+\(.*?\))", met.rest)):
        words = f"names have no -: write {names[1]}_{call[1]}"
        return met.rewritten(words, names[1], call.group())
    if names and right[1] in _MERGES and re.fullmatch(_NAME, right[2]):
        words = f"what flows is merged by a layer: [ {names[1]} | {right[2]} ] -> {_MERGES[right[1]]}"
        return met.rewritten(words, names[1], right.group())
    computed = f"{left.group()} {right[1]} {right[2]}"
    if tag := re.fullmatch(r"([spdg])\d+", left.group()):
        return f"what stands behind {tag[1]} is a whole number, or computed, as in {tag[1]}{{k // 2}}"
    if met.word == "/" and met.takes_argument and re.match(r"/\d", met.rest):
        words = f"write s{right[2]} for a stride of {right[2]}"
        if "x" not in left.group():
            return f"{words}, or {{{computed}}} for the quotient"
        return met.instead(words, f"{'' if met.apart else ' '}s{right[2]}", right.group())
    product = re.match(r"(?:\s*\*\s*\d+)+", met.rest)
    if product and left.group().isdigit() and met.takes_argument:
        factors = [left.group(), *re.findall(r"\d+", product.group())]
        return f"write {'x'.join(factors)} for dims, or {{{' * '.join(factors)}}} for the product"
    words = f"{comment}what is computed stands in braces: {{{computed}}}"
    if comment or met.bracket or re.search(r"[-+*/%{]\s*$", met.near.removesuffix(left.group())):
        return words
    goes_on = re.match(r"\s*[-+*/%(.]", met.rest[right.end() :])
    return words if goes_on else met.rewritten(words, left.group(), right.group())
