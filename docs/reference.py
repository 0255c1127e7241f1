"""Pages that are made of the code: every layer, diagnostic and bundled network, and the options of every command.

They are kept beside the pages that are written by hand, so that they can be read in the repository: `make pages`
writes them, and tests hold them against what is made.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator
from itertools import groupby, takewhile
from operator import itemgetter
from pathlib import Path

import click
from case_studies import page as slides

from netdsl.cli import list as listing
from netdsl.cli.main import cli
from netdsl.explain.code import page
from netdsl.layers import table
from netdsl.layers.arguments import Argument, arguments_of, show
from netdsl.layers.base import Layer
from netdsl.recipe import KEYS, read, reads
from netdsl.recipe.keys import shown
from netdsl.resources import networks, recipes
from netdsl.text.codes import CODES, Code
from netdsl.text.diagnostic import Report
from netdsl.text.source import Source

DOCS = Path(__file__).parent
_NOTE = "<!-- Made by `make pages` of docs/reference.py, and checked by the tests: change {}, not this. -->\n"
_HELP = re.compile(r"^(<!-- help of netdsl ?(\w*) -->)\n(?:```text\n.*?^```\n)?", re.MULTILINE | re.DOTALL)

RECIPES = DOCS / "recipes.md"
_MADE = re.compile(r"^(<!-- (keys|mistakes|recipes) -->)\n(?:\|.*\n|```text\n(?s:.*?)^```\n)*", re.MULTILINE)


def pages() -> dict[Path, str]:
    """What each page that is made, in part or in whole, has to be."""
    commands = DOCS / "commands.md"
    return {
        DOCS / "layers.md": "\n".join(_layers()),
        DOCS / "errors.md": "\n".join(_errors()),
        DOCS / "networks.md": "\n".join(_networks()),
        RECIPES: _MADE.sub(lambda found: f"{found[1]}\n{_recipes(found[2])}", RECIPES.read_text(encoding="utf-8")),
        commands: _HELP.sub(lambda found: f"{found[1]}\n{_help(found[2])}", commands.read_text(encoding="utf-8")),
        slides.PAGE: slides.page(),
    }


def _help(name: str) -> str:
    """The help of a command, as a block."""
    context = click.Context(cli, info_name="netdsl", terminal_width=88, **cli.context_settings)
    command = cli.get_command(context, name) if name else cli
    assert command is not None, f"there is no command {name}"
    inner = click.Context(command, info_name=name, parent=context, terminal_width=88) if name else context
    return f"```text\n{command.get_help(inner)}\n```\n"


# Layers

_CHAPTERS = {
    "input": "Input",
    "convolution": "Convolution",
    "attention": "Attention",
    "dense": "Fully connected",
    "recurrent": "Recurrent",
    "pooling": "Pooling",
    "normalization": "Normalisation",
    "activation": "Activation",
    "dropout": "Dropout",
    "reshape": "Moving values",
    "merge": "Merging",
}


def _layers() -> Iterator[str]:
    yield _NOTE.format("the layers' docstrings")
    yield "# Layers\n"
    yield (
        "All layers that come with netdsl, as `netdsl layers` lists them and `netdsl layers CONV` explains one. A size"
        " is given once for all spatial axes, or as dims with one for each. An argument with a default may be left"
        " out; [the language](language.md#arguments) says how each kind is written.\n"
    )
    found = dict.fromkeys(row for keyword in table.keywords() if (row := table.find(keyword)))
    rows = [row for row in found if row.__module__.startswith("netdsl.")]
    for role, title in _CHAPTERS.items():
        yield f"## {title}\n"
        for row in rows:
            if row.role == role:
                yield from _layer(row)


def _layer(row: type[Layer]) -> Iterator[str]:
    yield f"### {row.keyword}\n"
    if row.aliases:
        yield f"Also written {', '.join(f'`{alias}`' for alias in row.aliases)}.\n"
    yield inspect.cleandoc(row.__doc__ or "") + "\n"
    if arguments := arguments_of(row):
        yield "| argument | takes | default | |\n|---|---|---|---|"
        for argument in arguments:
            yield f"| {_written(argument)} | {argument.kind.noun} | {_default(argument)} | {argument.help} |"
        yield ""


def _written(argument: Argument) -> str:
    match argument.form:
        case "tag":
            return f"`{argument.letter}` {argument.field}"
        case "option":
            return f"`{argument.field}=`"
        case "flag":
            return f"`{argument.field}`"
        case "positional":
            return argument.field


def _default(argument: Argument) -> str:
    if argument.required:
        return "*needed*"
    if argument.default in (None, False):
        return ""
    return f"`{show(argument.default)}`"  # pyright: ignore[reportArgumentType] - a default is a value


# Diagnostics


def _errors() -> Iterator[str]:
    yield _NOTE.format("netdsl/text/codes.py")
    yield "# Errors and warnings\n"
    yield (
        "Whatever is wrong with a network is told under one of these codes, which do not change. Errors end a command"
        " with exit status 1; warnings do not. All that can be found is found in one run.\n"
    )
    for severity in ("error", "warning"):
        yield f"## {severity.capitalize()}s\n"
        for code in CODES.values():
            if code.severity == severity:
                yield from _code(code)


def _code(code: Code) -> Iterator[str]:
    yield f"{page(code).markdown()}\n"


# Networks


def _networks() -> Iterator[str]:
    yield _NOTE.format("the comments and `meta` lines of networks/*.net")
    yield "# Networks\n"
    yield (
        "The networks that come with netdsl, as `netdsl list` has them. Each is a file of `networks/`, whose first"
        " comment says which variant it is and after what source; `netdsl check` proves its figures. Parameters and"
        " MACs are those of inference, for one example.\n"
    )
    for group, rows in groupby(listing.rows(), itemgetter("group")):
        yield f"## {group.capitalize()}\n"
        yield "| network | | year | parameters | MACs | depth |\n|---|---|---:|---:|---:|---:|"
        for row in rows:
            about, figures = _about(row["name"]), f"{row['params']:,} | {row['macs']:,} | {row['depth']}"
            yield f"| `{row['name']}` | {about} | {row['year']} | {figures} |"
        yield ""


def _about(name: str) -> str:
    """The first sentence of a network's file."""
    text = (networks() / f"{name}.net").read_text(encoding="utf-8")
    comment = " ".join(line.removeprefix("# ") for line in takewhile(lambda line: line[0] == "#", text.splitlines()))
    return re.split(r"(?<=\.) (?=[A-Z(])", comment)[0]


# Recipes


def _recipes(what: str) -> str:
    """A part of the page of recipes."""
    match what:
        case "keys":
            rows = [f"`{key.name}` | {key.kind.noun} | `{shown(key.default)}` | {key.help}" for key in KEYS]
            return _table("key | takes | default | ", "---|---|---|---", rows)
        case "mistakes":
            report = Report()
            reads(Source('optimizer = "adma"\nlr = 0.1\nepochs: 20\n', "mine.toml"), report)
            return "```text\n" + "\n\n".join(map(str, report.diagnostics())) + "\n```\n"
        case _:
            head = "recipe | optimizer | rate | schedule | batch | epochs | decay | augmentation"
            return _table(head, "---|---|---:|---|---:|---:|---:|---", map(_recipe, recipes()))


def _recipe(path: Path) -> str:
    one = read(path, Report())
    falls = {"plateau": f"×{one.factor:g} on plateaus", "step": f"×{one.factor:g} each {one.patience}"}
    schedule = falls.get(one.schedule, one.schedule) + (f", warm-up of {one.warmup:g}" if one.warmup else "")
    figures = f"{one.rate:g} | {schedule} | {one.batch} | {one.epochs} | {one.decay:g}"
    return f"`{path.stem}` | {one.optimizer} | {figures} | {', '.join(one.augmentation)}"


def _table(head: str, line: str, rows: Iterable[str]) -> str:
    return f"| {head} |\n|{line}|\n" + "".join(f"| {row} |\n" for row in rows)


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
