"""The options that say where weights come from, for the commands that take them."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from netdsl.cli import common, stream
from netdsl.compile.errors import UnreadableWeightsError, WeightsMapError, WeightsMismatchError, WeightsOrderError
from netdsl.compile.inits import DEFAULT, INITS
from netdsl.compile.origin import WAYS, By, Origin, Remarks
from netdsl.text import safe
from netdsl.train.folder import BEST

Command = TypeVar("Command", bound=Callable[..., Any])


initial = click.option(
    "--init",
    type=click.Choice(list(INITS)),
    default=DEFAULT,
    show_default=True,
    help="What untrained weights start from; by default by what follows each layer.",
)
"""Gives a command the name of an initialisation, as `init`."""


def loading(help: str, *, anew: bool = False) -> Callable[[Command], Command]:
    """Gives a command the options of weights, as `origin`: an Origin, or None; with `anew` for fine-tuning."""

    def give(command: Command) -> Command:
        @wraps(command)
        def asking(
            *, weights: str | None, weights_by: By | None, weights_map: str | None, map_output: str | None, **rest: Any
        ) -> object:
            return command(origin=_origin(weights, weights_by, weights_map, map_output, anew), **rest)

        for option in (
            click.option(
                "--map-output", metavar="OUT", help="Where to write such a list, of what --weights-by order finds."
            ),
            click.option("--weights-map", metavar="FILE", help="A list of names: theirs = ours, one a line."),
            click.option(
                "--weights-by",
                type=click.Choice(WAYS),
                help="How tensors find theirs; by order for torchvision's files.  [default: name]",
            ),
            click.option("--weights", metavar="FILE", help=help),
        ):
            asking = option(asking)
        return cast("Command", asking)

    return give


def _origin(weights: str | None, by: By | None, map: str | None, map_output: str | None, anew: bool) -> Origin | None:
    """Where weights come from. Raises UsageError for options that do not go together."""
    others = {"--weights-by": by, "--weights-map": map, "--map-output": map_output}
    given = [option for option, value in others.items() if value is not None]
    if weights is None:
        if given:
            raise common.UsageError(f"{given[0]}: there are no weights", "write --weights FILE too")
        return None
    if (best := Path(weights, BEST)).is_file():
        raise common.UsageError(f"--weights {weights}: is a folder, and no file of weights", f"write --weights {best}")
    if by == "order" and map is not None:
        raise common.UsageError("--weights-map says names, and --weights-by order has none", "leave one out")
    if by != "order" and map_output is not None:
        raise common.UsageError("--map-output is of what is found by order", "write --weights-by order too")
    paths = [None if one is None else Path(one) for one in (map, map_output)]
    return Origin(Path(weights), by or "name", *paths, anew=anew)


@contextmanager
def telling() -> Generator[None]:
    """What is wrong with weights is told as a mistake on the command line, with what to do."""
    try:
        yield
    except (WeightsMismatchError, WeightsOrderError) as error:
        raise common.UsageError(str(error), error.help) from None
    except (UnreadableWeightsError, WeightsMapError) as error:
        raise common.UsageError(str(error)) from None


def tell(told: Remarks) -> None:
    """Say what there is to say of weights."""
    for sentence in told.notes:
        stream.note(safe.line(f"note: {sentence}"))
    for sentence in (*told.lacking, *told.odd):
        common.warn(sentence)
