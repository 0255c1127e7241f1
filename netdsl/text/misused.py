"""Names at fault for what stands behind them: no keyword, no layer, no call, or the first of two branches."""

from __future__ import annotations

import re

from netdsl.text import elsewhere, mistakes
from netdsl.text.advice import Advice, write
from netdsl.text.diagnostic import Diagnostic
from netdsl.text.met import ELEMENT, Met, shown
from netdsl.text.restated import EXAMPLES, advice, restated
from netdsl.text.source import Span
from netdsl.text.suggest import closest
from netdsl.text.tokens import KEYWORDS

_FOREIGN = elsewhere.by_word(
    {
        "assert": "expect",
        "class def fn func function": "block",
        "const constant let var parameter hyperparameter": "param",
        "import from include require": "use",
        "model net name title": "network",
        "return": "output",
    }
)
"""The words of other languages for what a statement does."""

_PYTHON = re.compile(r"(from|import)\s+(torch|tensorflow|keras|numpy|jax)")
_ADVICE = elsewhere.by_word(
    {
        "for": "a repeat stands behind what it repeats, and may number its copies: CONV {16*i} 3 p1 x3 as i",
        "while": "a repeat stands behind what it repeats: CONV 64 3 p1 x3",
        "if": "a condition is a repeat of one or none: RELU x{flag}",
        "else": "a condition is a repeat of one or none: RELU x{1 - flag}",
        "layer layers": "layers are joined by ->, as in INPUT 28x28x1 -> conv1: CONV 6 5 -> RELU",
    }
)
"""What there is in place of statements that the language does not have."""

_REST = re.compile(r'(?:"[^"]*"|\{[^}]*\}|-?[\w.]+(?:=[\w.]+)?|[ \t])+')
"""Words behind a name, up to an arrow, a bar or a bracket."""


def find(met: Met, statement: Span, at: Span) -> Diagnostic | None:
    """A mistake in the name before what the parser met `at` a place, or None where that name is not to blame."""
    name = re.search(r"(?:->|[|\[(:]|^)\s*([a-z_]\w*)$", met.near)
    begins = "ARROW" in met.expected and "LPAR" in met.expected  # an element may begin with that name
    if name is None or not begins or not re.match(r'[\w{"]|-\d', met.word):
        return None
    word = name[1]
    if met.before == word and word in KEYWORDS:
        return None
    end = statement.start + len(met.before)
    span = Span(statement.source, end - len(word), end)
    if met.before == word and (help := _of_statement(word, met.rest, statement, span)):
        return Diagnostic(mistakes.NoStatement(shown(word), help), span)
    if re.fullmatch(r"x\d+", word):
        repeated = re.match(r"[A-Z][^|>\[\](){}-]*[^|>\[\](){}\s-]", met.rest)
        rule = "a repeat stands behind what it repeats: "
        help = f"{rule}CONV 64 3 {word}"
        if repeated:
            stretch = _on(span, at, repeated)
            text = f"{repeated.group()} x{{{word[1:]}}}"  # which is no kernel
            help = Advice(f"{rule}{repeated.group()} {word}", text, stretch.start, stretch.end)
        return Diagnostic(mistakes.NothingRepeated(shown(word), help), span)
    if met.word == "x" and (behind := re.match(rf"x\s*({ELEMENT})", met.rest)):
        help = write(f"{behind[1]} x{{{word}}}", _on(span, at, behind), "a repeat stands behind what it repeats: ")
        return Diagnostic(mistakes.RepeatInFront(shown(word), help), span)
    if label := re.match(r"([-\w]+)\s*:", met.rest):
        name = re.sub(r"\W+", "_", f"{word}_{label[1].lstrip('-')}").lower()
        help = write(f"{name}:", _on(span, at, label))
        return Diagnostic(mistakes.LongLabel(help), span)
    if word in {"call", "apply", "block", "use"} and (call := re.match(r"\w+\(.*?\)", met.rest)):
        help = write(call.group(), _on(span, at, call))
        return Diagnostic(mistakes.NoLayer(shown(word), help), span)
    told = _REST.match(met.rest.partition("->")[0])
    behind = told.group().split() if told else []
    stretch = span if told is None else Span(span.source, span.start, at.start + len(told.group().rstrip()))
    if _is_block(word, statement):
        help = write(_call(word, behind), stretch, "to call the block, write ")
        return Diagnostic(mistakes.BareArguments(shown(word), help), span)
    if met.kind in {"NAME", "PATH"} and all(re.fullmatch(r"[a-z_][\w.]*", one) for one in behind) and _ends(met.rest):
        return _names(met, at, word, behind)
    if met.kind in {"LAYER", "ODD"}:
        joint = "|" if met.word == "SKIP" and met.bracket == "[" else "->"
        help = Advice(f"write {word} {joint} {met.word}", f"{joint} ", at.start, at.start, certain=met.bracket != "[")
        what = "an arrow or a bar" if met.bracket == "[" else "an arrow"
        return Diagnostic(mistakes.MissingArrow(what, shown(met.word), help), at)
    foreign = elsewhere.find(word)
    here = elsewhere.written(word, behind) or ("" if foreign is None or word.upper() in foreign.here else foreign.here)
    help = write(here or " ".join((word.upper(), *behind)), stretch, "layers are written in capitals: ")
    if here.startswith("["):
        help = f"a merge takes what a fork gives: {here}"
    elif " or " in here:
        help = str(help)
    if foreign is None:
        help += f"; a block is called with brackets: {_call(word, behind)}"
    return Diagnostic(mistakes.NameWithArguments(shown(word), help), span)


def _of_statement(word: str, rest: str, statement: Span, span: Span) -> str:
    """What a word may mean that begins a statement."""
    if word in _ADVICE:
        return _ADVICE[word]
    if _PYTHON.match(f"{word} {rest}"):
        return write("", statement, "nothing of Python is needed here; take the line away")
    keyword = _FOREIGN.get(word) or _misspelt(word, rest)
    called = keyword == "param" and re.match(r"\w+\s*\(", rest)  # let f(n) = …
    return _restated("block" if called else keyword, rest, span) if keyword else ""


def _on(span: Span, at: Span, match: re.Match[str]) -> Span:
    """From a name up to the end of what was found in the text behind it."""
    return Span(span.source, span.start, at.start + match.end())


def _restated(keyword: str, rest: str, word: Span) -> str:
    """The statement that is meant by a word and the rest of its line."""
    text, source = restated(keyword, rest), word.source.text
    end = source.find("\n", word.end)
    whole = Span(word.source, word.start, len(source) if end < 0 else end)
    alone = whole.text.split() == [word.text, *rest.split()]
    return write(text, whole) if text and alone and "…" not in text else advice(keyword, rest)


def _ends(rest: str) -> bool:
    """Whether nothing but an arrow or a closing bracket follows the words at hand."""
    match = _REST.match(rest)
    return match is not None and re.match(r"$|->|[\]|]", rest[match.end() :]) is not None


def _call(word: str, behind: list[str]) -> str:
    """A call with the words behind a name as arguments, and a repeat behind it."""
    repeats = [one for one in behind if re.fullmatch(r"x\d+", one)]
    return " ".join((f"{word}({', '.join(one for one in behind if one not in repeats)})", *repeats))


def _is_block(word: str, statement: Span) -> bool:
    """Whether the file has a block of that name."""
    return re.search(rf"^[ \t]*block[ \t]+{re.escape(word)}[ \t]*\(", statement.source.text, re.MULTILINE) is not None


def _names(met: Met, at: Span, word: str, behind: list[str]) -> Diagnostic:
    """Names one behind another: branches without their bar, or a chain without its arrow."""
    branches = " | ".join((word, *behind))
    merge = re.search(r"^[^\[\]|]*?\]?\s*->\s*([A-Z]+)", met.rest)
    help = f"write [ {branches} ]" + (f" -> {merge[1]}" if merge else "")
    if met.bracket == "[" and not behind[1:]:
        help = Advice(help, "| ", at.start, at.start)
    what = "a bar is" if met.bracket == "[" else "a fork's brackets and bar are"
    return Diagnostic(mistakes.MissingBar(what, shown(word), shown(met.word), help), at)


def _misspelt(word: str, rest: str) -> str:
    """The keyword of a statement that a word may be meant for; short words are too near to many."""
    return closest(word, EXAMPLES) if len(word) > 3 or re.match(r"\w+\s*=", rest) else ""
