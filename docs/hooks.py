"""What MkDocs adds to the pages: a gallery of every bundled network, in each style."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from reference import pages

from netdsl import resources
from netdsl.api import load
from netdsl.draw import STYLES, Style, draw


def on_pre_build(config: MkDocsConfig) -> None:
    """The pages that are made of the code are as they are made."""
    old = [path.name for path, text in pages().items() if path.read_text(encoding="utf-8") != text]
    if old:
        raise PluginError(f"{', '.join(old)}: not as they are made: `make pages` writes them anew")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the gallery."""
    for style in STYLES:
        files.append(File.generated(config, f"gallery/{style}.md", content="\n".join(_gallery(style))))
        for path in resources.bundled():
            files.append(File.generated(config, f"gallery/{style}/{path.stem}.svg", content=_picture(path, style)))
            if style == "flow":
                page = _picture(path, style, "html")
                files.append(File.generated(config, f"gallery/{style}/{path.stem}.html", content=page))
    return files


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
