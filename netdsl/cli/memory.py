"""`netdsl memory`."""

from __future__ import annotations

import click

from netdsl.cli import common, stream
from netdsl.measure import units
from netdsl.measure.memory import OPTIMIZERS
from netdsl.measure.meter import KEEPS, PRECISIONS, memory


@click.command("memory")
@click.argument("file")
@click.option(
    "--batch", type=click.IntRange(1), metavar="N", help="Examples at once; by default 1, or the most that fit."
)
@click.option("--optimizer", type=click.Choice(list(OPTIMIZERS)), default="momentum", show_default=True)
@click.option("--precision", type=click.Choice(PRECISIONS), default="fp32", show_default=True, help="Of all numbers.")
@click.option(
    "--keep",
    type=click.Choice(KEEPS),
    default="saved",
    show_default=True,
    help="What training keeps: what PyTorch saves, or all activations and their gradients.",
)
@click.option("--ema", is_flag=True, help="Training with a moving average of the weights beside them.")
@click.option("--fit", "size", metavar="SIZE", help="The memory of each device, as 3GB: find the largest batch.")
@common.formats("table", "json", "markdown")
@common.overriding
def command(
    file: str,
    batch: int | None,
    optimizer: str,
    precision: str,
    keep: str,
    ema: bool,
    size: str | None,
    form: str,
    asked: common.Options,
) -> None:
    """Tell what a network takes in memory, in training and in inference, device by device, and which batch fits."""
    fit = None if size is None else _bytes(size)
    shaped = common.network(file, asked)
    found = memory(shaped, batch, optimizer=optimizer, precision=precision, keep=keep, ema=ema, fit=fit)
    match form:
        case "json":
            stream.data(found.json())
        case "markdown":
            stream.lines(found.markdown())
        case _:
            stream.page(found.text)


def _bytes(size: str) -> int:
    try:
        found = units.bytes_of(size)
    except ValueError:
        raise common.UsageError(f"--fit {size}: not a size", "write --fit 3GB, 512MB or a number of bytes") from None
    if not found:
        raise common.UsageError(f"--fit {size}: nothing fits into nothing")
    return found
