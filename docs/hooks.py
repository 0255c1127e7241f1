"""Pages that MkDocs makes from the code: every layer, every diagnostic, and the options of every command."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from case_studies.page import PAGE, page
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

from netdsl import resources
from netdsl.api import load
from netdsl.cli.main import cli
from netdsl.draw import STYLES, Style, draw
from netdsl.graph.build import build
from netdsl.layers import table
from netdsl.layers.arguments import Argument, arguments_of, show
from netdsl.layers.base import Layer
from netdsl.measure import expect
from netdsl.text import render
from netdsl.text.codes import CODES, Code
from netdsl.text.diagnostic import Report
from netdsl.text.source import Source

_HELP = re.compile(r"^<!-- help of netdsl ?(\w*) -->$", re.MULTILINE)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    files.append(File.generated(config, "layers.md", content="\n".join(_layers())))
    files.append(File.generated(config, "errors.md", content="\n".join(_errors())))
    for style in STYLES:
        files.append(File.generated(config, f"gallery/{style}.md", content="\n".join(_gallery(style))))
        for path in resources.bundled():
            files.append(File.generated(config, f"gallery/{style}/{path.stem}.svg", content=_picture(path, style)))
            if style == "flow":
                page = _picture(path, style, "html")
                files.append(File.generated(config, f"gallery/{style}/{path.stem}.html", content=page))
    return files


def on_pre_build(config: MkDocsConfig) -> None:
    """The case studies are what their claims make of them."""
    if PAGE.read_text(encoding="utf-8") != page():
        raise PluginError("docs/slides.md is not as it is made: `make pages` writes it anew")


def on_page_markdown(markdown: str, **_: object) -> str:
    """Put a command's help where a page asks for it."""
    return _HELP.sub(lambda match: _help(match[1]), markdown)


def _help(name: str) -> str:
    context = click.Context(cli, info_name="netdsl", terminal_width=88, **cli.context_settings)
    command = cli.get_command(context, name) if name else cli
    assert command is not None, f"there is no command {name}"
    inner = click.Context(command, info_name=name, parent=context, terminal_width=88) if name else context
    return f"```text\n{command.get_help(inner)}\n```"


# Layers

_CHAPTERS = {
    "input": "Input",
    "convolution": "Convolution",
    "dense": "Fully connected",
    "pooling": "Pooling",
    "normalization": "Normalisation",
    "activation": "Activation",
    "dropout": "Dropout",
    "reshape": "Moving values",
    "merge": "Merging",
}


def _layers() -> Iterator[str]:
    yield "# Layers\n"
    yield (
        "All layers that come with netdsl, as `netdsl layers` lists them and `netdsl layers CONV` explains one. A size"
        " is given once for all spatial axes, or as dims with one for each. An argument with a default may be left"
        " out; [the language](language.md#arguments) says how each kind is written.\n"
    )
    rows = dict.fromkeys(row for keyword in table.keywords() if (row := table.find(keyword)))
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


# Pictures

_STYLES = {
    "flow": "Layers as boxes, blocks as frames, repeats once. Each picture leads to a page to look into.",
    "columns": "One box a layer, from the input at the foot to the result on top.",
    "volumes": "What each layer gives, to scale, with the windows that the next layer slides over it.",
}


def _gallery(style: Style) -> Iterator[str]:
    yield f"# Gallery: {style}\n\n{_STYLES[style]}\n"
    yield f"`netdsl draw NAME --style {style}` makes them; [Pictures](../pictures.md) says more.\n"
    for path in resources.bundled():
        title = load(path).title
        shown = f"![{title}]({style}/{path.stem}.svg)"
        linked = f"[{shown}]({style}/{path.stem}.html)" if style == "flow" else shown
        yield f"## {title}\n\n`{path.stem}`\n\n{linked}\n"


def _picture(path: Path, style: Style, format: str = "svg") -> bytes:
    return draw(load(path).shaped, format, style=style)


# Diagnostics


def _errors() -> Iterator[str]:
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
    yield f"### {code.name}\n\n{code.meaning}\n\n{code.fix}\n"
    yield f"```net-wrong\n{code.example.rstrip()}\n```\n"
    yield f"```text\n{_diagnosed(code)}\n```\n"


def _diagnosed(code: Code) -> str:
    """What `netdsl check` says of a code's example."""
    report = Report()
    with TemporaryDirectory() as folder, chdir(folder):
        path = Path("example.net")
        path.write_text(code.example, encoding="utf-8")
        shaped = build(Source(code.example, path.name), path, report)
        if shaped is not None:
            expect.prove(shaped, report)
    return "\n".join(render.text(found) for found in report.diagnostics()).rstrip()
