"""Likely fixes of syntax errors in statements: their headers, their values, and what `expect` claims."""

from __future__ import annotations

import re

from netdsl.text import restated
from netdsl.text.met import LONGEST, Met
from netdsl.text.restated import QUANTITIES


def of_header(met: Met) -> str:
    """What stands between a statement's keyword and its value."""
    if not met.in_header:
        return ""
    dashed = re.match(r"[-.](\w+)", met.rest)
    if dashed and met.expected & {"LPAR", "EQUAL"} and not met.bracket and met.before[-1:].isalnum():
        name = met.near.split()[-1]
        return met.write(f"{name}_{dashed[1]}", f"names have no {met.rest[0]}: write ", name, dashed.group())
    if met.opens == "block":
        return _of_block(met)
    if lower := _in_lower_case(met):
        return lower
    if met.opens == "network" and met.word in {":", "=", "{"}:
        return met.restated(restated.advice("network", met.rest))
    if met.wants("EQUAL"):
        return _equal(met)
    if met.opens == "output":
        return _of_output(met)
    return ""


def _in_lower_case(met: Met) -> str:
    if "NAME" in met.expected and met.kind in {"LAYER", "ODD"} and "LAYER" not in met.expected:
        if met.opens == "output" and met.kind == "LAYER":
            return f"name its element by a label before it, out: {met.word}, and write output out"
        if not met.word.isascii():
            return "names are ASCII"
        return met.write(met.word.lower(), "names are written in lower case: ")
    return ""


def _of_block(met: Met) -> str:
    """The header of a block, up to its `=`."""
    if not met.word and met.before.endswith(")"):
        return f"its chain stands behind =: {met.near} = …"
    if met.before == "block":
        return "a name begins with a letter" if met.word[:1].isdigit() else _in_lower_case(met) or _named(met)
    whole = re.match(r"block\s+(\w+)\s*[(\[<]?([\w\s,=]*?)[)\]>]?\s*(?:=|:|\{|->)\s*(\w.*)", f"{met.near} {met.rest}")
    if met.word in {"[", "<"} or (met.kind in {"NAME", "ODD"} and "LPAR" in met.expected):
        parameters = ", ".join(re.findall(r"[^\s,]+", whole[2])) if whole else ""
        given = f"block {whole[1]}({parameters}) = {whole[3]}" if whole else restated.EXAMPLES["block"]
        words = f"a block's parameters stand in brackets: {given}"
        return met.rewritten(words, met.before, met.rest, given) if whole else words
    if met.word in {"=", ":", "{"} and "(" not in met.before:
        return f"a block's name is followed by its parameters, or by (): {met.near}()"
    if met.word == "{":
        return f"the chain stands behind =, and without braces: {met.near} = …"
    if met.bracket == "(" and met.word == ":":
        return "a parameter has no type, and a default behind =, as in stride=1"
    if met.bracket == "(" and met.word[:1].isdigit():
        return "a parameter is a name, and has its value where the block is called"
    return _equal(met) if met.wants("EQUAL") else _in_lower_case(met)


def _equal(met: Met) -> str:
    """An equal sign in place of another, or where one is missing."""
    if met.word in {":", ":=", "==", "->"}:
        return met.instead("write = in its place", "=" if met.apart else " =")
    return met.instead("put = before it", "= ", "") if met.word else "put = before it"


def _named(met: Met) -> str:
    """A block whose name is behind a sign, in quotes, or missing."""
    if met.rest.startswith("("):
        return f"a block has a name before its parameters: block unit{met.rest}"
    return met.restated(restated.advice("block", met.rest))


def _of_output(met: Met) -> str:
    names = re.findall(r"[a-z_][\w.]*", f"{met.near.removeprefix('output')} {met.rest}")
    if names[:1] in (["train"], ["train_only"]):
        return met.restated(f"write output training {', '.join(names[1:])}")
    if "training" in names[1:]:
        return "write `output training` and its names on a line of their own"
    if names and met.kind in {"NAME", "PATH"} and "COMMA" in met.expected:
        words = f"names are separated by commas: output {', '.join(names)}"
        return met.instead(words, f", {met.word}") if re.fullmatch(r"[\w.]+", met.rest) else words
    return met.restated(f"write output {', '.join(names)}") if names else ""


def of_value(met: Met) -> str:
    """Values that a statement, or what is computed, cannot have."""
    if met.word in {"true", "True", "yes", "on", "false", "False", "no", "off"} and "STRING" in met.expected:
        number = str(int(met.word in {"true", "True", "yes", "on"}))
        return met.instead(f"write {number}: a condition is a number, as in RELU x{{flag}}", number)
    if met.opens in {"meta", "param"} and met.word == "%" and (number := re.search(r"[\d.]+$", met.near)):
        return (
            met.instead(f"a number has no unit: write {number.group()}", "")
            if met.rest == "%"
            else f"a number has no unit: write {number.group()}"
        )
    if met.opens == "meta" and (date := re.search(r"=\s*(\d[\d/-]*)$", met.near)) and re.match(r"[-/]\d", met.rest):
        return met.write(f'"{date[1]}{met.rest}"', "write it in quotes: ", date[1], met.rest)
    if met.opens == "meta" and met.kind in {"NAME", "ODD", "LAYER"} and "STRING" in met.expected:
        return f'strings stand in quotes, "{met.rest[:LONGEST]}", and what is computed in braces'
    if met.word == "=" and re.fullmatch(r"[a-z_]\w*\s*\([^()]*\)", met.before):
        return met.restated(restated.advice("block", f"{met.before} {met.rest}"))
    if met.opens == "param" and met.word == "," and re.fullmatch(r"(,\s*\d+\s*)+", met.rest):
        return f"dims are joined by x: {'x'.join(re.findall('[0-9]+', met.near.rpartition('=')[2] + met.rest))}"
    if met.opens == "param" and not met.word and met.wants("EQUAL"):
        return f"give it a value: {met.near} = …"
    if met.opens == "param" and met.word == ",":
        words, behind = "write each param on a line of its own", re.match(r",\s*(?=[a-z_]\w*\s*=)", met.rest)
        return met.instead(words, "\nparam ", behind.group()) if behind else words
    if met.opens == "param" and met.wants("EQUAL") and re.match(r"\w+\s*=", met.rest):
        return f"a param has no type: param {met.rest}"
    if label := re.fullmatch(r"(\w+)\s*:", met.near):
        if met.kind == "STRING":
            opens = "network" if label[1] in {"name", "title"} else f"meta {label[1]} ="
            return met.write(f"{opens} {met.word}", "write ", met.near)
        if met.kind in {"NUMBER", "SIGNED", "DIMS"}:
            return met.write(f"param {label[1]} = {met.word}", "write ", met.near)
    if met.bracket == "{" and met.word in {"<", ">", "<=", ">=", "==", "=", "!=", "?", "if", "and", "or", "else"}:
        return "numbers are computed with + - * / // % and min, max, floor, ceil, round; nothing compares them"
    if met.bracket == "{" and met.word == "{":
        return "one brace is enough"
    dims = re.search(r"(?:\{[^{}]*\}|\d+)(?:x(?:\{[^{}]*\}|\d+))+$", met.near + met.word)
    if dims and met.word.startswith("x") and "{" in dims.group():
        sizes = re.findall(r"(?<=\{)[^{}]+|\d+", dims.group())
        rule = "dims that are computed stand in one pair of braces: "
        return met.write(f"{{{', '.join(sizes)}}}", rule, dims.group()[: -len(met.word)])
    return ""


def of_claim(met: Met) -> str:
    """What stands in `expect` lines."""
    if met.opens != "expect":
        return ""
    claimed = re.match(r"expect\s+(\w+)\s*[<>=~]", met.before)
    if claimed and claimed[1] not in QUANTITIES and met.kind != "QUANTITY" and met.word in {"%", "is", "to"}:
        return f"there is no quantity {claimed[1]}; claims are about {', '.join(sorted(QUANTITIES))}"
    if met.word.startswith("=") and met.before.endswith("="):
        return met.instead("write one =", "")
    if met.word.startswith("=>") or (met.word == ">" and met.before.endswith("=")):
        return "write >="
    if tail := re.match(r"expect\s+(\w+)\s*([<>=~]+)\s*(\S+)$", met.near):
        if part := re.match(r"of\s+([\w.]+)", met.rest):
            return met.restated(f"write expect {tail[1]} of {part[1]} {tail[2]} {tail[3]}")
        if met.word in {"bytes", "byte"}:
            return met.write(f"{tail[3]}B", "write ", tail[3])
        if met.word == "," and tail[1] == "shape":
            text = "x".join(re.findall(r"[0-9]+", tail[3] + met.rest))
            return met.write(text, "dims are joined by x: ", tail[3], met.rest)
    if pair := re.match(r"expect\s+(\w+)\s+(\w+)$", met.near):
        quantity, part = pair.groups() if pair[1] in QUANTITIES else (pair[2], pair[1])
        if quantity in QUANTITIES and re.match(r"[<>=~]", met.rest):
            return met.restated(f"write expect {quantity} of {part} {met.rest}")
    if "RELATION" in met.expected and met.kind in {"NUMBER", "QUANTITY", "DIMS"}:
        return met.write(f"{met.near} = {met.word}", "write ", met.near)
    if unit := re.fullmatch(r"(\d[\d.]*)([KMGT])i?B", met.word, re.IGNORECASE):
        return met.write(f"{unit[1]}{unit[2].upper()}B", "quantities are decimal, K for a thousand: write ")
    if re.match(r"[a-zA-Z%]+$", met.word) and met.before[-1:].isdigit():
        scaled = re.fullmatch(r"[kmgtKMGT][bB]?", met.word)
        number = re.search(r"[\d.]+$", met.near)
        joined = f"{number.group() if number else ''}{met.word.upper()}"
        rule = "write the unit behind its number, without a space: "
        return met.write(joined, rule, number.group()) if scaled and number else ""
    if number := re.fullmatch(r"(\d[\d.]*)([kmgt]b?)", met.word):
        return met.write(f"{number[1]}{number[2].upper()}")
    if reach := re.match(r"\(\s*([a-z_][\w.]*)\s*\)", met.rest):
        return met.instead(f"a part is named behind `of`: {met.near} of {reach[1]}", f" of {reach[1]}", reach.group())
    if "RELATION" in met.expected and (part := re.match(r"\.(\w+)", met.rest)):
        name = met.near.split()[-1]
        words = f"a part is named behind `of`: expect {part[1]} of {name}"
        return met.rewritten(words, name, part.group(), f"{part[1]} of {name}")
    if "RELATION" in met.expected or "OF" in met.expected or re.match(r"expect\s+\w+\s+(?!of\b)\w+$", met.near):
        return met.restated(restated.advice("expect", f"{met.near} {met.rest}".partition(" ")[2]))
    return ""
