"""`netdsl see`."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netdsl.cli import common, preparing, progress, stream, weights
from netdsl.cli.trained import Trained, stem, trained
from netdsl.compile.errors import CompileError
from netdsl.compile.origin import Origin
from netdsl.data import DataError
from netdsl.draw import plot
from netdsl.draw.palette import THEMES
from netdsl.runtime.picture import UnreadablePictureError

if TYPE_CHECKING:
    from netdsl.compile.progress import Progress
    from netdsl.see.pictures import Pictures
    from netdsl.see.view import Seen, View

_WAYS = ("filters", "occlude", "deconv")


@click.command("see")
@click.argument("file")
@click.argument("pictures", nargs=-1, metavar="[PICTURE]...")
@click.option("--filters", is_flag=True, help="The kernels of the first convolution, or of --layer.")
@click.option("--occlude", is_flag=True, help="Where each PICTURE must not be covered.")
@click.option("--deconv", is_flag=True, help="The patterns that the channels of --layer answer to.")
@click.option("--layer", metavar="PATH", help="The layer that --filters or --deconv is about.")
@click.option("--class", "named", metavar="NAME", help="The class that --occlude is about; by default the likeliest.")
@click.option("--over", metavar="DATA", help="Pictures for --deconv: a folder of them, or data as for training.")
@click.option("--channels", metavar="0,3,7", help="Channels for --deconv; by default those that answer most.")
@click.option("--size", type=click.IntRange(1), metavar="N", help="Pixels of the square's side; by default a tenth.")
@click.option("--step", type=click.IntRange(1), metavar="N", help="Pixels that it moves by; by default half its side.")
@click.option("--theme", type=click.Choice([*THEMES]), default="light", show_default=True)
@click.option("-o", "--output", metavar="OUT", help="The picture: .png, .svg or .pdf. [default: FILE-filters.png, …]")
@weights.loading("Load the weights from a safetensors or .pth file.")
@partial(preparing.options, name="prepare")
@common.overriding
def command(
    file: str,
    pictures: tuple[str, ...],
    filters: bool,
    occlude: bool,
    deconv: bool,
    layer: str | None,
    named: str | None,
    over: str | None,
    channels: str | None,
    size: int | None,
    step: int | None,
    theme: str,
    output: str | None,
    origin: Origin | None,
    prepare: preparing.Asked,
    asked: common.Options,
) -> None:
    """Show what the features of a network see. FILE is the folder of a training, a compiled .pt,
    or a network with --weights.

    --filters shows the kernels of a convolution, and what they make of a PICTURE. --occlude moves a grey square over
    each PICTURE, and shows how likely its class still is by where the square is. --deconv finds what makes the channels
    of a layer answer the most, in the PICTUREs or in --over, and leads each answer back to the pixels that made it, as
    Zeiler and Fergus (2014) do.
    """
    ways = [way for way, given in zip(_WAYS, (filters, occlude, deconv), strict=True) if given]
    if len(ways) != 1:
        what = " and ".join(f"--{way}" for way in ways)
        message = f"{what} are a picture each" if ways else "what is to be seen?"
        raise common.UsageError(message, "write --filters, --occlude or --deconv")
    (way,) = ways
    for option, value, takers in (
        ("--layer", layer, ("filters", "deconv")),
        ("--class", named, ("occlude",)),
        ("--size", size, ("occlude",)),
        ("--step", step, ("occlude",)),
        ("--over", over, ("deconv",)),
        ("--channels", channels, ("deconv",)),
    ):
        if value is not None and way not in takers:
            raise common.UsageError(f"--{way} takes no {option}", f"that is for --{' or --'.join(takers)}")
    if way == "occlude" and not pictures:
        raise common.UsageError("--occlude: there is no picture", "name one, or several, behind FILE")
    if way == "deconv" and layer is None:
        raise common.UsageError("--deconv: of which layer?", "write --layer and its path, as netdsl summary lists it")
    if way == "deconv" and bool(pictures) == bool(over):
        raise common.UsageError("--deconv looks at PICTUREs, or at --over DATA", "write one of them")
    numbers = _channels(channels)
    target = Path(output or f"{stem(file)}-{way}.png")
    format = common.format_of(target, plot.FORMATS, "a picture")
    if not target.parent.is_dir():
        raise common.UsageError(f"{target}: there is no folder {target.parent}")
    network = trained(file, origin, asked, "see")
    with _telling(), weights.telling(), progress.shown() as shown:
        view = _view(network, prepare, shown)
        seen: Seen[object]
        if way == "filters":
            seen = view.filters(layer, pictures or None)
        elif way == "occlude":
            seen = view.occlude(pictures, named, size=size, step=step, progress=shown)
        else:
            some = pictures if over is None else _over(Path(over))
            seen = view.deconv(layer or "", some, numbers, progress=shown)
        with common.telling():
            picture = seen.draw(format=format, theme=theme)
    common.write(target, picture)
    for line in seen.told:
        stream.line(line)
    stream.line(f"{target}: {seen.about}")


def _view(network: Trained, prepare: preparing.Asked, shown: Progress) -> View:
    """A network with its weights. Raises UsageError, and SeeError for one that takes no pictures."""
    from netdsl import compile
    from netdsl.see.subject import Subject
    from netdsl.see.view import View

    shaped = network.shaped
    module = compile.module(shaped, train=False, weights=network.origin, progress=shown)
    if network.origin is None:
        common.warn("the weights are untrained: what is seen is what chance made; --weights loads others")
    else:
        weights.tell(module.meta["weights"])
    input = shaped.shapes[shaped.graph.inputs[0]]
    preparation, _ = prepare.prepared(network, input.channels)
    return View(Subject(shaped, module, preparation, network.classes, inverted=prepare.invert))


def _over(path: Path) -> Pictures:
    """The pictures of a folder, or those of data: for testing, else for validation. Raises UsageError."""
    from netdsl import data
    from netdsl.see import pictures

    if path.is_dir() and (found := pictures.within(path)):
        return found
    with common.reading(str(path)):
        read = data.read(path)
        return read.test or read.validation


def _channels(text: str | None) -> Sequence[int]:
    """Channels by their numbers. Raises UsageError."""
    words = [] if text is None else [word.strip() for word in text.split(",")]
    if not all(word.isascii() and word.isdigit() for word in words):
        raise common.UsageError(f"--channels {text}: not numbers of channels", "write --channels 0,3,7")
    return list(dict.fromkeys(map(int, words)))


@contextmanager
def _telling() -> Generator[None]:
    """What cannot be seen is told as a mistake on the command line."""
    from netdsl.draw.render import RenderError
    from netdsl.see.errors import SeeError

    try:
        yield
    except (SeeError, DataError) as error:
        raise common.UsageError(str(error), error.help) from None
    except (UnreadablePictureError, CompileError, RenderError) as error:
        raise common.UsageError(str(error)) from None
