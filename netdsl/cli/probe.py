"""`netdsl probe`."""

from __future__ import annotations

import warnings
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import click

from netdsl.cli import common, stream, weights
from netdsl.cli.compiled import running
from netdsl.compile.inits import DEFAULT, INITS
from netdsl.compile.origin import Origin, Remarks, WeightsWarning
from netdsl.draw import plot
from netdsl.draw.palette import THEMES
from netdsl.text import safe
from netdsl.text.suggest import did_you_mean
from netdsl.train.readings import KINDS, Kind

_ALL = "warnings"


@click.command("probe")
@click.argument("file")
@click.option(
    "--init", "inits", metavar="NAME,…", help=f"What weights start from; several are compared.  [default: {DEFAULT}]"
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of weights, and of random examples.")
@click.option("--batch", type=click.IntRange(2), default=8, show_default=True, metavar="N", help="Examples that run.")
@click.option("--data", metavar="DATA", help="Take the examples from data, as `netdsl train` does.")
@click.option("--loss", "kind", type=click.Choice(KINDS), help="The loss, where the last layer does not say it.")
@click.option("--device", metavar="NAME", default="cpu", show_default=True, help="Where they run: cpu, cuda or cuda:1.")
@weights.loading("Probe the network with the weights of a file.")
@common.formats("table", "json", "csv", "markdown")
@click.option("--all", "every", is_flag=True, help="A row for every layer, copies of repeats too, by its path.")
@click.option("-o", "--output", metavar="OUT", help="Draw signals by depth too: .svg, .png or .pdf.")
@click.option("--theme", type=click.Choice([*THEMES]), help="The picture's colours.  [default: light]")
@click.option("--deny", metavar="CODE", multiple=True, help="Take a warning, or all `warnings`, for errors.")
@common.overriding
def command(
    file: str,
    inits: str | None,
    seed: int,
    batch: int,
    data: str | None,
    kind: Kind | None,
    device: str,
    origin: Origin | None,
    form: str,
    every: bool,
    output: str | None,
    theme: str | None,
    deny: tuple[str, ...],
    asked: common.Options,
) -> None:
    """Tell whether a network can start to learn: its signal, dead units and gradients, layer by layer.

    A batch of examples runs once, forward and backward. The signal is the standard deviation of a layer's outputs
    between examples, beside it as a share of their size; dead units are the same for all examples, and the gradient is
    told as a share of the weight. Examples are random, as smooth as photographs are, or those of --data.
    """
    names = _inits(inits, origin)
    _denied(deny)
    if theme is not None and output is None:
        raise common.UsageError("--theme goes with a picture", "write -o OUT.svg too")
    target = None if output is None else Path(output)
    if target is not None:
        common.format_of(target, plot.FORMATS, "a picture of signals")
    shaped = common.network(file, asked)
    from netdsl.probe import probe

    with _telling(file, batch):
        source = None if data is None else Path(data)
        found = probe(
            shaped, inits=names, seed=seed, batch=batch, weights=origin, data=source, kind=kind, device=device
        )
    weights.tell(Remarks(notes=found.remarks.notes))
    match form:
        case "json":
            stream.data(found.json())
        case "csv":
            stream.lines(found.csv())
        case "markdown":
            stream.lines(found.markdown())
        case _:
            stream.page(lambda look: found.text(look, every=every))
    if target is not None:
        with common.telling():
            common.write(target, found.draw(format=target.suffix[1:].lower(), theme=theme or "light"))
        stream.note(safe.line(f"{target}: signal by depth"))
    failed = False
    for one in found.runs:
        if one.warnings and len(found.runs) > 1:
            stream.note(safe.line(f"init {one.name}:"))
        told = [replace(each, denied=each.code in deny or _ALL in deny) for each in one.warnings]
        failed |= any(each.denied for each in told)
        common.say(told)
    raise SystemExit(1 if failed else 0)


def _inits(given: str | None, origin: Origin | None) -> Sequence[str]:
    """The names of inits. Raises UsageError."""
    if given is None:
        return [DEFAULT]
    if origin is not None:
        raise common.UsageError("--init is for a network without --weights", "leave one out")
    names = [name.strip() for name in given.split(",")]
    for name in names:
        if name not in INITS:
            help = did_you_mean(name, INITS) or f"it is one of {', '.join(INITS)}"
            raise common.UsageError(f"--init {given}: there is no init {name or 'without a name'}", help)
    return list(dict.fromkeys(names))


def _denied(codes: Sequence[str]) -> None:
    """Raise UsageError for a code that no warning of a probe has."""
    from netdsl.probe.mistakes import CODES

    for code in codes:
        if code not in (_ALL, *CODES):
            help = did_you_mean(code, (_ALL, *CODES)) or f"one of {', '.join((_ALL, *CODES))}"
            raise common.UsageError(f"--deny {code}: no warning of a probe has this code", help)


@contextmanager
def _telling(file: str, batch: int) -> Generator[None]:
    """What keeps a network from running is told as a mistake on the command line."""
    from netdsl.data import DataError
    from netdsl.train.errors import RoomError
    from netdsl.train.loss import LossError

    try:
        with common.placing(), weights.telling(), running(file), warnings.catch_warnings():
            warnings.simplefilter("ignore", WeightsWarning)  # numbers that are none are told by their layer
            yield
    except DataError as error:
        raise common.UsageError(str(error), error.help) from None
    except LossError as error:
        raise common.UsageError(error.reason, error.help) from None
    except RoomError as error:
        help = "write --batch 2, or a smaller --input" if batch > 2 else "write a smaller --input"
        raise common.UsageError(str(error), help) from None
