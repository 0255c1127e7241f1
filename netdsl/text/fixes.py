"""Likely fixes of syntax errors, from what the parser met and what stands around it.

They know the habits that people bring from PyTorch, Keras and other languages.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from netdsl.text import chain_fixes, elsewhere, restated, statement_fixes
from netdsl.text.met import LONGEST, Met, repeat
from netdsl.text.tokens import KEYWORDS

_LOOKALIKES = elsewhere.by_word(
    {"→ ⟶ ➔ ⇒": "->", "×": "x", "− – —": "-", "“ ” „": '"', "≤": "<=", "≥": ">=", "≈ ∼": "~"}
    | {"，": ",", "：": ":", "（": "(", "）": ")"}
)


def likely(met: Met) -> str:
    """A fix for what the parser met, or "" where none is likely."""
    return next((help for rule in _RULES if (help := rule(met))), "")


def _of_character(met: Met) -> str:
    """A sign that looks like another, or like nothing."""
    if (dims := re.search(r"(?:\d+[×✕*])*\d+$", met.near)) and (behind := re.match(r"(?:[×✕]\d+)+", met.rest)):
        return met.write(re.sub("[×✕*]", "x", dims.group() + behind.group()), "write ", dims.group(), behind.group())
    batch = re.match(rf"{elsewhere.BATCH}\s*[x×,]?\s*(\d+(?:\s*[x×,]?\s*\d+)*)", met.rest)
    if batch and met.near.endswith("INPUT"):
        sizes = "x".join(re.findall("[0-9]+", batch[1]))
        return met.instead(f"a batch has any size, which is not written: INPUT {sizes}", sizes, batch.group())
    if met.near.endswith("RESHAPE") and (sizes := re.match(r"(?:\d+x)*-1(?:x\d+)*(?!\w)", met.rest)):
        computed = f"{{{', '.join(sizes.group().split('x'))}}}"
        return met.write(computed, "dims that are computed stand in braces: ", behind=sizes.group())
    if met.word in _LOOKALIKES and met.rest[1:2] == ">":
        return met.write("->", behind=met.rest[:2])
    if parameter := re.match(r"\$\{?\s*(\w+)", met.rest):
        whole = re.match(r"\$(?:\{\s*\w+\s*\}|\w+)", met.rest)
        words = f"a parameter stands under its name alone: {parameter[1]}"
        return met.instead(words, parameter[1], whole.group()) if whole else words
    if met.word == "^" and met.before.endswith(")") and (count := re.match(r"\^\s*(\w+)", met.rest)):
        return met.write(repeat(count[1]), "a repeat is written ", behind=count.group())
    if met.word == "^":
        return "a power is written as a product: n * n"
    if _LOOKALIKES.get(met.word) == "-" and met.apart and "ARROW" in met.expected and re.match(r".\s", met.rest):
        return met.write("->")
    if met.word in _LOOKALIKES:
        return met.write(_LOOKALIKES[met.word])
    if met.word in {"'", "`", "‘", "’"}:
        quoted = re.match(r"(['`‘])([^'`’\"]*)['`’]", met.rest)
        rule = "strings stand in double quotes"
        return met.write(f'"{quoted[2]}"', f"{rule}: ", behind=quoted.group()) if quoted else rule
    if met.word and not met.word.isprintable():
        return met.instead("take it away", "")
    if met.word == ";" and met.bracket != "[":
        if re.match(r";\s*(?!INPUT)[A-Z]{2}", met.rest):
            return met.instead("layers are joined by ->", " ->")
        words = "write a new line; statements have no sign at their end"
        return met.instead(words, "\n" if met.rest[1:].strip() else "")
    return ""


def _of_string(met: Met) -> str:
    """Strings that are not closed, badly escaped, or without quotes."""
    if met.word.startswith('"') and met.kind != "STRING":
        closed = len(met.word) > 1 and met.word.endswith('"')
        return 'in a string only \\" and \\\\ are escapes' if closed else "close the string on its line"
    if met.opens == "use" and met.wants("STRING") and met.word:
        return met.restated(restated.advice("use", met.rest))
    if met.wants("STRING") and met.word and met.word not in {":", "="}:
        words = f'write it in quotes: "{met.rest[:LONGEST]}"'
        return words if len(met.rest) > LONGEST else met.instead(words, f'"{met.rest}"', met.rest)
    is_value = "STRING" in met.expected and "LPAR" not in met.expected and not met.takes_argument
    if is_value and met.kind in {"NAME", "ODD", "LAYER", "PATH"}:
        return f'strings stand in quotes, "{met.word}", and what is computed in braces, {{{met.word}}}'
    return ""


def _of_comment(met: Met) -> str:
    """Comments as other languages write them."""
    opens = met.rest.startswith("/*") or re.match(r"//\s*[^\W\d]\w*\s+[^\W\d]", met.rest)
    if not opens and (met.word != "//" or met.before):
        return ""
    return "a comment begins with #" if met.rest.startswith("/*") else met.write("#", "a comment begins with ")


def _of_line(met: Met) -> str:
    """A line that the one before it runs into."""
    if met.fresh_line and met.before[-1:] in {"=", ",", ":"}:
        return f"the line before ends with `{met.before[-1]}`, so that its statement goes on here"
    return ""


def _of_number(met: Met) -> str:
    """Numbers as other languages write them."""
    ahead, behind = re.search(r"[\d,_.]*\d$", met.near), re.match(r"(?:,\d+)+(?![\w.])", met.rest)
    if ahead and behind and met.word == "," and "COMMA" not in met.expected:
        parts = (ahead.group() + behind.group()).split(",")
        if tag := re.search(r"\s([spdg])\d+$", met.near):
            return met.write(f"{tag[1]}{'x'.join(parts)}", "dims are joined by x: ", tag.group()[1:], behind.group())
        if parts[0] == "0":
            return met.write(f"0.{parts[1]}", "write ", ahead.group(), behind.group()) if len(parts) == 2 else ""
        if met.opens in KEYWORDS and met.in_header:
            return met.write("".join(parts), "write ", ahead.group(), behind.group())
        if len(parts) > 2 or re.search(r"(INPUT|RESHAPE|PAD|CROP)\s+\d+$", met.near):
            return met.write("x".join(parts), "dims are joined by x: ", ahead.group(), behind.group())
        if parts[-1] == "000":
            return met.write("".join(parts), "write ", ahead.group(), behind.group())
        layer = re.search(r"([A-Za-z]\w*)\s+[\d,_.]*\d$", met.near)
        written = elsewhere.written(layer[1], parts) if layer else ""
        rule = "arguments are separated by spaces: "
        if layer and written:
            return met.write(written, rule, layer.group(), behind.group())
        return met.write(" ".join(parts), rule, ahead.group(), behind.group())
    if re.fullmatch(r"\d+(?:_\d+)+", met.word):
        return met.write(met.word.replace("_", ""))
    if re.fullmatch(r"\d+([X*×]\d+)+", met.word):
        return met.write(re.sub("[X*×]", "x", met.word))
    if re.fullmatch(r"-?[\d.]+[KMGTkmgt]?B?", met.word) and met.word[-1].isalpha():
        return "quantities such as 35K stand in `expect` and `meta` alone; write the number out"
    if (dot := re.match(r"\.(\d+)", met.rest)) and re.search(r"(^|\s)x\d+$", met.near):
        return "a repeat is a whole number"
    if dot and (tag := re.search(r"\s([spdg])\d+$", met.near)) and not re.search(r"DROP\w*\s+p\d$", met.near):
        return f"what stands behind {tag[1]} is a whole number"
    if dot:
        return met.write(f"0.{dot[1]}", behind=dot.group())
    if met.word == "%" and ahead and not re.match(r"%\s*\w", met.rest):
        if not re.fullmatch(r"\d{1,9}", ahead.group()):
            return ""
        return met.write(f"{float(ahead.group()) / 100:g}", "write ", ahead.group())
    if re.fullmatch(r"\d+x", met.word) and "LAYER" in met.expected:
        repeated = re.match(r"\d+x\s*(\([^()]*\)|[A-Z][^|>()]*?(?=\s*(?:->|$)))", met.rest)
        words = f"a repeat stands behind what it repeats: {repeated[1] if repeated else 'CONV 64 3'} x{met.word[:-1]}"
        return met.rewritten(words, "", repeated.group()) if repeated else words
    if re.match(r"\d+[^\W\d]", met.word) and "LAYER" in met.expected:
        return "a name begins with a letter"
    if unit := re.fullmatch(r"(\d+(?:x\d+)*)(?:px|pixels)", met.word):
        return met.write(unit[1], "a number has no unit: write ")
    if dims := re.match(r"(\d+(?:x\d+)*)x\{([^{}]*)\}", met.rest):
        computed = f"{{{', '.join((*dims[1].split('x'), dims[2].strip()))}}}"
        return met.write(computed, "dims that are computed stand in braces: ", behind=dims.group())
    if re.fullmatch(r"\d+(?:x(?:\d+|[a-z_]+))+", met.word):
        return met.write(f"{{{', '.join(met.word.split('x'))}}}", "dims that are computed stand in braces: ")
    if (product := re.fullmatch(r"(\d+)([a-z_]+)", met.word)) and not (met.opens == "block" and met.in_header):
        computed = f"{product[1]} * {product[2]}"
        if met.bracket == "{":
            return met.write(computed)
        return met.write(f"{{{computed}}}", "what is computed stands in braces: ")
    return ""


def _of_copy(met: Met) -> str:
    """The name for the number of a copy, without its `as` or in braces."""
    if "AS" in met.expected and met.kind == "NAME" and re.search(rf"(?<![\w.]){met.word}(?!\w)", met.near):
        return met.write(f"as {met.word}", "`as` gives the number of a copy a name: ")
    if re.search(r"\sas$", met.near) and (braces := re.match(r"\{\s*([a-z_]\w*)\s*\}", met.rest)):
        return met.write(braces[1], behind=braces.group())
    numbered = re.search(r"\sx(?:\d+|\{[^{}]*\})\s+as\s+\w+$", met.near)
    return (
        "a copy has one number, whose name may stand in braces: {i - 1}" if numbered and met.word in {",", "="} else ""
    )


def _of_numbering(met: Met) -> str:
    """A repeat whose copies are numbered in other words: `x3 for i`."""
    if turned := re.match(r"as\s+([a-z_]\w*)\s+(x(?:\d+|\{[^{}]*\}))", met.rest):
        return met.write(f"{turned[2]} as {turned[1]}", "the count stands first: ", behind=turned.group())
    named = re.match(r"(?:for|with|using|over|[:=])\s*([a-z_]\w*)\b", met.rest)
    if named is None or "ARROW" not in met.expected or not re.search(r"[\s)]x(?:\d+|\{[^{}]*\})\s*$", met.near):
        return ""
    return met.write(f"as {named[1]}", "the number of a copy is named by `as`: ", behind=named.group())


def _of_comma(met: Met) -> str:
    """A comma that is missing, or behind which nothing stands."""
    if met.word in {")", "}"} and met.before.endswith(","):
        return met.instead("take the comma before it away", "", "", ",")
    if met.word == "," and met.rest == "," and not met.bracket:
        return met.instead("take it away", "")
    separates = "COMMA" in met.expected and met.bracket in {"(", "{"}
    return "values are separated by commas" if separates and re.match(r'[\w"]', met.word) else ""


def _of_keyword(met: Met) -> str:
    """A statement's keyword where a name should be, and what a statement looks like."""
    if met.word in KEYWORDS and met.before:
        return f"`{met.word}` opens a statement, and is no name; choose another"
    if met.in_header and not met.bracket:
        return met.restated(restated.advice(met.opens, f"{met.before} {met.rest}".removeprefix(met.opens)))
    return ""


_RULES: tuple[Callable[[Met], str], ...] = (
    chain_fixes.of_python,
    _of_copy,
    _of_character,
    _of_comment,
    _of_line,
    statement_fixes.of_value,
    _of_string,
    _of_numbering,
    chain_fixes.of_arrow,
    statement_fixes.of_claim,
    _of_number,
    chain_fixes.of_bracket,
    _of_comma,
    statement_fixes.of_header,
    chain_fixes.of_argument,
    _of_keyword,
)
"""Asked in this order; the first that knows a fix gives it."""
